"""Build and run a generated project's images with buildah, as root, without a daemon or a registry."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from ..harness.answers import REPOSITORY
from ..harness.commands import Command, clean_environment, run
from ..harness.servers import wait_until

MISSING = [program for program in ("buildah", "debootstrap") if shutil.which(program) is None]
CANNOT_BUILD = f"images are built by root, with buildah and debootstrap; missing: {MISSING}, user {os.geteuid()}"
DEFAULT_SITE = "/etc/nginx/conf.d/default.conf"
CAN_BUILD = not MISSING and os.geteuid() == 0


def image_names() -> dict[str, str]:
    """Return the names of the base images."""
    table = (REPOSITORY / "extensions" / "versions.jinja").read_text().split("set images = {")[1].split("}")[0]
    return dict(re.findall(r'"(\w+)": "([^"]+)"', table))


def mirror() -> str:
    """Return the address of Debian's packages in this machine's apt configuration."""
    chosen = ["Created-By: Packages", "Component: main", "Label: Debian"]
    addresses = run(["apt-get", "indextargets", "--format", "$(SITE)", *chosen], REPOSITORY).split()
    assert addresses, "apt knows no index of Debian's packages: apt-get update fetches it."
    return addresses[0]


class Buildah:
    """buildah with its store in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.options = ["--root", str(folder / "store"), "--runroot", str(folder / "run")]
        if subprocess.run(["buildah", *self.options, "info"], capture_output=True, check=False).returncode:
            self.options += ["--storage-driver", "vfs"]  # slower, but works inside a container

    def __call__(self, command: str, *arguments: str | Path, fails: bool = False) -> str:
        """Run a command of buildah and return its output."""
        return run(["buildah", *self.options, command, *arguments], self.folder, fails=fails).strip()

    def make_bases(self) -> None:
        """Create stand-ins for the images of a registry: Debian's own Python, and a folder for nginx."""
        names, root = image_names(), self.folder / "debian"
        release = names["python"].rsplit("-", 1)[1]
        wanted = "--include=ca-certificates,python3-pip"
        run(["debootstrap", "--variant=minbase", wanted, release, root, mirror()], self.folder)
        # The real image has its Python there, and allows pip to install packages.
        (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        for path in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
            path.unlink()
        container = self("from", "scratch").splitlines()[-1]
        self("copy", "--quiet", container, root, "/")
        shutil.rmtree(root)
        path_variable = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        self("config", "--env", path_variable, "--cmd", "python3", container)
        if certificates := os.environ.get("SSL_CERT_FILE"):  # the certificates that this machine trusts
            self("copy", "--quiet", container, certificates, "/etc/ssl/certs/ca-certificates.crt")
            self("config", "--env", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt", container)
        self("commit", "--quiet", container, f"docker.io/library/{names['python']}")
        self("run", "--isolation", "chroot", container, "--", "install", "-D", "/dev/null", DEFAULT_SITE)
        self("commit", "--quiet", "--rm", container, f"docker.io/library/{names['nginx']}")

    def build(self, project: Path, stage: str) -> str:
        """Build a stage of the project's Dockerfile and return the name of the image."""
        flags = ["--isolation", "chroot", "--pull-never", "--layers", "--format", "docker"]
        self("bud", *flags, "--target", stage, "--tag", stage, project)
        return f"localhost/{stage}"

    def configuration(self, image: str) -> dict[str, Any]:
        """Return the configuration of an image."""
        inspected = json.loads(self("inspect", "--type", "image", image))
        return dict(inspected["Docker"]["config"])

    def remove(self) -> None:
        """Remove all containers and images. Their folder may be a mount."""
        self("rm", "--all")
        subprocess.run(["umount", self.folder / "store" / "overlay"], capture_output=True, check=False)
        shutil.rmtree(self.folder)


class Container:
    """A container with variables and mounts, on this machine's network."""

    def __init__(
        self, buildah: Buildah, image: str, variables: Mapping[str, str], mounts: Mapping[Path, str] | None = None
    ) -> None:
        self.buildah = buildah
        self.name = buildah("from", "--pull-never", image).splitlines()[-1]
        self.flags = ["--isolation", "chroot"]
        for name, value in variables.items():
            self.flags += ["--env", f"{name}={value}"]
        for source, target in (mounts or {}).items():
            self.flags += ["--volume", f"{source}:{target}"]

    def run(self, *command: str, fails: bool = False) -> str:
        """Run a command in the container and return its output."""
        return self.buildah("run", *self.flags, self.name, "--", *command, fails=fails)

    @contextmanager
    def running(self, command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
        """Run a program in the container while the block runs. It must exit with 0 after SIGTERM."""
        whole: Command = ["buildah", *self.buildah.options, "run", *self.flags, self.name, "--", *command]
        with log.open("wb") as output:
            process = subprocess.Popen(whole, env=clean_environment(), stdout=output, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            if process.poll() is None:
                # buildah does not pass the signal on, unlike a container runtime.
                os.kill(program(process.pid), signal.SIGTERM)
            try:
                code = process.wait(60)
            except subprocess.TimeoutExpired:
                os.kill(program(process.pid), signal.SIGKILL)
                process.wait()
                raise
        assert code == 0, log.read_text()


def program(pid: int) -> int:
    """Return the process that buildah runs. buildah has processes of its own in between."""

    def child(parent: int) -> int:
        tasks = Path(f"/proc/{parent}/task").glob("*/children")
        return next((int(pid) for children in tasks for pid in children.read_text().split()), parent)

    def is_buildah(process: int) -> bool:
        return b"buildah" in Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")[0]

    def reaches_it() -> bool:
        nonlocal pid
        pid = child(pid) if is_buildah(pid) else pid
        return not is_buildah(pid)

    wait_until(reaches_it, 10, "buildah starts the program")
    return pid


def compose(project: Path, name: str) -> dict[str, Any]:
    """Return a Compose file with resolved anchors and merges."""
    return dict(yaml.safe_load((project / name).read_text()))


def variables_of(service: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a service of a Compose file, as Compose resolves them."""

    def fill_in(match: re.Match[str]) -> str:
        return given[match[1]]

    environment = service.get("environment", {})
    return {name: re.sub(r"\$\{(\w+):\?[^}]+\}", fill_in, str(value)) for name, value in environment.items()}

"""A Docker daemon of the tests' own, with Compose, and images for the Compose files of generated projects."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from ..harness.answers import REPOSITORY
from ..harness.commands import Command, clean_environment, run
from ..harness.servers import wait_until

# Debian keeps the programs of administrators outside PATH of other users.
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
MISSING = [name for name in ("debootstrap", "docker", "dockerd", "iptables") if shutil.which(name, path=PATH) is None]
CAN_RUN = not MISSING and os.geteuid() == 0
CANNOT_RUN = f"root runs Docker, and images made with debootstrap; missing: {MISSING}, user {os.geteuid()}"

CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
# The suite of Debian with the versions of Compose, PostgreSQL, Redis, and nginx that projects need.
SUITE = "testing"


def image_names() -> dict[str, str]:
    """Return the names of the images that projects use."""
    table = (REPOSITORY / "extensions" / "versions.jinja").read_text().split("set images = {")[1].split("}")[0]
    return dict(re.findall(r'"(\w+)": "([^"]+)"', table))


def mirror() -> str:
    """Return the address of Debian's packages in this machine's apt configuration."""
    chosen = ["Created-By: Packages", "Component: main", "Label: Debian"]
    addresses = run(["apt-get", "indextargets", "--format", "$(SITE)", *chosen], REPOSITORY).split()
    assert addresses, "apt knows no index of Debian's packages: apt-get update fetches it."
    return addresses[0]


def package_settings() -> dict[str, str]:
    """Return this machine's variables that tell pip and uv where packages are."""
    wanted = re.compile(r"(PIP|UV)_\w*(INDEX|TRUSTED)\w*|(https?|no)_proxy", re.IGNORECASE)
    return {name: value for name, value in os.environ.items() if wanted.fullmatch(name)}


class Docker:
    """A daemon with its data, configuration, and socket in a folder, whose path must be short."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.variables = {"DOCKER_CONFIG": f"{folder}/config", "DOCKER_HOST": f"unix://{folder}/socket", "PATH": PATH}
        places = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
        options = [f"--{option}={folder / name}" for option, name in places.items()]
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                ["dockerd", f"--host={self.variables['DOCKER_HOST']}", *options],
                cwd=folder,
                env=clean_environment(self.variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._is_ready, 60, "the Docker daemon starts")
        self._install_plugins()

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, (self.folder / "log").read_text()
        command = ["docker", "version"]
        return not subprocess.run(command, env=clean_environment(self.variables), capture_output=True).returncode

    def _install_plugins(self) -> None:
        """Install Compose and buildx in the configuration's folder. Debian 12 has no package of either."""
        folder = self.folder / "plugins"
        for name in ("cache/archives/partial", "lists/partial"):
            (folder / name).mkdir(parents=True)
        key = "/usr/share/keyrings/debian-archive-keyring.gpg"
        (folder / "sources.list").write_text(f"deb [signed-by={key} check-valid-until=no] {mirror()} {SUITE} main\n")
        places = {"Etc::sourcelist": "sources.list", "State::lists": "lists", "Cache": "cache"}
        options = [f"-oDir::{option}={folder / name}" for option, name in places.items()]
        options += ["-oDir::Etc::sourceparts=-", "-oAPT::Sandbox::User=root", "--quiet=2"]
        run(["apt-get", *options, "update"], folder)
        run(["apt-get", *options, "download", "docker-buildx", "docker-compose"], folder)
        for package in folder.glob("*.deb"):
            run(["dpkg-deb", "--extract", package, folder / "root"], folder)
        shutil.copytree(folder / "root/usr/libexec/docker/cli-plugins", self.folder / "config" / "cli-plugins")
        shutil.rmtree(folder)

    def __call__(self, *arguments: str | Path, cwd: Path | None = None, fails: bool = False) -> str:
        """Run a command of docker and return its output."""
        return run(["docker", *arguments], cwd or self.folder, self.variables, fails=fails).strip()

    def shell(
        self, cwd: Path, commands: str, variables: Mapping[str, str] | None = None, *, fails: bool = False
    ) -> str:
        """Type commands into a shell, and return its output."""
        command: Command = ["bash", "-c", commands]
        return run(command, cwd, self.variables | dict(variables or {}), fails=fails)

    def stop(self) -> None:
        """Stop the daemon with all its containers, and delete its data."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)
        shutil.rmtree(self.folder)

    def make_images(self) -> None:
        """Get the images that projects use: from their registry, or else made of Debian's packages."""
        names = image_names()
        if not subprocess.run(
            ["timeout", "60", "docker", "pull", "--quiet", names["python"]],
            env=clean_environment(self.variables),
            capture_output=True,
        ).returncode:
            for name in names.values():
                self("pull", "--quiet", name)
            return
        self._make_python(names["python"])
        folder = self.folder / "images"
        shutil.copytree(Path(__file__).with_name("images"), folder)
        given = {"BASE": names["python"], "MIRROR": mirror(), "SUITE": SUITE}
        arguments = [part for name, value in given.items() for part in ("--build-arg", f"{name}={value}")]
        for target in ("mailpit", "nginx", "postgresql", "redis"):
            self(
                "buildx",
                "build",
                "--quiet",
                "--load",
                *arguments,
                f"--target={target}",
                f"--tag={names[target]}",
                folder,
            )

    def _make_python(self, name: str) -> None:
        """Create a stand-in for the image of Python, with Debian's own Python."""
        root = self.folder / "debian"
        release = name.rsplit("-", 1)[1]
        run(
            ["debootstrap", "--variant=minbase", "--include=ca-certificates,python3-pip", release, root, mirror()],
            self.folder,
            {"PATH": PATH},
        )
        # The real image has its Python there, and allows pip to install packages.
        (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        for path in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
            path.unlink()
        variables = package_settings() | {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        if certificates := os.environ.get("SSL_CERT_FILE"):  # the certificates that this machine trusts
            shutil.copyfile(certificates, root / CERTIFICATES[1:])
            variables["SSL_CERT_FILE"] = CERTIFICATES
        if Path("/etc/pip.conf").exists():
            shutil.copy("/etc/pip.conf", root / "etc")
        changes = [part for key, value in variables.items() for part in ("--change", f"ENV {key}={value}")]
        archive = self.folder / "debian.tar"
        run(["tar", "--create", "--file", archive, "--directory", root, "."], self.folder)
        self("import", "--change", 'CMD ["python3"]', *changes, archive, name)
        archive.unlink()
        shutil.rmtree(root)

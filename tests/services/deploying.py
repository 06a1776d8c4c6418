"""Run a generated project as deploy/README.md says: behind nginx and under Supervisor, with the rendered files."""

import getpass
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
import trustme

from ..harness.answers import Answers
from ..harness.commands import clean_environment, run
from ..harness.servers import free_port, wait_until
from .serving import Installation, Site, installed

# The file with the upstream of each deployment, and its address.
UPSTREAMS = {
    "nginx_supervisor": ("upstream-server.conf", "127.0.0.1:8000"),
    "docker": ("upstream-containers.conf", "web:8000"),
}

# Like Debian's nginx.conf, which includes the files of a site, but with other folders.
NGINX = """\
daemon off;
user {user};
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{
    worker_connections 768;
}}
http {{
    sendfile on;
    tcp_nopush on;
    types_hash_max_size 2048;
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
    ssl_prefer_server_ciphers on;
    access_log {folder}/access.log;
    gzip on;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/conf.d/*.conf;
}}
"""

SUPERVISOR = """\
[unix_http_server]
file={socket}
[supervisord]
nodaemon=true
logfile={folder}/supervisord.log
pidfile={folder}/supervisord.pid
childlogdir={folder}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{socket}
[include]
files={folder}/programs.conf
"""


def find_nginx() -> str:
    """Return the path of the system's nginx. Skips the test without one."""
    return shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or pytest.skip(
        "there is no nginx: apt-get install nginx-light"
    )


def has_ipv6() -> bool:
    """Return whether this machine has an IPv6 address."""
    with socket.socket(socket.AF_INET6) as listener, suppress(OSError):
        listener.bind(("::1", 0))
        return True
    return False


def adapt(text: str, replacements: Mapping[str, str]) -> str:
    """Replace texts. Raises AssertionError if one is missing."""
    for old, new in replacements.items():
        assert old in text, f"{old!r} is not in:\n{text}"
        text = text.replace(old, new)
    return text


@dataclass
class Nginx:
    """nginx with the configuration of a project in a folder, and its process while it runs."""

    folder: Path
    http: int
    https: int
    authority: trustme.CA
    program: str = field(default_factory=find_nginx)
    process: subprocess.Popen[bytes] | None = None

    @property
    def configuration(self) -> Path:
        return self.folder / "nginx.conf"

    def command(self, *arguments: str) -> list[str | Path]:
        # Until nginx has read its configuration, it logs to a built-in path.
        return [self.program, "-e", self.folder / "error.log", "-p", self.folder, "-c", self.configuration, *arguments]

    def test(self) -> str:
        """Let nginx test its configuration, and return the output."""
        return run(self.command("-t"), self.folder)

    def log(self) -> str:
        """Return the logged errors."""
        return (self.folder / "error.log").read_text()


def configure_nginx(project: Path, folder: Path, deployment: str, upstream: int) -> Nginx:
    """Install a project's nginx files in a folder. Only paths, addresses, and ports change.

    deployment: the deployment whose upstream nginx uses. upstream: the port of the project's server.
    """
    (folder / "conf.d").mkdir(parents=True)
    (folder / "certificates").mkdir()
    nginx = Nginx(folder, free_port(), free_port(), trustme.CA())
    certificate = nginx.authority.issue_cert("example.com")
    certificate.private_key_pem.write_to_path(str(folder / "certificates" / "privkey.pem"))
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(str(folder / "certificates" / "fullchain.pem"), append=True)
    replacements = {
        "listen 80": f"listen 127.0.0.1:{nginx.http}",
        "listen 443": f"listen 127.0.0.1:{nginx.https}",
        "[::]:80": f"[::1]:{nginx.http}",
        "[::]:443": f"[::1]:{nginx.https}",
        "/srv/my_site": str(project),
        "/etc/nginx/certificates/my_site": f"{folder}/certificates",
        "/var/log/nginx": str(folder),
        "/var/www/challenges": f"{folder}/challenges",
    }
    if not has_ipv6():
        replacements |= {"    listen [::1]": "    # listen [::1]"}
    source = project / "deploy" / "nginx"
    (folder / "conf.d" / "my_site.conf").write_text(adapt((source / "site.conf").read_text(), replacements))
    name, server = UPSTREAMS[deployment]
    text = adapt((source / name).read_text(), {server: f"127.0.0.1:{upstream}"})
    # Newer versions have a directive for HTTP/2.
    (folder / "conf.d" / "my_site-upstream.conf").write_text(text.replace("http2 on;\n", ""))
    user = getpass.getuser()
    nginx.configuration.write_text(NGINX.format(folder=folder, user=user))
    if os.geteuid() != 0:
        nginx.configuration.write_text(nginx.configuration.read_text().replace(f"user {user};\n", ""))
    return nginx


@contextmanager
def proxying(nginx: Nginx) -> Iterator[Nginx]:
    """Run an nginx while the block runs."""
    with (nginx.folder / "nginx.log").open("wb") as output:
        nginx.process = process = subprocess.Popen(
            nginx.command(),
            cwd=nginx.folder,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )

    def is_up() -> bool:
        assert process.poll() is None, (nginx.folder / "nginx.log").read_text()
        with socket.socket() as attempt:
            return attempt.connect_ex(("127.0.0.1", nginx.https)) == 0

    try:
        wait_until(is_up, 30, "nginx starts")
        yield nginx
    finally:
        process.terminate()
        process.wait(30)


@dataclass
class SecureSite(Site):
    """A site behind nginx. `ask` and `send` use TLS, from another address of this machine each time.

    address: the fixed address of all requests, if any. name: the host name in the TLS handshake.
    """

    authority: trustme.CA = field(default_factory=trustme.CA)
    address: str = ""
    name: str = "example.com"
    clients: Iterator[int] = field(default_factory=count)

    def connect(self) -> socket.socket:
        number = next(self.clients)
        address = self.address or f"127.1.{number // 250 % 250}.{number % 250 + 1}"
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30, source_address=(address, 0))
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        try:
            return context.wrap_socket(plain, server_hostname=self.name)
        except BaseException:
            plain.close()
            raise


@dataclass
class Supervisor:
    """A running Supervisor, with its files in a folder."""

    folder: Path
    process: subprocess.Popen[bytes]

    def command(self, *arguments: str) -> list[str | Path]:
        return [program("supervisorctl"), "-c", self.folder / "supervisord.conf", *arguments]

    def ctl(self, *arguments: str) -> str:
        """Run supervisorctl, and return its output."""
        return run(self.command(*arguments), self.folder)

    def status(self) -> dict[str, str]:
        """Return the state of each program, by its name without the project's, like {"web": "RUNNING"}."""
        # The exit code is 0 only if everything runs.
        shown = subprocess.run(self.command("status"), capture_output=True, text=True, check=False).stdout
        return dict(re.findall(r"^my_site-(\S+)\s+([A-Z]+)", shown, re.MULTILINE))

    def pid(self, name: str) -> int:
        """Return the id of a program's first process."""
        return int(self.ctl("pid", f"my_site-{name}"))

    def log(self, name: str) -> str:
        """Return the log of a program."""
        return (self.folder / f"my_site-{name}.log").read_text()

    def events(self) -> str:
        """Return Supervisor's own log."""
        return (self.folder / "supervisord.log").read_text()


def program(name: str) -> Path:
    """Return the path of one of Supervisor's programs."""
    return Path(sys.executable).with_name(name)


@contextmanager
def supervising(project: Path, folder: Path, port: int) -> Iterator[Supervisor]:
    """Run Supervisor with a project's file while the block runs. Only paths, port, and user change."""
    data = folder / "data"
    data.mkdir(parents=True)
    replacements = {
        "/srv/my_site": str(project),
        "/var/lib/my_site": str(data),
        "/var/log/supervisor": str(folder),
        "user=my_site": f"user={getpass.getuser()}",
        "/bin/gunicorn": f"/bin/gunicorn --bind 127.0.0.1:{port}",
    }
    source = project / "deploy" / "supervisor" / "programs.conf"
    (folder / "programs.conf").write_text(adapt(source.read_text(), replacements))
    # The path of a socket has at most about a hundred characters.
    with tempfile.TemporaryDirectory(prefix="supervisor-") as short:
        configuration = folder / "supervisord.conf"
        configuration.write_text(SUPERVISOR.format(folder=folder, socket=f"{short}/socket"))
        with (folder / "output.log").open("wb") as output:
            process = subprocess.Popen(
                [program("supervisord"), "-c", configuration],
                cwd=folder,
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

        def is_up() -> bool:
            assert process.poll() is None, (folder / "output.log").read_text()
            return (Path(short) / "socket").exists()

        try:
            wait_until(is_up, 30, "Supervisor starts")
            yield Supervisor(folder, process)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(120)


@dataclass
class Deployment(Installation):
    """A project on a server: `site` sends requests to nginx; `supervisor` and `nginx` run the project."""

    site: SecureSite
    nginx: Nginx
    supervisor: Supervisor
    port: int

    def manage(self, *arguments: str) -> str:
        """Run a command of the project."""
        return run([self.programs / "python", "manage.py", *arguments], self.project, self.variables)


@contextmanager
def deployed(
    template: Path,
    environments: Path,
    folder: Path,
    answers: Answers,
    *,
    prepare: Callable[[Path], None] = lambda project: None,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Deployment]:
    """Run a project on this machine as its deploy/README.md says, with two workers. Yields it once it is up.

    template, environments: the fixtures. folder: an empty folder. answers: answers other than the defaults; deployment
    is always nginx_supervisor. prepare: changes the project before it starts. variables: variables that differ from
    those of `installed`; the project's .env gets all.

    The project's server listens on `port`. nginx listens on another port, in front of it. `site` sends its requests to
    nginx, each from another address of 127.0.0.0/8, because nginx limits the requests of one address. Use
    `supervisor.ctl("signal", "HUP", "my_site-web")` for supervisorctl, and `supervisor.pid("worker")` for the id of a
    program's first process. Everything stops when the block ends.
    """
    answers = answers | {"deployment": ["nginx_supervisor"]}
    with installed(template, environments, folder, answers, prepare=prepare, variables=variables) as installation:
        port = free_port()
        lines = [f"{name}={value}\n" for name, value in installation.variables.items()]
        (installation.project / ".env").write_text("".join(lines))
        (installation.project / ".venv").symlink_to(installation.programs.parent)
        nginx = configure_nginx(installation.project, folder / "nginx", "nginx_supervisor", port)
        with proxying(nginx), supervising(installation.project, folder / "supervisor", port) as supervisor:
            site = SecureSite(nginx.https, supervisor.folder / "my_site-web.log", supervisor.process, nginx.authority)
            deployment = Deployment(**vars(installation), site=site, nginx=nginx, supervisor=supervisor, port=port)

            def is_up() -> bool:
                states = supervisor.status()
                assert "FATAL" not in states.values(), supervisor.events()
                return set(states.values()) == {"RUNNING"} and site.ask("/livez").status == 200

            wait_until(is_up, 60, "the programs run")
            yield deployment

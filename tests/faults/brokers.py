"""Brokers that a test may stop: a folder, a Redis and a RabbitMQ of its own."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Protocol

from fedshare_site.demo.processes import free_port

_START_SECONDS = 90


class Broker(Protocol):
    """A broker that can be away for a while."""

    name: str
    url: str

    def stop(self) -> None:
        """Be away."""

    def start(self) -> None:
        """Be there, with what was stored."""


class Folder:
    """The filesystem transport: away while its folder can't be written to is all that can happen to it."""

    name, url = "folder", "filesystem://"

    def __init__(self, folder: Path):
        self._folder = folder / "var" / "broker" / "messages"

    def start(self) -> None:
        """See `Broker.start`."""
        away = self._folder.with_name("away")
        if away.exists():
            shutil.rmtree(self._folder, ignore_errors=True)
            away.rename(self._folder)

    def stop(self) -> None:
        """See `Broker.stop`: its messages are out of reach."""
        if self._folder.exists():
            self._folder.rename(self._folder.with_name("away"))


class _Server:
    """A server process on a port of its own."""

    command: list[str]

    def __init__(self, folder: Path, port: int):
        self._folder, self.port = folder, free_port(port)
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """See `Broker.start`."""
        with (self._folder / "output.log").open("ab") as log:
            inherited = {name: value for name, value in os.environ.items() if not name.startswith("FEDSHARE")}
            self._process = subprocess.Popen(
                self.command, env=inherited | self.environment(), stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.2)
        raise TimeoutError(f"{self.command[0]} did not start: see {self._folder / 'output.log'}")

    def stop(self) -> None:
        """See `Broker.stop`: killed, as by a loss of power."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def environment(self) -> dict[str, str]:
        """Variables of the process."""
        return {}


class Redis(_Server):
    """Redis, which flushes every write to disk."""

    name = "redis"

    def __init__(self, folder: Path):
        super().__init__(folder, 6390)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.command = [
            "redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder),
            "--appendonly", "yes", "--appendfsync", "always", "--save", "",
        ]  # fmt: skip


class RabbitMQ(_Server):
    """RabbitMQ, one node."""

    name = "rabbitmq"
    command = ["/usr/lib/rabbitmq/bin/rabbitmq-server"]

    def __init__(self, folder: Path):
        super().__init__(folder, 5690)
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def environment(self) -> dict[str, str]:
        """See `_Server.environment`."""
        (self._folder / "enabled_plugins").write_text("[].")
        (self._folder / "rabbitmq.conf").write_text(f"listeners.tcp.local = 127.0.0.1:{self.port}\n")
        return {
            "RABBITMQ_NODENAME": f"fedshare-{self.port}@localhost",
            "RABBITMQ_CONFIG_FILE": str(self._folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_DIST_PORT": str(self.port + 20000),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self._folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "enabled_plugins"),
            "HOME": str(self._folder),
        }


BROKERS = {"folder": Folder, "redis": Redis, "rabbitmq": RabbitMQ}


def available() -> list[str]:
    """Brokers that can be started on this machine."""
    found = {"folder": True, "redis": shutil.which("redis-server"), "rabbitmq": Path(RabbitMQ.command[0]).exists()}
    return [name for name, there in found.items() if there]

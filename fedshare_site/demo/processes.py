"""Web server, worker and beat as processes of their own, which end with the demonstration."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
from django.conf import settings

_STOP_SECONDS = 10


class ProcessDied(RuntimeError):
    """A process ended that should go on; the message names its log."""


class Processes:
    """The running processes; use `running`."""

    def __init__(self, logs: Path, environment: dict[str, str]):
        self._logs, self._environment = logs, environment
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str) -> None:
        """Start one, in a session of its own, so that Ctrl-C reaches it only through `stop`."""
        self._logs.mkdir(parents=True, exist_ok=True)
        with (self._logs / f"{name}.log").open("ab") as log:
            self._children[name] = subprocess.Popen(
                [sys.executable, "-m", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=settings.BASE_DIR,
                start_new_session=True,
            )

    def check(self) -> None:
        """Raise ProcessDied if one has ended."""
        for name, child in self._children.items():
            if child.poll() is not None:
                raise ProcessDied(f"the {name} process ended with code {child.returncode}: see {self._logs / name}.log")

    def stop(self) -> None:
        """Ask all to end, wait, and end by force what is left of their sessions."""
        for child in reversed(self._children.values()):
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        for child in self._children.values():
            with suppress(subprocess.TimeoutExpired):
                child.wait(max(0.1, deadline - time.monotonic()))
            with suppress(ProcessLookupError):  # nothing is left of its session
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


@contextmanager
def running(port: int, batch_window: float) -> Iterator[Processes]:
    """Web server on a loopback port, worker and beat; all are gone afterwards."""
    environment = os.environ | {
        "DATABASE_URL": settings.DATABASE_URL,
        "FEDSHARE_VAR": str(settings.VAR),
        "FEDSHARE_BATCH_WINDOW": str(batch_window),
        "FEDSHARE_SECOND_FACTOR": "0",
        "FEDSHARE_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "DJANGO_SETTINGS_MODULE": "fedshare_site.settings",
    }
    processes = Processes(settings.VAR / "log", environment)
    try:
        processes.start(
            "web", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "8",
            "fedshare_site.wsgi:application",
        )  # fmt: skip
        processes.start(
            "worker", "celery", "-A", "fedshare_site", "worker",
            "--concurrency", "2", "--without-gossip", "--without-mingle", "--loglevel", "INFO",
        )  # fmt: skip
        processes.start("beat", "celery", "-A", "fedshare_site", "beat", "--loglevel", "WARNING")
        yield processes
    finally:
        processes.stop()


def free_port(wanted: int) -> int:
    """The wanted port, or the next one that nobody listens on."""
    for port in range(wanted, wanted + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port from {wanted} to {wanted + 99}")


def wait_for_web(address: str, processes: Processes, seconds: float = 180) -> None:
    """Return once the web server answers."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        processes.check()
        try:
            httpx.get(f"{address}/sign-in/", timeout=5).raise_for_status()
            return
        except httpx.TransportError:
            time.sleep(0.2)
    raise TimeoutError(f"the web server did not answer within {seconds:.0f} s")

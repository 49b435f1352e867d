"""A whole installation that can be broken: web server, two workers, beat, PostgreSQL and a broker, under one folder."""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from fedshare_site.demo.crm import Crm
from fedshare_site.demo.processes import free_port, wait_for_web
from tests.faults.brokers import Broker

LEASE = 4.0
"""Seconds."""

ROOT = Path(__file__).resolve().parents[2]
WORKERS = ("worker-a", "worker-b")
_ARTIFACTS_BYTES = 8_000_000
_CLIENT = "crm"
_WSGI = "fedshare_site.wsgi:application"


def environment(folder: Path, broker: Broker) -> dict[str, str]:
    """Variables of every process of an installation in `folder`."""
    return {
        "FEDSHARE_VAR": str(folder / "var"),
        "CELERY_BROKER_URL": broker.url,
        "DJANGO_SETTINGS_MODULE": "fedshare_site.settings",
        "FEDSHARE_LEASE": str(LEASE),
        "FEDSHARE_BACK_OFF": "0.5",
        "FEDSHARE_BATCH_WINDOW": "0",
        "FEDSHARE_RATE": "0",
        "OMP_NUM_THREADS": "1",
    }


@dataclass
class _Child:
    command: list[str]
    extra: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None


class House:
    """The running installation. A process that ends is started again, as systemd would."""

    def __init__(self, folder: Path, broker: Broker, own: Mapping[str, dict[str, str]] | None = None):
        """
        Args:
            own: variables of single processes, such as a worker's that is on a host of its own.
        """
        self.folder, self.var, self.broker = folder, folder / "var", broker
        self._environment = os.environ | environment(folder, broker)
        self._ends = threading.Event()
        port = free_port(random.SystemRandom().randrange(20_000, 30_000))  # several houses may start at once
        self.address = f"http://127.0.0.1:{port}"
        worker = ["celery", "-A", "fedshare_site", "worker", "--concurrency", "2", "--loglevel", "INFO"]
        worker += ["--without-gossip", "--without-mingle"]
        own = own or {}
        self._children = {
            "web": _Child(["gunicorn", "--bind", f"127.0.0.1:{port}", "--threads", "4", _WSGI]),
            **{name: _Child([*worker, "--hostname", f"{name}@%h"], own.get(name, {})) for name in WORKERS},
            "beat": _Child(["celery", "-A", "fedshare_site", "beat", "--loglevel", "WARNING"]),
        }  # fmt: skip
        self._crm: Crm | None = None

    @contextmanager
    def running(self) -> Iterator["House"]:
        """Everything runs within; nothing does afterwards."""
        keeper = threading.Thread(target=self._keep, daemon=True)
        try:
            for name in self._children:
                self._start(name)
            keeper.start()
            wait_for_web(self.address, self, 120)
            yield self
        finally:
            self._ends.set()
            if keeper.is_alive():
                keeper.join()
            for name in self._children:
                self._signal(name, signal.SIGTERM)
            time.sleep(2)
            for name, child in self._children.items():
                self.kill(name)
                if child.process is not None:
                    child.process.wait()

    def check(self) -> None:
        """For `wait_for_web`: whatever ends is started again."""

    def kill(self, name: str) -> None:
        """SIGKILL to a process and all of its children, as the kernel does when memory is out."""
        self._signal(name, signal.SIGKILL)

    def restart(self, name: str, **extra: str) -> None:
        """Start a process anew, with variables of its own."""
        self._children[name].extra = extra
        self.kill(name)

    def lose_busy(self) -> str:
        """Lose the worker that is at work on a job, for good, as a host that burns does. Returns its name."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            busy = self.busy_child()
            name = next((one for one in WORKERS if busy in self._pool(one)), None) if busy else None
            if name is not None:
                child = self._children.pop(name)
                os.killpg(child.process.pid, signal.SIGKILL)
                child.process.wait()
                return name
        raise TimeoutError("no worker was at work")

    def pid(self, name: str) -> int | None:
        """Of a process, while it runs."""
        process = self._children[name].process
        return process.pid if process is not None else None

    def busy_child(self) -> psutil.Process | None:
        """The pool process that is at work on a job."""
        pools = [process for name in WORKERS for process in self._pool(name)]
        before = {process: _used(process) for process in pools}
        time.sleep(0.1)
        used = {process: _used(process) - before[process] for process in pools}
        return max(used, key=used.__getitem__) if used and max(used.values()) > 0.03 else None

    def crm(self) -> Crm:
        """A client that sends requests."""
        if self._crm is None:
            from unlearning.api.clients import give_credentials

            self._crm = Crm(self.address, *give_credentials(_CLIENT))
        return self._crm

    def post(self, subjects: list[str], external_id: str, seconds: float = 60) -> str:
        """Open an erasure, again and again under the same id until there is an answer. Returns the request's id."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.crm().erase(subjects, external_id)["id"]
            except httpx.TransportError:
                pass  # the server is away: that is what is tested
            except httpx.HTTPStatusError as error:
                if error.response.status_code < 500:
                    raise
            if time.monotonic() > deadline:
                raise TimeoutError(f"{external_id} was not accepted within {seconds:.0f} s")
            time.sleep(0.2)

    def crash_postgres(self) -> None:
        """Stop PostgreSQL as a loss of power would, and start it."""
        data = self.var / "postgres"
        server = psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))
        owner, programs = server.username(), Path(server.exe()).parent
        command = [str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "restart"]
        subprocess.run(command, user=owner, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """No room for artifacts within."""
        ballast = self.var / "artifacts" / "ballast"
        try:
            with ballast.open("wb", buffering=0) as file, suppress(OSError):
                while file.write(bytes(4096)):
                    pass
            yield
        finally:
            ballast.unlink()

    def left_running(self) -> list[str]:
        """Command lines of processes that still have to do with this installation, but for PostgreSQL, which this
        process uses too and which ends with it."""
        found = []
        for process in psutil.process_iter(["pid", "name", "cmdline", "environ"]):
            belongs = (process.info["environ"] or {}).get("FEDSHARE_VAR") == str(self.var)
            if belongs and process.pid != os.getpid() and process.info["name"] != "postgres":
                found.append(" ".join(process.info["cmdline"] or []))
        return found

    def _start(self, name: str) -> None:
        child = self._children[name]
        with (self.folder / f"{name}.log").open("ab") as log:
            child.process = subprocess.Popen(
                [sys.executable, "-m", *child.command], cwd=ROOT, env=self._environment | child.extra,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def _keep(self) -> None:
        while not self._ends.wait(0.2):
            for name, child in list(self._children.items()):
                if child.process is not None and child.process.poll() is not None:
                    self._start(name)

    def _signal(self, name: str, number: int) -> None:
        process = self._children[name].process
        if process is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)

    def _pool(self, name: str) -> list[psutil.Process]:
        process = self._children[name].process
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(process.pid).children() if process else []
        return []


def _used(process: psutil.Process) -> float:
    try:
        return sum(process.cpu_times()[:2])
    except psutil.NoSuchProcess:
        return 0.0


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Artifacts on a disk of their own that can be filled; yields whether this machine lets us."""
    artifacts = folder / "var" / "artifacts"
    artifacts.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_ARTIFACTS_BYTES}", "tmpfs", str(artifacts)]
    mounted = (
        shutil.which("mount") is not None and subprocess.run(mount, check=False, capture_output=True).returncode == 0
    )
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(artifacts)], check=True)

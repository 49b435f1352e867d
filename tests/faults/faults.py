"""What is broken, and when: each fault is called with a request just accepted, at a moment that the seed draws."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil
from django.conf import settings
from django.core.files.storage import storages
from django.db import InterfaceError, OperationalError, connection

from fedshare_site.celery import app
from models_engine.registry.models import Recommender
from tests.faults.house import LEASE, WORKERS, House
from unlearning.jobs import control
from unlearning.jobs.models import Job
from unlearning.requests.actions import By
from unlearning.requests.models import Request

_JOB_SECONDS = 3.0
"""About what a job takes here: moments are drawn within."""

_FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")

T = TypeVar("T")


@dataclass
class Scene:
    """One run."""

    house: House
    moment: random.Random
    subjects: list[str]
    external_id: str
    request: str = ""
    struck_at: float = 0.0
    taken_up: float | None = None
    """Seconds from a worker's death to the next attempt."""

    def post(self) -> None:
        """Send the request."""
        self.request = self.house.post(self.subjects, self.external_id)

    def job(self, seconds: float = 60) -> Job:
        """The request's job, once there is one at work."""
        return wait_for(lambda: Job.objects.filter(requests=self.request, state=Job.State.RUNNING).first(), seconds)

    def strike(self, act: Callable[[], None]) -> None:
        """Break something at a drawn moment of the job's work."""
        self.job()
        time.sleep(self.moment.uniform(0, _JOB_SECONDS))
        self.struck_at = time.monotonic()
        act()

    def strike_worker(self, act: Callable[[], None]) -> None:
        """The same, and see how long it takes until another goes on."""
        job = self.job()
        self.strike(act)
        after = Job.objects.get(pk=job.pk)
        if after.state == Job.State.RUNNING:
            wait_for(
                lambda: not Job.objects.filter(pk=job.pk, attempt=after.attempt, state=Job.State.RUNNING).exists(), 60
            )
            if Job.objects.get(pk=job.pk).attempt > after.attempt:
                self.taken_up = time.monotonic() - self.struck_at


def wait_for(look: Callable[[], T | None], seconds: float) -> T:
    """What a look gives once it gives something.

    Raises:
        TimeoutError: it gave nothing in time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            found = look()
        except (OperationalError, InterfaceError):  # the database was away
            connection.close()
            found = None
        if found:
            return found
        time.sleep(0.1)
    raise TimeoutError(f"nothing came within {seconds:.0f} s")


def kill_pool_child(scene: Scene) -> None:
    scene.post()

    def kill() -> None:
        child = scene.house.busy_child()
        if child is not None:
            child.kill()

    scene.strike_worker(kill)


def kill_worker(scene: Scene) -> None:
    scene.post()

    def kill() -> None:
        child = scene.house.busy_child()
        for name in WORKERS:
            if child is not None and child.ppid() == scene.house.pid(name):
                scene.house.kill(name)

    scene.strike_worker(kill)


def kill_beat(scene: Scene) -> None:
    scene.post()
    time.sleep(scene.moment.uniform(0, _JOB_SECONDS))
    scene.struck_at = time.monotonic()
    scene.house.kill("beat")


def kill_web_server(scene: Scene) -> None:
    """During acceptance: the client hears nothing, and sends again."""
    scene.house.crm()
    delay = scene.moment.uniform(0, 0.15)

    def later() -> None:
        time.sleep(delay)
        scene.house.kill("web")

    killer = threading.Thread(target=later)
    killer.start()
    scene.struck_at = time.monotonic()
    scene.post()
    killer.join()


def broker_gone_before_publishing(scene: Scene) -> None:
    """Between the commit of the request and the first message about it."""
    scene.house.broker.stop()
    scene.struck_at = time.monotonic()
    scene.post()
    time.sleep(scene.moment.uniform(1, 6))
    scene.house.broker.start()


def broker_gone_for_a_minute(scene: Scene) -> None:
    scene.post()
    scene.strike(scene.house.broker.stop)
    time.sleep(60)
    scene.house.broker.start()


def crash_postgres(scene: Scene) -> None:
    scene.post()
    scene.strike(scene.house.crash_postgres)


def deliver_twice(scene: Scene) -> None:
    """Several workers hear of the same job at once."""
    scene.post()
    job = wait_for(lambda: Job.objects.filter(requests=scene.request).first(), 60)
    time.sleep(scene.moment.uniform(0, _JOB_SECONDS / 2))
    scene.struck_at = time.monotonic()
    for _ in range(4):
        app.send_task("unlearning.run_job", [str(job.pk)], queue="train")


def wake_a_stale_worker(scene: Scene) -> None:
    """It sleeps through its lease, another takes over, and it wakes to commit with its old token."""
    scene.post()
    stopped: list[psutil.Process] = []

    def stop() -> None:
        child = scene.house.busy_child()
        if child is not None:
            child.suspend()
            stopped.append(child)

    try:
        scene.strike_worker(stop)
        time.sleep(scene.moment.uniform(0, LEASE))
    finally:
        for child in stopped:
            child.resume()


def fall_silent_with_a_lock(scene: Scene) -> None:
    """A process that hangs, or a machine out of reach, holds the job's row: nobody must wait for it for long."""
    scene.post()
    job, hung = scene.job(), connection.copy()

    def lock() -> None:
        hung.set_autocommit(False)
        with hung.cursor() as cursor:
            cursor.execute("SELECT 1 FROM unlearning_job WHERE id = %s FOR UPDATE", [job.pk])

    scene.strike(lock)
    held_by = hung.connection.info.backend_pid
    try:
        wait_for(lambda: not _has_session(held_by), 4 * LEASE)
    finally:
        hung.close()


def _has_session(pid: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [pid])
        return bool(cursor.fetchone()[0])


def fill_the_disk(scene: Scene) -> None:
    scene.post()
    scene.job()
    time.sleep(scene.moment.uniform(0, _JOB_SECONDS / 2))
    scene.struck_at = time.monotonic()
    with scene.house.full_disk():
        time.sleep(_JOB_SECONDS)
    _go_on_if_stuck(scene)


def flip_a_byte_of_a_checkpoint(scene: Scene) -> None:
    """And let the worker be killed, so that another reads it."""
    scene.post()

    def flip() -> None:
        files = [path for path in Path(settings.AUDIT_MODELS).rglob("*.safetensors") if path.stat().st_size]
        if files:
            _flip(scene.moment.choice(files), scene.moment)
        child = scene.house.busy_child()
        if child is not None:
            child.kill()

    scene.strike_worker(flip)
    _go_on_if_stuck(scene)


def flip_a_byte_of_the_serving_model(scene: Scene) -> None:
    """Nothing can be forgotten on it: the job asks for attention, and goes on once the file is restored."""
    path = Path(storages["artifacts"].path(Recommender.objects.get().serving.artifact))
    whole = path.read_bytes()
    _flip(path, scene.moment)
    scene.post()
    stuck = Job.objects.filter(requests=scene.request, state=Job.State.NEEDS_ATTENTION)
    job = wait_for(stuck.first, 120)
    assert "SHA-256" in job.trouble or "damaged" in job.trouble, job.trouble
    scene.struck_at = time.monotonic()
    path.write_bytes(whole)
    control.go_on(job.pk, By("officer"))


def move_a_clock_by_an_hour(scene: Scene) -> None:
    """Of one of the workers."""
    hours = scene.moment.choice((-1, 1))
    name = scene.moment.choice(WORKERS)
    scene.house.restart(name, LD_PRELOAD=str(_FAKETIME), FAKETIME=f"{hours:+d}h")
    scene.struck_at = time.monotonic()
    time.sleep(10)  # until it works
    scene.post()
    wait_for(lambda: Request.objects.get(pk=scene.request).completed_at, 120)
    scene.house.restart(name)


def _flip(path: Path, moment: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[moment.randrange(len(content))] ^= 1 << moment.randrange(8)
    path.write_bytes(bytes(content))


def _go_on_if_stuck(scene: Scene) -> None:
    """What an officer does, when the job has asked for it and the cause is mended."""

    def ended() -> bool:
        job = Job.objects.filter(requests=scene.request).first()
        if job is not None and job.state == Job.State.NEEDS_ATTENTION:
            control.go_on(job.pk, By("officer"))
        return Request.objects.get(pk=scene.request).completed_at is not None

    wait_for(ended, 120)


FAULTS: dict[Callable[[Scene], None], int] = {
    kill_pool_child: 30,
    kill_worker: 24,
    kill_beat: 15,
    kill_web_server: 24,
    broker_gone_before_publishing: 15,
    broker_gone_for_a_minute: 3,
    crash_postgres: 21,
    deliver_twice: 21,
    wake_a_stale_worker: 15,
    fall_silent_with_a_lock: 15,
    fill_the_disk: 12,
    flip_a_byte_of_a_checkpoint: 12,
    flip_a_byte_of_the_serving_model: 6,
    move_a_clock_by_an_hour: 6,
}
"""And how often each is done, over all brokers."""


def missing(fault: Callable[[Scene], None], disk_can_fill: bool) -> str:
    """Why a fault can't be done on this machine; empty if it can."""
    if fault is fill_the_disk and not disk_can_fill:
        return "no disk can be mounted here"
    if fault is move_a_clock_by_an_hour and not _FAKETIME.exists():
        return "libfaketime is not installed"
    return ""

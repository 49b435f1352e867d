"""Watching requests to their end, with one bar for each phase of the job."""

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from fedshare_site.demo.crm import Crm
from fedshare_site.demo.processes import Processes

_SECONDS_BETWEEN_LOOKS = 0.5


class RequestStuck(RuntimeError):
    """A request needs attention, or took too long; the message says which and why."""


def follow_to_the_end(
    crm: Crm, request_ids: list[str], processes: Processes, console: Console, seconds: float
) -> list[dict[str, Any]]:
    """Poll until every request has its report. Returns the requests."""
    columns = (
        SpinnerColumn(finished_text="[green]✓"), TextColumn("{task.description:<44}"), BarColumn(bar_width=24),
        TaskProgressColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    deadline = time.monotonic() + seconds
    with Progress(*columns, console=console) as bars:
        waiting = bars.add_task("Wait for a worker", total=1.0)
        phases = {"": waiting}
        latest = ""
        while time.monotonic() < deadline:
            processes.check()
            requests = [crm.follow(request_id) for request_id in request_ids]
            for request in requests:
                if request["state"] == "needs_attention":
                    raise RequestStuck(f"{request['external_id']} needs attention: {request['job']['trouble']}")
            open_jobs = [r["job"] for r in requests if r["job"] and r["state"] not in ("completed", "scheduled")]
            phase = open_jobs[0]["phase"] if open_jobs else latest
            if all(request["state"] == "completed" for request in requests):
                phase = "write the reports"
            if phase != latest:
                bars.update(phases[latest], completed=1.0)
                phases.setdefault(phase, bars.add_task(phase.capitalize(), total=1.0))
                latest = phase
            if open_jobs:
                bars.update(phases[latest], completed=open_jobs[0]["progress"])
            if all(request["evidence"] for request in requests):
                bars.update(phases[latest], completed=1.0)
                return requests
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    raise RequestStuck(f"the requests did not end within {seconds:.0f} s; see the worker's log")

"""`manage.py unlearn NAME`"""

import json
import sys
from argparse import ArgumentParser
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audits.reports.writing import address, write_reports
from models_engine.registry.models import Recommender
from unlearning.jobs import control
from unlearning.jobs.models import Job
from unlearning.jobs.planning import plan_jobs
from unlearning.jobs.runner import run_job
from unlearning.management.bars import phases
from unlearning.requests.actions import By
from unlearning.requests.errors import IdTaken, UnknownSubjects
from unlearning.requests.models import Request
from unlearning.requests.opening import erase
from unlearning.requests.submissions import Submission

_SOURCE = "command line"


class Command(BaseCommand):
    help = (
        "Make the model that serves forget what accepted requests withdraw, here and now: no worker is needed, and "
        "the window in which requests are gathered is closed. If it is interrupted, run it again: once the lease "
        "(FEDSHARE_LEASE) is over it goes on from the last checkpoint. Ends with 0 once the requests are completed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="of a recommender that serves")
        parser.add_argument(
            "--erase", type=Path, metavar="FILE", help="open an erasure first: one subject a line, `-` for stdin"
        )
        parser.add_argument(
            "--as", dest="number", metavar="ID", help="file number of the erasure; the same ID, the same"
        )
        parser.add_argument("--exact", action="store_true", help="go straight to an exact result")
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        recommender = Recommender.objects.filter(name=name).exclude(serving=None).first()
        if recommender is None:
            raise CommandError(
                f"name: no model of {name!r} serves; train it with: manage.py train {name}", returncode=2
            )
        if options["erase"]:
            _open(options["erase"], options["number"])
        found: list[dict[str, Any]] = []
        while (job := _job(recommender)) is not None:  # one that was open first, then one over what waited behind it
            _carry_out(job, options["exact"], quiet=options["json"])
            found += [_told(request) for request in job.requests.select_related("evidence").order_by("received_at")]
        if options["json"]:
            self.stdout.write(json.dumps({"requests": found}))
            return
        if not found:
            self.stdout.write("No accepted request waits.")
        for request in found:
            self.stdout.write(f"{request['id']}  {request['conclusion']:<10} by {request['method']}")
            for report in request["reports"]:
                self.stdout.write(f"  {report}")


def _unseen(phase: str, fraction: float) -> None:
    """Nobody looks on."""


def _open(file: Path, number: str | None) -> None:
    """An erasure of the subjects that a file names."""
    if not number:
        raise CommandError("--as: give the erasure a file number, under which it is found again", returncode=2)
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
        lines = [line.strip() for line in text.splitlines()]
        erase([line for line in lines if line], Submission(_SOURCE, number))
    except UnknownSubjects as error:
        numbers = [place + 1 for place, line in enumerate(lines) if line]
        unknown = ", ".join(str(numbers[place]) for place in error.places)
        raise CommandError(f"--erase: nobody is known by line {unknown}; nothing was done", returncode=2) from None
    except IdTaken:
        raise CommandError(f"--as: {number} stands for another request; give another", returncode=2) from None
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise CommandError(f"--erase: {error}", returncode=2) from None


def _job(recommender: Recommender) -> Job | None:
    """The recommender's open job; else one over everything that waits."""
    plan_jobs(at_once=True)
    return recommender.jobs.filter(state__in=control.OPEN).first()


def _carry_out(job: Job, exact: bool, quiet: bool) -> None:
    if exact and not job.exact_only:
        control.escalate(job.pk, By(_SOURCE, "asked for with --exact"))
    try:
        with nullcontext(_unseen) if quiet else phases() as watch:
            claimed = run_job(job.pk, watch)
    except KeyboardInterrupt:
        told = "stopped; run the same again once the lease (FEDSHARE_LEASE) is over, and it goes on from there"
        raise CommandError(told, returncode=130) from None
    job.refresh_from_db()
    if job.state != Job.State.DONE:
        raise CommandError(_why_not(job, claimed), returncode=2)


def _why_not(job: Job, claimed: bool) -> str:
    if job.state == Job.State.PAUSED:
        return f"job {job.pk} is paused: let it go on in the dashboard or over the API"
    if job.state == Job.State.NEEDS_ATTENTION:
        return f"job {job.pk} needs attention: {job.trouble}"
    if not claimed:
        return f"job {job.pk} is a worker's, or waits to be tried again: run this again later"
    return f"job {job.pk} did not end ({job.trouble or 'it was stopped'}): run this again"


def _told(request: Request) -> dict[str, Any]:
    return {
        "id": str(request.pk),
        "kind": request.kind,
        "conclusion": request.conclusion,
        "method": request.evidence.content["method"]["strategy"],
        "reports": [address(report) for report in write_reports(request.evidence)],
    }

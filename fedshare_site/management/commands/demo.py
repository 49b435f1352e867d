"""`manage.py demo`: the whole way, once."""

import secrets
import signal
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from audits.evidence.keys import LOG_PUBLIC
from audits.keys import make_keys
from audits.reports.measured import telling
from fedshare_site.demo import movielens, people
from fedshare_site.demo.crm import Crm
from fedshare_site.demo.following import RequestStuck, follow_to_the_end
from fedshare_site.demo.processes import ProcessDied, free_port, running, wait_for_web
from models_engine.registry.models import Recommender
from unlearning.api.clients import give_credentials
from unlearning.jobs.devices import simulated_fleet
from unlearning.jobs.training import train_recommender
from unlearning.lineage.importing.loading import load_interactions
from unlearning.lineage.importing.reading import UnreadableFile, read_interactions
from unlearning.management.bars import stage
from unlearning.officers.models import Officer
from unlearning.officers.roles import Role
from unlearning.requests.models import Request

_RECOMMENDER = "movies"
_CLIENT = "crm-demo"
_OFFICER, _ADMINISTRATOR = "officer", "administrator"
_BATCH_WINDOW = 3.0
_PATIENCE = 1800.0
_TABLE_WIDTH = 140


class Command(BaseCommand):
    help = "Import, train, receive three requests over HTTP, forget, verify, write reports; then serve until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--no-serve", action="store_true", help="end after the table")
        parser.add_argument("--interactions", type=Path, help="a file of interactions in place of MovieLens-100K")
        parser.add_argument(
            "--port", type=int, default=8000, help="of the web server; the next free one if it is taken"
        )

    def handle(self, *args: Any, no_serve: bool, interactions: Path | None, port: int, **options: Any) -> None:
        # A polite kill, and Ctrl-C where a shell had it ignored, end the demonstration through every `finally`.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        self.console = Console()
        try:
            self._run(no_serve, interactions, port)
        except (UnreadableFile, movielens.FetchFailed, ProcessDied, RequestStuck, TimeoutError, ValueError) as error:
            raise CommandError(str(error)) from error
        except httpx.HTTPError as error:
            raise CommandError(f"the web server gave no answer ({error}): see {settings.VAR / 'log'}") from error
        except KeyboardInterrupt:
            self.console.print("\nStopped.")

    def _run(self, no_serve: bool, interactions: Path | None, port: int) -> None:
        began = time.monotonic()
        self._prepare()
        self._train(self._import(interactions))
        address = f"http://127.0.0.1:{free_port(port)}"
        with running(int(address.rpartition(":")[2]), _BATCH_WINDOW) as processes:
            with stage("Start web server, worker and beat", self.console):
                wait_for_web(address, processes)
            crm = Crm(address, *give_credentials(_CLIENT))
            with stage("Post three requests over HTTP", self.console):
                opened = self._post(crm)
            ended = follow_to_the_end(crm, [r["id"] for r in opened], processes, self.console, _PATIENCE)
            self._show(ended)
            self.console.print(f"Total: {time.monotonic() - began:.0f} s\n")
            if not no_serve:
                self._serve(address, processes)

    def _prepare(self) -> None:
        with stage("Database, tables, keys", self.console):
            call_command("migrate", verbosity=0)
            make_keys()
            call_command("collectstatic", interactive=False, verbosity=0)

    def _import(self, interactions: Path | None) -> int:
        """Returns how many interactions are new on the server."""
        if interactions is None:
            with stage("Fetch MovieLens-100K", self.console):
                interactions = movielens.fetch(settings.VAR / "downloads")
        table = read_interactions(interactions, {})
        self.identities = table.subjects
        with stage(f"Consent histories of {len(set(table.subjects)):,} subjects", self.console) as progress:
            people.give_consents(table.subjects, progress)
        with stage(f"Import {len(table):,} interactions", self.console) as progress:
            summary = load_interactions(
                table, fleet=simulated_fleet(), progress=lambda rows: progress(rows / len(table))
            )
        self.console.print(
            f"    {summary.stored + summary.known:,} shared with the server, {summary.not_covered:,} on devices alone"
            + (f", {summary.suppressed:,} of erased subjects refused" if summary.suppressed else ""),
            soft_wrap=True,
        )
        return summary.stored

    def _train(self, stored: int) -> None:
        """Train where no model serves yet, or where the file brought something new."""
        recommender, _ = Recommender.objects.get_or_create(name=_RECOMMENDER)
        if recommender.serving is None or stored:
            with stage("Train FedShare, rehearse forgetting", self.console) as progress:
                train_recommender(recommender, 1, progress)
            recommender.refresh_from_db()
        else:
            self.console.print(f"    {recommender.serving} serves already")
        trained = recommender.versions.filter(method="train").order_by("number").last()
        for label, name in (("fedshare", "FedShare"), ("popularity", "popularity")):
            quality = trained.metrics[label]
            self.console.print(
                f"    {name:<11} recall@{quality['k']} {quality['recall']:.4f}   "
                f"NDCG@{quality['k']} {quality['ndcg']:.4f}   (held-out, {quality['subjects']} subjects)"
            )

    def _post(self, crm: Crm) -> list[dict[str, Any]]:
        cast = people.cast(self.identities)
        run = secrets.token_hex(3)
        return [
            crm.move_slider(cast.slider, 20, f"slider-{run}"),
            crm.erase([cast.single], f"erasure-{run}"),
            crm.erase(cast.batch, f"batch-{run}"),
        ]

    def _show(self, requests: list[dict[str, Any]]) -> None:
        """The table; every cell comes from the database."""
        table = Table(title="Requests", title_justify="left")
        for name in (
            "request",
            "subjects",
            "strategy",
            "verdict",
            "ρ [90 %]",
            "conclusion",
            "rows gone",
            "model clean",
        ):
            table.add_column(name, no_wrap=True)
        paths = []
        for answer in requests:
            request = Request.objects.select_related("evidence").get(pk=answer["id"])
            document = request.evidence.content
            rungs = document["ladder"]
            table.add_row(
                request.external_id,
                str(answer["subjects"]),
                "\n".join(rung["strategy"] for rung in rungs),
                "\n".join(rung["verdict"] for rung in rungs),
                "\n".join(_influence(rung) for rung in rungs),
                request.conclusion,
                f"{(request.rows_removed_at - request.received_at).total_seconds():.2f} s",
                f"{(request.completed_at - request.received_at).total_seconds():.0f} s",
            )
            paths.append((request.external_id, settings.VAR / "reports" / request.evidence.report().name))
        self.console.print()
        # Wide enough for every cell, also where the output is no terminal.
        Console(width=max(self.console.width, _TABLE_WIDTH)).print(table)
        self.console.print(f"Assurance level: {settings.FEDSHARE_ASSURANCE}. Reports (PDF):")
        for name, path in paths:
            self.console.print(f"    {name}  {path}", soft_wrap=True)
        self.console.print(
            f"Check one: {sys.executable} -m audits.reports.verify {paths[-1][1]} "
            f"--log-key {settings.KEYS / LOG_PUBLIC}",
            soft_wrap=True,
        )

    def _serve(self, address: str, processes) -> None:
        password = secrets.token_urlsafe(12)
        for name, role in ((_OFFICER, Role.OFFICER), (_ADMINISTRATOR, Role.ADMINISTRATOR)):
            user, _ = get_user_model().objects.get_or_create(username=name)
            user.set_password(password)
            user.save()
            Officer.objects.update_or_create(user=user, defaults={"role": role})
        self.console.print(
            f"Dashboard: [bold]{address}/[/]   sign in as [bold]{_OFFICER}[/], password [bold]{password}[/]",
            soft_wrap=True,
        )
        self.console.print(
            f"[bold]{_ADMINISTRATOR}[/] has the same password. Without a second factor, as this is a demonstration."
        )
        self.console.print("Ctrl-C ends it.")
        while True:
            processes.check()
            time.sleep(1)


def _influence(rung: dict[str, Any]) -> str:
    """ρ of the first statistic with its interval."""
    measured = telling(rung)
    if measured is None:
        return "–"
    influence = measured["membership"][0]["influence"]
    low, high = influence["low"], influence["high"]
    if low is None and high is None:
        return "can't be told"
    return (
        f"{influence['estimate']:+.2f} [{'-∞' if low is None else f'{low:+.2f}'}, "
        f"{'+∞' if high is None else f'{high:+.2f}'}]"
    )

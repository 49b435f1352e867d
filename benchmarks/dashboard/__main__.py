"""Server time of every page of the dashboard with 100,000 requests and a million interactions.

    python -m benchmarks.dashboard [--quick] [--json FILE]

The rows are written with SQL, past triggers and transitions, since it is reading that is measured; pages are asked for
in this process, through every middleware, so that nothing but the server's own time counts.
"""

import statistics
import time
from hashlib import md5
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks.report import Figure, options, show_figures, write
from benchmarks.service import begin_service

LIMIT = 0.300
"""Seconds."""

_TIMES = 9

_FILL = Path(__file__).parent / "fill.sql"


def main() -> None:
    arguments = options(__doc__).parse_args()
    size = {"requests": 100_000, "interactions": 1_000_000, "subjects": 50_000, "items": 5_000, "events": 150_000}
    if arguments.quick:
        size = {name: number // 50 for name, number in size.items()}
    begin_service()
    from django.core.management import call_command

    call_command("collectstatic", interactive=False, verbosity=0)
    began = time.monotonic()
    _fill(size)
    print(f"{size['requests']:,} requests, {size['interactions']:,} interactions: {time.monotonic() - began:.0f} s")
    measured = _measured(size)
    figures = [
        Figure(
            row["page"],
            f"{row['median'] * 1000:.0f} ms (slowest of {_TIMES}: {row['slowest'] * 1000:.0f}; first: "
            f"{row['first'] * 1000:.0f}), {row['queries']} queries",
            f"≤ {LIMIT * 1000:.0f} ms{', median' if _is_picture(row) else ''}",
            row["median" if _is_picture(row) else "slowest"] <= LIMIT,
        )
        for row in measured
    ]
    show_figures("Server time of the dashboard's pages", figures)
    write(arguments.json, {"size": size, "limit": LIMIT, "pages": measured})


def _is_picture(row: dict[str, Any]) -> bool:
    """Whether it is fetched beside a page, which does not wait for it."""
    return row["address"].endswith(".svg")


def _fill(size: dict[str, int]) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in _FILL.read_text().split(";\n"):
            if statement.strip():
                cursor.execute(statement, size)
        cursor.execute("ANALYZE")


def _measured(size: dict[str, int]) -> list[dict[str, Any]]:
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = _signed_in(Client)
    rows = []
    for name, address in _pages(size).items():
        began = time.perf_counter()
        _get(client, address)
        first = time.perf_counter() - began
        seconds = []
        for _ in range(_TIMES):
            began = time.perf_counter()
            _get(client, address)
            seconds.append(time.perf_counter() - began)
        with CaptureQueriesContext(connection) as captured:
            _get(client, address)
        rows.append(
            {
                "page": name,
                "address": address,
                "first": first,
                "median": statistics.median(seconds),
                "slowest": max(seconds),
                "queries": len(captured),
            }
        )
    return rows


def _get(client: Any, address: str) -> None:
    answer = client.get(address, HTTP_HOST="localhost")
    if answer.status_code != 200:
        raise RuntimeError(f"{address}: {answer.status_code}")


def _signed_in(make: type) -> Any:
    from django.conf import settings
    from django.contrib.auth.models import User

    settings.FEDSHARE_SECOND_FACTOR = False
    user = User.objects.create_superuser("administrator", password=None)
    client = make()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def _pages(size: dict[str, int]) -> dict[str, str]:
    from unlearning.requests.models import Request

    waiting = Request.objects.filter(state="identity_pending").earliest("due_at").pk
    subject = UUID(bytes=md5(b"subject2").digest())
    endpoint = UUID(bytes=md5(b"endpoint1").digest())
    last = size["requests"] // 50
    return {
        "today": "/",
        "trends": "/trends",
        "plot: conclusions": "/conclusions.svg",
        "plot: consent": "/consent.svg",
        "requests, open": "/requests/",
        "requests, all": "/requests/?show=all",
        "requests, the last page": f"/requests/?show=all&page={last}",
        "requests, by state and sender": "/requests/?state=completed&reference=webshop",
        "a request": f"/requests/{waiting}/",
        "its live part": f"/requests/{waiting}/progress",
        "search": "/subjects/",
        "a subject": f"/subjects/{subject}/",
        "plot: history": f"/subjects/{subject}/history.svg",
        "plot: lineage": f"/subjects/{subject}/lineage.svg",
        "models": "/models/",
        "a model": "/models/shop/",
        "a version": "/models/shop/60/",
        "evidence": "/evidence/",
        "evidence, the last page": f"/evidence/?page={last}",
        "log": "/evidence/log",
        "policies": "/settings/policies",
        "webhooks": "/settings/webhooks",
        "a webhook": f"/settings/webhooks/{endpoint}/",
        "officers": "/settings/officers",
        "who looked": "/settings/access",
        "tables: requests": "/records/unlearning/request/",
    }


if __name__ == "__main__":
    main()

"""A whole installation (web server, worker, beat, PostgreSQL) and Debian's Chromium before it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from urllib.parse import urlparse

import pytest
from django.conf import global_settings, settings
from django.db import connection
from django.test.utils import override_settings, setup_databases, teardown_databases
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from fedshare_site.demo.crm import Crm
from fedshare_site.demo.processes import Processes, free_port, wait_for_web
from models_engine.fedshare.config import FedShareConfig
from models_engine.registry.models import Recommender
from tests.unlearning.dashboard.conftest import sign_in
from tests.worlds import write_interactions
from unlearning.api.clients import give_credentials
from unlearning.consent.services import record_consent
from unlearning.jobs.devices import simulated_fleet
from unlearning.jobs.training import train_recommender
from unlearning.lineage.importing.loading import load_interactions
from unlearning.lineage.importing.reading import read_interactions
from unlearning.lineage.subjects import ensure_subjects

CONFIG = FedShareConfig(width=8, rounds=720, participation=0.25, contrast_negatives=16, pull_rounds=8)
# Playwright drives the browser from an event loop; the tests themselves are plain functions.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

SHOTS = settings.BASE_DIR / "var" / "screenshots"

WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 780}


@dataclass(frozen=True)
class House:
    """Where the installation answers, and a CRM that sends it requests."""

    address: str
    crm: Crm
    subjects: list[str]


@pytest.fixture(autouse=True)
def _own_folders():
    """The installation's own folders, which its processes know."""


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment, django_db_blocker) -> Iterator[None]:
    """The tests' database, which other processes use as well: no test here runs in a transaction."""
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False)
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(  # of processes that were just ended
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            [connection.settings_dict["NAME"]],
        )
    with django_db_blocker.unblock():
        teardown_databases(made, verbosity=0)


@pytest.fixture(scope="session")
def house(django_db_setup, django_db_blocker, tmp_path_factory, _keys) -> Iterator[House]:
    """Started once for all tests."""
    # The processes know the usual hashers alone.
    with django_db_blocker.unblock(), override_settings(PASSWORD_HASHERS=global_settings.PASSWORD_HASHERS):
        subjects = _fill(tmp_path_factory.mktemp("world"))
        credentials = give_credentials("crm")
        with _processes() as address:
            yield House(address, Crm(address, *credentials), subjects)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser; without it these tests say that they were skipped."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def visit(house, chromium):
    """Opens pages in browsers of their own; afterwards none may have broken the content security policy."""
    contexts: list[BrowserContext] = []
    troubles: list[str] = []

    def open_page(role=None, name="", **options) -> Page:
        context = chromium.new_context(base_url=house.address, **({"viewport": WIDE} | options))
        context.set_default_timeout(60_000)  # milliseconds; machines that test are slow
        contexts.append(context)
        if role is not None:
            session = sign_in(role, name).cookies["sessionid"].value
            context.add_cookies([{"name": "sessionid", "value": session, "url": house.address}])
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(f"{page.url}: {error}"))
        page.on("console", lambda said: troubles.append(f"{page.url}: {said.text}") if said.type == "error" else None)
        return page

    yield open_page
    for context in contexts:
        context.close()
    # A page that is refused on purpose says so in the console as well.
    assert [one for one in troubles if "the server responded with a status of 4" not in one] == []


def _fill(folder) -> list[str]:
    """Customers, their interactions, and a model that has learned from them. Returns their identities."""
    table = read_interactions(write_interactions(folder / "small.inter", subjects=60, items=150), {})
    for subject in ensure_subjects(table.subjects).values():
        record_consent(subject=subject, share_percent=80, channel="app", recorded_by="demo")
    load_interactions(table, fleet=simulated_fleet())
    recommender = Recommender.objects.create(name="shop", config=asdict(CONFIG))
    train_recommender(recommender, 1, lambda fraction: None)
    return sorted(set(table.subjects))


@contextmanager
def _processes() -> Iterator[str]:
    """Web server, worker and beat over the tests' database. Yields the address."""
    database = urlparse(settings.DATABASE_URL)._replace(path=f"/{connection.settings_dict['NAME']}")
    environment = os.environ | {
        "DATABASE_URL": database.geturl(),
        "FEDSHARE_VAR": str(settings.VAR),
        "FEDSHARE_BATCH_WINDOW": "0",
        "DJANGO_SETTINGS_MODULE": "fedshare_site.settings",
        "OMP_NUM_THREADS": "1",
    }
    collect = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
    subprocess.run(collect, cwd=settings.BASE_DIR, env=environment, check=True)
    port = free_port(8900)
    processes = Processes(settings.VAR / "log", environment)
    try:
        processes.start("web", "gunicorn", "--bind", f"127.0.0.1:{port}", "--threads", "4", "fedshare_site.wsgi")
        processes.start("worker", "celery", "-A", "fedshare_site", "worker", "--concurrency", "2", "--loglevel", "INFO")
        processes.start("beat", "celery", "-A", "fedshare_site", "beat", "--loglevel", "WARNING")
        address = f"http://127.0.0.1:{port}"
        wait_for_web(address, processes)
        yield address
    finally:
        processes.stop()

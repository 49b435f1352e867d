"""Every page: looked at by axe (WCAG 2.2 AA), held against its width, and kept as a picture to be looked at."""

import json
import time
from dataclasses import replace
from io import StringIO
from threading import Thread

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.management import call_command

from audits.verification.plan import CERTIFICATION
from tests.browser.conftest import PHONE, SHOTS, WIDE
from unlearning.connectors import secrets
from unlearning.jobs.certifying import Certifying
from unlearning.lineage.subjects import find_subjects
from unlearning.officers.roles import Role
from unlearning.requests import opening, proposals
from unlearning.requests.actions import By
from unlearning.requests.models import Request
from unlearning.requests.submissions import Submission
from unlearning.subject_page.links import token_for
from unlearning.webhooks import endpoints

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RULES = {"runOnly": {"type": "tag", "values": TAGS}}
LOOKS = {
    "wide-light": {"viewport": WIDE, "color_scheme": "light"},
    "wide-dark": {"viewport": WIDE, "color_scheme": "dark"},
    "phone-light": {"viewport": PHONE, "color_scheme": "light"},
    "phone-dark": {"viewport": PHONE, "color_scheme": "dark"},
}


@pytest.fixture(scope="module")
def pages(house) -> dict[str, str]:
    """Addresses by name, of a house in which something happens."""
    waiting, _new = opening.erase([house.subjects[10]], Submission("crm", "letter-10"), identity_verified=False)
    refused, _new = opening.erase([house.subjects[11]], Submission("crm", "letter-11"), identity_verified=False)
    proposals.propose(refused, "refuse", By("dora", "A suit is pending."), "legal_claims")
    endpoint, _secret = endpoints.register(
        owner="crm", name="Mailing tool", url="https://hooks.example.org/", events=["data.withdrawn"]
    )
    secrets.add("shopify", "boots.myshopify.com", "secret")
    subject = find_subjects([house.subjects[12]])[0]
    ended = _completed(house)
    version = ended.job.recommender.serving
    _certify("shop")
    return {
        "today": "/",
        "trends": "/trends",
        "requests": "/requests/?show=all",
        "request-waiting": f"/requests/{waiting.pk}/",
        "request-proposed": f"/requests/{refused.pk}/",
        "request-completed": f"/requests/{ended.pk}/",
        "act-verify": f"/requests/{waiting.pk}/act/verify-identity",
        "act-refuse": f"/requests/{waiting.pk}/act/refuse",
        "subjects": "/subjects/",
        "subject": f"/subjects/{subject.pk}/",
        "take-in": f"/subjects/{subject.pk}/ask",
        "models": "/models/",
        "model": "/models/shop/",
        "version": f"/models/shop/{version.number}/",
        "evidence": "/evidence/",
        "evidence-check": "/evidence/check",
        "evidence-log": "/evidence/log",
        "settings-policies": "/settings/policies",
        "settings-clients": "/settings/clients",
        "settings-client-new": "/settings/clients/new",
        "settings-client-remove": "/settings/clients/crm/remove",
        "settings-connectors": "/settings/connectors",
        "settings-connector-new": "/settings/connectors/new",
        "settings-webhooks": "/settings/webhooks",
        "settings-webhook": f"/settings/webhooks/{endpoint.pk}/",
        "settings-webhook-change": f"/settings/webhooks/{endpoint.pk}/change",
        "settings-webhook-new": "/settings/webhooks/new",
        "settings-officers": "/settings/officers",
        "settings-officer-new": "/settings/officers/new",
        "settings-access": "/settings/access",
        "password": "/sign-in/password",
        "records": "/records/",
        "records-table": "/records/unlearning/request/",
        "customer": f"/me/{token_for(subject, 'crm')}/",
    }


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("language", ["en", "fr", "de"])
def test_every_page(pages, visit, look, language):
    SHOTS.mkdir(parents=True, exist_ok=True)
    browser = visit(Role.ADMINISTRATOR, locale=language, reduced_motion="reduce", **LOOKS[look])
    found = {}
    for name, address in pages.items():
        browser.goto(address)
        browser.wait_for_function("[...document.images].every(image => image.complete)")
        beyond = browser.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if beyond > 0 and not name.startswith("records"):  # Django's own pages scroll
            found[f"{name}: wider than the page"] = beyond
        if language == "en":
            browser.screenshot(path=SHOTS / f"{name}-{look}.png", full_page=True)
        if language == "en" or look == "phone-light":
            found |= _violations(browser, name)
    assert found == {}, json.dumps(found, indent=1)


@pytest.mark.parametrize("look", LOOKS)
def test_pages_for_signing_in(house, visit, look):
    browser = visit(**LOOKS[look])
    browser.goto("/sign-in/")
    browser.screenshot(path=SHOTS / f"sign-in-{look}.png", full_page=True)
    assert _violations(browser, "sign-in") == {}


def _completed(house) -> Request:
    """An erasure that has ended, and its report."""
    request = Request.objects.get(pk=house.crm.erase([house.subjects[13]], "letter-13")["id"])
    deadline = time.monotonic() + 180
    while request.evidence is None or not request.evidence.reports.exists():
        assert time.monotonic() < deadline, request.state
        time.sleep(1)
        request.refresh_from_db()
    return request


def _certify(recommender: str) -> None:
    """With fewer models than anybody would trust: here it is looked at alone."""
    few = replace(CERTIFICATION, references=8, known=8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Certifying.__init__, "__defaults__", (None, few, 3))
        patch.setattr("audits.reports.verify.consistency.CERTIFICATION_LEVEL", few)
        # In a thread of its own: the signer begins an event loop, and Playwright's runs in this one.
        thread = Thread(target=call_command, args=("certify", recommender), kwargs={"stdout": StringIO()})
        thread.start()
        thread.join()


def _violations(browser, name: str) -> dict[str, list[str]]:
    results = Axe().run(browser, options=RULES).response["violations"]
    return {
        f"{name}: {one['id']} ({one['help']})": [node["html"][:160] for node in one["nodes"][:4]] for one in results
    }

"""Every address of the dashboard × every role."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from oauth2_provider.models import Application

from models_engine.registry.models import ModelVersion, Recommender
from tests.unlearning.dashboard.conftest import sign_in
from unlearning.api.clients import give_credentials
from unlearning.connectors import secrets
from unlearning.dashboard import urls
from unlearning.dashboard.models import SavedView
from unlearning.jobs.models import Job
from unlearning.officers.models import AccessRecord
from unlearning.officers.roles import Role
from unlearning.requests import proposals
from unlearning.requests.actions import By
from unlearning.requests.models import Request
from unlearning.webhooks import endpoints
from unlearning.webhooks.models import Delivery

pytestmark = pytest.mark.django_db

ALL = set(Role)
OFFICER, AUDITOR, ENGINEER, ADMINISTRATOR = Role.OFFICER, Role.AUDITOR, Role.ENGINEER, Role.ADMINISTRATOR

READS: dict[str, set[Role]] = {
    "home": ALL, "trends": ALL, "conclusions-plot": ALL, "consent-plot": ALL,
    "requests": ALL, "request": ALL, "progress": ALL, "report": ALL, "document": ALL, "plot": ALL,
    "act": {OFFICER, ADMINISTRATOR},
    "subjects": {OFFICER, AUDITOR, ADMINISTRATOR}, "subject": {OFFICER, AUDITOR, ADMINISTRATOR},
    "history-plot": {OFFICER, AUDITOR, ADMINISTRATOR}, "lineage-plot": {OFFICER, AUDITOR, ADMINISTRATOR},
    "export-json": {OFFICER, ADMINISTRATOR}, "export-pdf": {OFFICER, ADMINISTRATOR},
    "models": ALL, "model": ALL, "version": ALL, "training-plot": ALL, "certification-plot": ALL,
    "operating-plot": ALL, "open-request": {OFFICER, ADMINISTRATOR},
    "evidence": ALL, "archive": ALL, "issued-report": ALL, "check": ALL, "log": ALL,
    "settings": ALL, "policies": ALL, "clients": ALL, "connectors": ALL, "webhooks": ALL, "webhook": ALL,
    "change-password": ALL, "officers": ALL, "access": {AUDITOR, ADMINISTRATOR},
    "new-client": {ADMINISTRATOR}, "change-client": {ADMINISTRATOR}, "new-secret": {ADMINISTRATOR},
    "new-webhook": {ADMINISTRATOR}, "new-officer": {ADMINISTRATOR}, "change-officer": {ADMINISTRATOR},
    **dict.fromkeys(
        ["rotate-client", "remove-client", "remove-secret", "change-webhook", "remove-webhook", "rotate-webhook",
         "reset-officer"],
        frozenset({ADMINISTRATOR}),
    ),
}  # fmt: skip
"""Who can look at what."""

WRITES: dict[str, set[Role]] = {
    "save-view": ALL, "remove-view": ALL, "check": ALL, "change-password": ALL,
    "bulk": ALL,  # which action decides: see test_a_bulk_action_is_for_those_who_may_take_it
    "act": {OFFICER, ADMINISTRATOR}, "decide": {OFFICER, ADMINISTRATOR},
    "subjects": {OFFICER, AUDITOR, ADMINISTRATOR}, "make-link": {OFFICER, ADMINISTRATOR},
    "open-request": {OFFICER, ADMINISTRATOR},
    "register": {OFFICER, AUDITOR, ADMINISTRATOR},
    **dict.fromkeys(
        ["policies", "new-client", "change-client", "rotate-client", "remove-client", "new-secret", "remove-secret",
         "new-webhook", "change-webhook", "remove-webhook",
         "rotate-webhook", "test-webhook", "switch-webhook", "replay", "new-officer", "change-officer",
         "reset-officer"],
        frozenset({ADMINISTRATOR}),
    ),
}  # fmt: skip
"""Who can change what."""

OPEN = {"sign-in", "sign-out", "second-factor", "enrol", "choose-password"}
"""Addresses that are there for signing in."""


@pytest.fixture
def addresses(undecided):
    """An address for every name."""
    recommender = Recommender.objects.create(name="shop")
    version = ModelVersion.objects.create(
        recommender=recommender, number=1, method="train", seed=1, code_digest="c", digest="d", artifact="a",
        calibration={}, metrics={},
    )  # fmt: skip
    give_credentials("crm")
    endpoint, _secret = endpoints.register(owner="crm", name="M", url="https://example.org/", events=["webhook.test"])
    now = timezone.now()
    delivery = Delivery.objects.create(
        endpoint=endpoint, event="webhook.test", payload={}, occurred_at=now, next_at=now + timedelta(days=1)
    )
    subject = undecided.subjects.get().subject_id
    proposal = proposals.propose(undecided, "cancel", By("somebody", "withdrawn by telephone"))
    somebody = User.objects.create_user("somebody")
    view = SavedView.objects.create(user=somebody, name="v", query="")
    arguments = {
        **dict.fromkeys(["request", "progress", "report", "document"], (undecided.pk,)),
        "plot": [undecided.pk, "influence"], "act": [undecided.pk, "hold"], "decide": [proposal.pk, "decline"],
        "remove-view": [view.pk],
        **dict.fromkeys(
            ["subject", "history-plot", "lineage-plot", "export-json", "export-pdf", "make-link", "open-request"],
            (subject,),
        ),
        "model": ["shop"], "version": ["shop", version.number], "training-plot": ["shop", version.number],
        "certification-plot": [uuid4()], "operating-plot": [uuid4()], "issued-report": [1],
        **dict.fromkeys(["change-client", "rotate-client", "remove-client"], (Application.objects.get().client_id,)),
        "remove-secret": [secrets.add("shopify", "", "s").pk],
        **dict.fromkeys(
            ["webhook", "change-webhook", "remove-webhook", "rotate-webhook", "switch-webhook", "test-webhook"],
            (endpoint.pk,),
        ),
        "replay": [endpoint.pk, delivery.pk],
        **dict.fromkeys(["change-officer", "reset-officer"], (somebody.pk,)),
    }  # fmt: skip
    return {name: reverse(f"dashboard:{name}", args=arguments.get(name, [])) for name in {*READS, *WRITES}}


def _names():
    for pattern in urls.urlpatterns:
        for one in getattr(pattern, "url_patterns", [pattern]):
            yield one.name


def test_every_address_stands_in_the_tables():
    assert set(_names()) == {*READS, *WRITES, *OPEN}


@pytest.mark.parametrize("role", Role)
def test_each_role_sees_what_is_for_it(role, addresses):
    client = sign_in(role)
    for name, roles in READS.items():
        status = client.get(addresses[name]).status_code
        # What is allowed may not be there yet: a report of a request that has not ended.
        assert (status == 403) == (role not in roles), (name, status)


@pytest.mark.parametrize("role", Role)
def test_each_role_changes_what_is_for_it(role, addresses):
    client = sign_in(role)
    for name in sorted(WRITES, key=lambda name: "remove" in name):
        status = client.post(addresses[name], {}).status_code
        assert (status == 403) == (role not in WRITES[name]), (name, status)


def test_nobody_sees_anything_without_signing_in(addresses):
    for name, address in addresses.items():
        answer = Client().post(address) if name not in READS else Client().get(address)
        if name == "settings":  # leads on to a page that asks
            continue
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/sign-in/"), name


def test_nobody_sees_anything_without_the_second_factor(addresses):
    client = sign_in(Role.ADMINISTRATOR, verified=False)
    for name in READS.keys() - {"settings"}:
        answer = client.get(addresses[name])
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/sign-in/code"), name


def test_who_has_no_role_sees_nothing(addresses):
    client = sign_in(None)
    for name in READS.keys() - {"settings"}:
        assert client.get(addresses[name]).status_code == 403, name


def test_what_only_reads_takes_no_post_and_the_other_way_round(administrator, addresses):
    for name in READS.keys() - WRITES.keys() - {"settings"}:
        assert administrator.post(addresses[name]).status_code == 405, name
    for name in WRITES.keys() - READS.keys():
        assert administrator.get(addresses[name]).status_code == 405, name


def test_a_bulk_action_is_for_those_who_may_take_it(undecided):
    job = Job.objects.create(recommender=Recommender.objects.create(name="shop"), state=Job.State.PAUSED)
    Request.objects.filter(pk=undecided.pk).update(job=job)
    for role, action, status in (
        (ENGINEER, "hold", 403),
        (AUDITOR, "hold", 403),
        (AUDITOR, "continue", 403),
        (OFFICER, "hold", 200),
        (ENGINEER, "continue", 200),
    ):
        body = {"action": action, "request": [str(undecided.pk)]}
        assert sign_in(role).post("/requests/bulk", body).status_code == status, (role, action)


def test_the_tables_are_for_those_who_may_see_them():
    for role in Role:
        answer = sign_in(role).get("/records/")
        assert answer.status_code == (200 if role in (AUDITOR, ADMINISTRATOR) else 302), role
    assert sign_in(Role.ADMINISTRATOR, verified=False).get("/records/").status_code == 302


def test_who_looked_at_whom_is_on_record(officer, undecided):
    subject = undecided.subjects.get().subject_id
    officer.get(f"/requests/{undecided.pk}/")
    officer.get(f"/subjects/{subject}/")
    officer.get(f"/subjects/{subject}/export.json")
    officer.post("/subjects/", {"kind": "registered", "form": "raw", "identity": "bob@example.org"})
    officer.post("/subjects/", {"kind": "registered", "form": "raw", "identity": "nobody@example.org"})
    found = AccessRecord.objects.order_by("pk").values_list("by", "what", "subject")
    assert list(found) == [
        ("ann", "view", subject),
        ("ann", "export", subject),
        ("ann", "search", subject),
        ("ann", "search", None),
    ]


def test_an_engineer_leaves_no_trace_and_sees_no_subject(undecided):
    page = sign_in(Role.ENGINEER).get(f"/requests/{undecided.pk}/").content.decode()
    assert str(undecided.subjects.get().subject_id) not in page
    assert not AccessRecord.objects.exists()


def test_a_picture_alone_is_a_look_as_well(officer, undecided):
    subject = undecided.subjects.get().subject_id
    officer.get(f"/subjects/{subject}/history.svg")
    assert AccessRecord.objects.get().subject == subject


def test_the_tables_are_ours_and_only_read():
    """A superuser too changes nothing there, and finds no key of a second factor."""
    registered = {model.__name__ for model in admin.site._registry}
    assert not registered & {"User", "TOTPDevice", "StaticDevice", "Application", "AccessToken", "Subject"}
    assert {model._meta.app_label for model in admin.site._registry} == {"unlearning", "audits", "models_engine"}
    root = User.objects.create_superuser("root")
    for one in admin.site._registry.values():
        http = RequestFactory().get("/")
        http.user = root
        assert not (one.has_add_permission(http))
        assert not (one.has_change_permission(http))
        assert not (one.has_delete_permission(http))


@pytest.mark.parametrize(
    "address",
    [
        "/records/unlearning/request/?pk__regex=(",
        "/records/unlearning/endpoint/?wrapped_key=a",
        "/records/unlearning/clientscopes/%00/change/",
        "/records/unlearning/clientscopes/?pk=%00",
        "/settings/access?by=%00",
        "/settings/clients/a%00b/",
    ],
)
def test_an_address_without_sense_is_refused(administrator, address):
    assert administrator.get(address).status_code in (400, 404)

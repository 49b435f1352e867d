"""What an administrator sets."""

import base64
import re

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice
from oauth2_provider.models import AccessToken, Application

from audits.evidence.models import LogEntry
from tests.unlearning.dashboard.conftest import sign_in
from tests.unlearning.people import ask_erasure, make_subject
from unlearning.api.clients import give_credentials
from unlearning.api.models import ClientScopes
from unlearning.connectors import secrets
from unlearning.officers.models import AccessRecord, Officer
from unlearning.officers.roles import Role
from unlearning.requests import policy
from unlearning.requests.models import Policy, Request
from unlearning.webhooks import endpoints
from unlearning.webhooks.models import Delivery, Endpoint

pytestmark = pytest.mark.django_db


def _settings_on_record():
    return list(AccessRecord.objects.filter(what="setting").order_by("pk").values_list("detail", flat=True))


def test_a_policy_is_in_force_from_then_on_and_logged(administrator, settings):
    settings.FEDSHARE_ASSURANCE, settings.FEDSHARE_BATCH_WINDOW = "quick", 60
    assert policy.in_force() == policy.InForce("quick", 20, 60, 3, "")
    sent = {"assurance": "standard", "margin_percent": "10", "batch_window": "900", "urgent_days": "7"}
    sent["holidays"] = "de-by"
    page = administrator.post("/settings/policies", sent, follow=True).content.decode()
    assert "In force for what is planned from now on" in page
    assert policy.in_force() == policy.InForce("standard", 10, 900, 7, "DE-BY")
    assert LogEntry.objects.get(kind="policy.set").payload == {
        "assurance": "standard",
        "margin_percent": 10,
        "batch_window": 900,
        "holidays": "DE-BY",
        "urgent_days": 7,
    }
    assert Policy.objects.get().set_by == "ada"


@pytest.mark.parametrize(
    "wrong",
    [
        {"assurance": "none"},
        {"margin_percent": "4"},
        {"margin_percent": "21"},
        {"batch_window": "-1"},
        {"urgent_days": "0"},
        {"holidays": "Bavaria"},
        {"holidays": "DE-XX"},
    ],
)
def test_a_policy_out_of_its_range_is_refused(administrator, wrong):
    sent = {"assurance": "quick", "margin_percent": "20", "batch_window": "60", "urgent_days": "3"} | wrong
    assert administrator.post("/settings/policies", sent).status_code == 400
    assert not Policy.objects.exists()


def test_a_period_keeps_the_calendar_that_it_began_with(administrator, undecided):
    policy.set_policy(policy.InForce("quick", 20, 60, 3, "FR"), "ada")
    later = ask_erasure("bob@example.org", external_id="e-3", identity_verified=False)  # merged: the same request
    assert later == undecided
    make_subject("cy@example.org", 100)
    new = ask_erasure("cy@example.org", external_id="e-4")
    assert (Request.objects.get(pk=undecided.pk).holidays, new.holidays, new.time_zone) == ("", "FR", "UTC")


def test_a_client_is_made_changed_rotated_and_removed(administrator):
    page = administrator.post("/settings/clients/new", {"name": "crm", "scopes": ["requests:read"]}).content.decode()
    secret = re.search(r'id="secret">([^<]+)<', page)[1]
    client = Application.objects.get(client_id="crm")
    assert secret not in client.client_secret
    AccessToken.objects.create(application=client, token="t", expires=timezone.now(), scope="requests:read")
    administrator.post("/settings/clients/crm/", {"scopes": ["requests:read", "requests:write"]})
    assert ClientScopes.objects.get(client="crm").scopes == ["requests:read", "requests:write"]
    assert not AccessToken.objects.exists()
    other = administrator.post("/settings/clients/crm/rotate").content.decode()
    assert secret not in other
    assert ClientScopes.objects.get(client="crm").scopes == ["requests:read", "requests:write"]
    administrator.post("/settings/clients/crm/remove")
    assert not Application.objects.exists()
    assert _settings_on_record() == [
        "client crm: made",
        "client crm: scopes",
        "client crm: new secret",
        "client crm: removed",
    ]


@pytest.mark.parametrize("name", ["", "two words", "demo", "sandbox-x", "crm"])
def test_a_name_that_no_client_can_have(administrator, name):
    administrator.post("/settings/clients/new", {"name": "crm", "scopes": ["requests:read"]})
    answer = administrator.post("/settings/clients/new", {"name": name, "scopes": ["requests:read"]})
    assert answer.status_code == 400
    assert Application.objects.count() == 1


def test_a_connector_s_secret_is_written_and_never_read(administrator):
    sent = {"connector": "shopify", "account": "boots.myshopify.com", "secret": "hush-hush"}
    page = administrator.post("/settings/connectors/new", sent, follow=True).content.decode()
    assert "boots.myshopify.com" in page
    assert "hush-hush" not in page
    assert secrets.valid("shopify", "boots.myshopify.com") == ["hush-hush"]
    number = re.search(r"/settings/connectors/(\d+)/remove", page)[1]
    question = administrator.get(f"/settings/connectors/{number}/remove").content.decode()
    assert "the only one" in question
    assert secrets.valid("shopify", "boots.myshopify.com") == ["hush-hush"]
    administrator.post(f"/settings/connectors/{number}/remove")
    assert secrets.valid("shopify", "boots.myshopify.com") == []


def test_a_webhook_is_made_switched_rotated_and_replayed(administrator):
    sent = {"name": "Mailing", "url": "https://example.org/hook", "events": ["data.withdrawn"]}
    assert "whsec_" in administrator.post("/settings/webhooks/new", sent).content.decode()
    endpoint = Endpoint.objects.get()
    before = endpoints.secrets_of(endpoint)
    assert "whsec_" in administrator.post(f"/settings/webhooks/{endpoint.pk}/rotate").content.decode()
    assert before[0] in endpoints.secrets_of(Endpoint.objects.get())[1:]
    administrator.post(f"/settings/webhooks/{endpoint.pk}/switch", {"to": "off"})
    administrator.post(f"/settings/webhooks/{endpoint.pk}/switch", {"to": "off"})
    assert Endpoint.objects.get().disabled_at
    administrator.post(f"/settings/webhooks/{endpoint.pk}/switch", {"to": "on"})
    assert Endpoint.objects.get().disabled_at is None
    now = timezone.now()
    delivery = Delivery.objects.create(
        endpoint=endpoint, event="data.withdrawn", payload={}, occurred_at=now, next_at=now, state="failed", tries=9
    )
    administrator.post(f"/settings/webhooks/{endpoint.pk}/{delivery.pk}/replay")
    assert (Delivery.objects.get().state, Delivery.objects.get().tries) == ("pending", 0)


def test_an_agent_s_key_has_to_be_one(administrator):
    sent = {"connector": "drp", "account": "agent-1", "secret": "not a key"}
    assert administrator.post("/settings/connectors/new", sent).status_code == 400
    key = base64.b64encode(bytes(32)).decode()
    administrator.post("/settings/connectors/new", sent | {"secret": key})
    assert secrets.valid("drp", "agent-1") == [key]


def test_a_webhook_is_changed_and_removed(administrator):
    endpoint, _secret = endpoints.register(owner="crm", name="M", url="https://example.org/", events=["data.withdrawn"])
    now = timezone.now()
    Delivery.objects.create(endpoint=endpoint, event="data.withdrawn", payload={}, occurred_at=now, next_at=now)
    sent = {"name": "Mailing", "url": "https://example.org/new", "events": ["request.completed"]}
    assert administrator.post(f"/settings/webhooks/{endpoint.pk}/change", sent | {"url": "x"}).status_code == 400
    administrator.post(f"/settings/webhooks/{endpoint.pk}/change", sent)
    endpoint.refresh_from_db()
    assert (endpoint.name, endpoint.url, endpoint.events) == tuple(sent.values())
    assert endpoint.owner == "crm"
    assert "1 delivery that waits" in administrator.get(f"/settings/webhooks/{endpoint.pk}/remove").content.decode()
    administrator.post(f"/settings/webhooks/{endpoint.pk}/test")
    assert Delivery.objects.filter(event="webhook.test").count() == 1
    administrator.post(f"/settings/webhooks/{endpoint.pk}/remove")
    assert not Endpoint.objects.registered().exists()
    assert administrator.get(f"/settings/webhooks/{endpoint.pk}/").status_code == 404
    # What it was told stays on record; its keys don't.
    endpoint.refresh_from_db()
    assert (bytes(endpoint.wrapped_key), endpoint.deliveries.filter(state="failed").count()) == (b"", 2)
    assert _settings_on_record()[-2:] == [f"webhook {endpoint.pk}: changed", "webhook Mailing: removed"]


@pytest.mark.parametrize("what", ["client", "webhook", "officer"])
def test_what_can_not_be_undone_is_asked_first(administrator, what):
    give_credentials("crm")
    endpoint, _secret = endpoints.register(owner="crm", name="M", url="https://example.org/", events=["webhook.test"])
    other = sign_in(Role.OFFICER).user
    address = {
        "client": "/settings/clients/crm/rotate",
        "webhook": f"/settings/webhooks/{endpoint.pk}/rotate",
        "officer": f"/settings/officers/{other.pk}/reset",
    }[what]
    before = (Application.objects.get().client_secret, bytes(endpoint.wrapped_key), other.password)
    assert "Leave it" in administrator.get(address).content.decode()
    endpoint, other = Endpoint.objects.get(), User.objects.get(pk=other.pk)
    assert before == (Application.objects.get().client_secret, bytes(endpoint.wrapped_key), other.password)


def test_a_webhook_to_an_address_inside_is_refused(administrator):
    for url in ("https://127.0.0.1/", "http://example.org/", "https://10.0.0.1/x"):
        sent = {"name": "Inside", "url": url, "events": ["data.withdrawn"]}
        assert administrator.post("/settings/webhooks/new", sent).status_code == 400, url
    assert not Endpoint.objects.exists()


def test_an_officer_is_made_and_changed(administrator):
    page = administrator.post("/settings/officers/new", {"username": "eve", "role": "auditor"}).content.decode()
    assert "/sign-in/password/" in page
    eve = User.objects.get(username="eve")
    assert (eve.officer.role, eve.has_usable_password()) == (Role.AUDITOR, False)
    again = administrator.post("/settings/officers/new", {"username": "Eve", "role": "auditor"})
    assert again.status_code == 400
    administrator.post(f"/settings/officers/{eve.pk}/", {"role": "engineer"})
    eve = User.objects.get(username="eve")
    assert (eve.officer.role, eve.is_active) == (Role.ENGINEER, False)


def test_nobody_changes_their_own_role(administrator):
    user = administrator.user
    assert administrator.post(f"/settings/officers/{user.pk}/", {"role": "officer", "active": "on"}).status_code == 400
    assert administrator.post(f"/settings/officers/{user.pk}/", {"role": "administrator"}).status_code == 400
    administrator.post(f"/settings/officers/{user.pk}/reset")
    assert Officer.objects.get(user=user).role == Role.ADMINISTRATOR
    assert TOTPDevice.objects.filter(user=user).exists()


def test_a_reset_ends_password_and_second_factor(administrator):
    other = sign_in(Role.OFFICER)
    assert other.get("/").status_code == 200
    administrator.post(f"/settings/officers/{other.user.pk}/reset")
    assert other.get("/")["Location"].startswith("/sign-in/")
    assert not TOTPDevice.objects.filter(user=other.user).exists()


def test_who_may_not_sign_in_is_out_at_once(administrator):
    other = sign_in(Role.OFFICER)
    administrator.post(f"/settings/officers/{other.user.pk}/", {"role": "officer"})
    assert other.get("/")["Location"].startswith("/sign-in/")


def test_the_access_log_is_filtered_and_says_what_it_does_not_understand(administrator, undecided):
    subject = undecided.subjects.get().subject_id
    administrator.get(f"/subjects/{subject}/")
    assert str(subject) in administrator.get(f"/settings/access?by=ada&subject={subject}").content.decode()
    assert "Nothing." in administrator.get("/settings/access?by=nobody").content.decode()
    assert administrator.get("/settings/access?subject=x").status_code == 400


def test_the_controller_s_own_webhooks_are_told_of_everything(administrator, undecided):
    sent = {"name": "Office", "url": "https://example.org/hook", "events": ["request.extended", "request.refused"]}
    administrator.post("/settings/webhooks/new", sent)
    administrator.post(f"/requests/{undecided.pk}/act/extend", {"reason": "complexity"})
    assert Delivery.objects.get().event == "request.extended"


def test_a_name_in_other_letters_is_the_same(administrator):
    assert administrator.post("/settings/officers/new", {"username": "ａｄａ", "role": "auditor"}).status_code == 400
    assert User.objects.count() == 1


@pytest.mark.parametrize("name", ["b\u0435n", "müller", "crm"])
def test_a_name_that_looks_like_another_s_or_is_a_client_s(administrator, name):
    give_credentials("crm")
    assert administrator.post("/settings/officers/new", {"username": name, "role": "auditor"}).status_code == 400


def test_a_client_can_not_have_an_officer_s_name_or_be_a_dot(administrator):
    for name in ("ada", ".", ".."):
        answer = administrator.post("/settings/clients/new", {"name": name, "scopes": ["requests:read"]})
        assert answer.status_code == 400, name


def test_who_is_no_administrator_any_more_changes_nobody(administrator):
    other = sign_in(Role.ADMINISTRATOR)
    administrator.post(f"/settings/officers/{other.user.pk}/", {"role": "auditor", "active": "on"})
    answer = other.post(f"/settings/officers/{administrator.user.pk}/", {"role": "auditor"})
    assert answer.status_code == 403
    assert User.objects.get(pk=administrator.user.pk).is_active

"""The customer's page, by plain forms."""

import re
import time

import pytest
from django.core import signing
from django.test import Client

from tests.unlearning.api.clients import client, post
from tests.unlearning.people import ask_erasure, make_subject
from unlearning.consent.models import ConsentEvent
from unlearning.lineage.models import Interaction, Item
from unlearning.lineage.subjects import shred
from unlearning.requests.models import Request
from unlearning.subject_page.links import token_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann():
    subject = make_subject("ann@example.org", 80, items=100)
    Item.objects.filter(external_id__in=["item-1", "item-2", "item-3"]).update(category="toys")
    Item.objects.filter(external_id__in=["item-4", "item-5"]).update(category="books")
    return subject


EVERYTHING = ["category:", "category:books", "category:toys"]


def _address(subject):
    return f"/me/{token_for(subject, 'crm')}/"


def _choose(subject, **chosen):
    chosen = {"share_percent": 80, "categories": EVERYTHING} | chosen
    return Client().post(_address(subject), chosen)


def test_the_crm_asks_for_a_link_that_opens_the_page(ann, settings):
    settings.FEDSHARE_PUBLIC_URL = "https://fedshare.example"
    answer = post(client(), f"subjects/{ann.pk}/link")
    assert answer.status_code == 201
    url = answer.json()["url"]
    assert url.startswith("https://fedshare.example/me/")
    assert "ann" not in url
    page = Client().get(url.removeprefix("https://fedshare.example"))
    assert page.status_code == 200
    assert "80 %" in page.content.decode()
    assert "example.org" not in page.content.decode()


def test_the_address_goes_to_nobody_else(ann):
    answer = Client().get(_address(ann))
    assert answer["Referrer-Policy"] == "same-origin"
    assert "no-store" in answer["Cache-Control"]
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert "<script" not in answer.content.decode()


def test_a_lower_step_takes_back_at_once(ann):
    answer = _choose(ann, share_percent=20)
    assert (answer.status_code, answer["Location"].endswith("?saved=1")) == (302, True)
    request = Request.objects.get()
    assert (request.manner, request.kind, request.source) == ("subject_page", "unshare", "crm")
    assert not Interaction.objects.filter(rank__gte=0.2).exists()
    assert "removed" in Client().get(_address(ann)).content.decode()


def test_a_higher_step_opens_no_request(ann):
    _choose(ann, share_percent=100)
    assert ConsentEvent.objects.order_by("-id").first().share_percent == 100
    assert not Request.objects.exists()


def test_taking_everything_back_is_one_button(ann):
    page = Client().get(_address(ann)).content.decode()
    assert page.count('name="withdraw"') == 1
    Client().post(_address(ann), {"withdraw": "1"})
    assert not Interaction.objects.exists()
    assert "disabled" in Client().get(_address(ann)).content.decode()


def test_a_category_can_be_left_out(ann):
    _choose(ann, categories=["category:", "category:books"])
    assert not Interaction.objects.filter(item__category="toys").exists()
    assert Interaction.objects.filter(item__category="").exists()
    assert re.search(r'value="category:books" checked', Client().get(_address(ann)).content.decode())


@pytest.mark.parametrize("categories", [None, ["toys"], ["games", "toys"], ["", "books", "toys"], []])
def test_what_was_not_touched_stays_as_it_is(ann, categories):
    body = {"subject": "ann@example.org", "share_percent": 60, "categories": categories, "external_id": "s-1"}
    post(client(), "consents", body)
    page = Client().get(_address(ann)).content.decode()
    ticked = re.findall(r'name="categories" [^>]*value="([^"]*)" checked', page)
    _choose(ann, share_percent=60, categories=ticked)
    assert ConsentEvent.objects.order_by("-id").first().categories == categories


def test_nothing_ticked_shares_nothing(ann):
    _choose(ann, categories=[])
    assert not Interaction.objects.exists()


def test_a_ratio_between_the_steps_is_shown_and_can_be_kept(ann):
    post(client(), "consents", {"subject": "ann@example.org", "share_percent": 35, "external_id": "s-1"})
    assert 'value="35" aria-describedby="means-35" checked' in Client().get(_address(ann)).content.decode()
    assert _choose(ann, share_percent=35).status_code == 302


@pytest.mark.parametrize("chosen", [{"share_percent": 33}, {"share_percent": ""}, {"categories": ["category:weapons"]}])
def test_a_choice_that_is_none_is_said_and_nothing_changes(ann, chosen):
    answer = _choose(ann, **chosen)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()
    assert ConsentEvent.objects.count() == 1


def test_an_expired_or_forged_link_opens_nothing(ann, settings, monkeypatch):
    address = _address(ann)
    forged = f"/me/{signing.dumps([str(ann.pk), 'crm'], salt='another')}/"
    assert Client().get(forged).status_code == 410
    assert Client().get("/me/x/").status_code == 410
    settings.FEDSHARE_LINK_HOURS = 1
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3601)
    assert Client().get(address).status_code == 410
    assert Client().post(address, {"withdraw": "1"}).status_code == 410
    assert Interaction.objects.exists()


def test_after_an_erasure_the_page_is_gone(ann):
    address = _address(ann)
    ask_erasure("ann@example.org")
    assert Client().get(address).status_code == 410
    assert Client().post(address, {"share_percent": 100}).status_code == 410
    shred(ann)
    assert Client().get(address).status_code == 410


def test_a_form_from_elsewhere_is_refused(ann):
    assert Client(enforce_csrf_checks=True).post(_address(ann), {"withdraw": "1"}).status_code == 403


@pytest.mark.parametrize(("language", "word"), [("fr", "Ne plus rien partager"), ("de", "Nichts mehr freigeben")])
def test_it_speaks_the_customers_language(ann, language, word):
    page = Client().get(_address(ann), headers={"Accept-Language": language}).content.decode()
    assert word in page
    assert f'<html lang="{language}">' in page

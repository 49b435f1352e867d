import re
import time

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.unlearning.dashboard.conftest import sign_in
from unlearning.officers.models import Officer
from unlearning.officers.roles import Role

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture
def user():
    user = User.objects.create_user("ann", password=PASSWORD)
    Officer.objects.create(user=user, role=Role.OFFICER)
    return user


def _code(device: TOTPDevice) -> str:
    generator = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift)
    generator.time = time.time()
    return f"{generator.token():06d}"


def _password(client, password=PASSWORD, **more):
    return client.post("/sign-in/", {"username": "ann", "password": password, **more})


def test_the_first_sign_in_sets_the_authenticator_up(user):
    client = Client()
    answer = _password(client, next="/models/")
    assert answer["Location"] == "/sign-in/code?next=%2Fmodels%2F"
    answer = client.get(answer["Location"])
    assert answer["Location"] == "/sign-in/authenticator?next=%2Fmodels%2F"
    page = client.get(answer["Location"]).content.decode()
    assert "data:image/svg+xml" in page
    device = TOTPDevice.objects.get()
    assert not device.confirmed
    wrong = client.post("/sign-in/authenticator", {"code": "000000", "next": "/models/"})
    assert wrong.status_code == 400
    TOTPDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    codes = client.post("/sign-in/authenticator", {"code": _code(device), "next": "/models/"})
    assert len(re.findall(r"<li><code>\w+</code></li>", codes.content.decode())) == 8
    assert client.get("/models/").status_code == 200


def test_each_later_sign_in_asks_for_a_code(user):
    device = TOTPDevice.objects.create(user=user, confirmed=True)
    client = Client()
    _password(client)
    assert client.get("/")["Location"].startswith("/sign-in/code")
    assert client.post("/sign-in/code", {"code": "12 34"}).status_code == 400
    TOTPDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    answer = client.post("/sign-in/code", {"code": _code(device), "next": "/evidence/"})
    assert answer["Location"] == "/evidence/"
    assert client.get("/").status_code == 200


def test_a_code_is_good_once(user):
    device = TOTPDevice.objects.create(user=user, confirmed=True)
    code = _code(device)
    for status in (302, 400):
        client = Client()
        _password(client)
        assert client.post("/sign-in/code", {"code": code}).status_code == status


def test_a_recovery_code_is_good_once(user):
    TOTPDevice.objects.create(user=user, confirmed=True)
    kept = user.staticdevice_set.create(name="recovery")
    StaticToken.objects.create(device=kept, token="abcdef12")
    for status in (302, 400):
        client = Client()
        _password(client)
        assert client.post("/sign-in/code", {"code": "ABCD EF12"}).status_code == status


def test_who_has_an_authenticator_can_not_set_up_another_without_it(user):
    TOTPDevice.objects.create(user=user, confirmed=True)
    client = Client()
    _password(client)
    assert client.get("/sign-in/authenticator")["Location"] == "/sign-in/code"
    assert client.post("/sign-in/authenticator", {"code": "1"})["Location"] == "/sign-in/code"
    assert TOTPDevice.objects.count() == 1


def test_five_wrong_passwords_lock(user):
    client = Client()
    statuses = [_password(client, "wrong").status_code for _ in range(5)]
    assert statuses[:4] == [200] * 4
    assert statuses[4] == 429
    locked = _password(client)
    assert locked.status_code == 429
    assert "Wait a quarter of an hour" in locked.content.decode()
    assert client.get("/")["Location"].startswith("/sign-in/")


def test_an_administrator_ends_a_lock(user, administrator):
    for _ in range(5):
        _password(Client(), "wrong")
    page = administrator.post(f"/settings/officers/{user.pk}/reset").content.decode()
    address = re.search(r"http://testserver(/sign-in/password/\S+?)<", page)[1]
    client = Client()
    form = client.get(address, follow=True)
    new = "another horse battery"
    client.post(form.redirect_chain[-1][0], {"new_password1": new, "new_password2": new})
    assert _password(client, new).status_code == 302
    assert "no longer good" in Client().get(address, follow=True).content.decode()


def test_a_sign_in_leads_to_no_other_site(user):
    TOTPDevice.objects.create(user=user, confirmed=True)
    client = Client()
    assert "evil" not in _password(client, next="https://evil.example/")["Location"]
    device = TOTPDevice.objects.get()
    answer = client.post("/sign-in/code", {"code": _code(device), "next": "https://evil.example/"})
    assert answer["Location"] == "/"


def test_an_idle_session_ends(settings):
    settings.FEDSHARE_IDLE_MINUTES = 30
    client = sign_in(Role.OFFICER)
    assert client.get("/models/").status_code == 200
    session = client.session
    session["last_click"] = time.time() - 29 * 60
    session.save()
    assert client.get("/models/").status_code == 200
    assert client.session["last_click"] > time.time() - 60
    session = client.session
    session["last_click"] = time.time() - 31 * 60
    session.save()
    assert client.get("/models/")["Location"].startswith("/sign-in/")


def test_what_a_page_fetches_by_itself_keeps_no_session_alive():
    client = sign_in(Role.OFFICER)
    client.get("/models/")
    before = time.time() - 10 * 60
    session = client.session
    session["last_click"] = before
    session.save()
    client.get("/models/", headers={"HX-Request": "true"})
    assert client.session["last_click"] == before


def test_a_live_part_without_a_session_reloads_the_page():
    answer = Client().get("/models/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Refresh"]) == (204, "true")


def test_without_the_second_factor_where_the_operator_says_so(user, settings):
    settings.FEDSHARE_SECOND_FACTOR = False
    client = Client()
    assert _password(client)["Location"] == "/"
    assert client.get("/").status_code == 200


def test_a_session_ends_after_a_working_day_however_busy(settings):
    client = sign_in(Role.OFFICER)
    client.get("/models/")
    session = client.session
    session["began"] = time.time() - settings.SESSION_COOKIE_AGE - 1
    session.save()
    assert client.get("/models/")["Location"].startswith("/sign-in/")


def test_a_name_longer_than_any_is_refused():
    answer = Client().post("/sign-in/", {"username": "x" * 300, "password": PASSWORD})
    assert answer.status_code == 200
    assert "don&#x27;t match" in answer.content.decode() or "don't match" in answer.content.decode()


def test_each_session_sets_up_a_key_of_its_own(user):
    first, second = Client(), Client()
    for client in (first, second):
        _password(client)
    first.get("/sign-in/authenticator")
    stolen = TOTPDevice.objects.get()
    second.get("/sign-in/authenticator")
    device = TOTPDevice.objects.get()
    assert device.key != stolen.key
    assert second.post("/sign-in/authenticator", {"code": _code(stolen)}).status_code == 400


def test_a_wrong_code_is_told_from_too_many(user):
    TOTPDevice.objects.create(user=user, confirmed=True)
    client = Client()
    _password(client)
    assert "does not fit" in client.post("/sign-in/code", {"code": "000000"}).content.decode()
    assert "wait a little" in client.post("/sign-in/code", {"code": "000000"}).content.decode()

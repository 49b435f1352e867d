"""People of every role, signed in with their second factor."""

import django_otp
import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.unlearning.people import ask_erasure, make_subject
from unlearning.officers.models import Officer
from unlearning.officers.roles import Role


def sign_in(role: Role | None, name: str = "", *, verified: bool = True) -> Client:
    """A browser in which somebody of a role is signed in."""
    user = User.objects.create_user(name or f"{role}-{User.objects.count()}", password="correct horse battery")
    if role is not None:
        Officer.objects.create(user=user, role=role)
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    if verified:
        device = TOTPDevice.objects.create(user=user, confirmed=True, name="TOTP")
        session = client.session
        session[django_otp.DEVICE_ID_SESSION_KEY] = device.persistent_id
        session.save()
    client.user = user
    return client


@pytest.fixture(autouse=True)
def _no_kept_figures():
    cache.clear()


@pytest.fixture
def officer():
    return sign_in(Role.OFFICER, "ann")


@pytest.fixture
def second_officer():
    return sign_in(Role.OFFICER, "ben")


@pytest.fixture
def administrator():
    return sign_in(Role.ADMINISTRATOR, "ada")


@pytest.fixture
def accepted():
    """An erasure whose rows are gone."""
    make_subject("ann@example.org", 100)
    return ask_erasure("ann@example.org")


@pytest.fixture
def undecided():
    """An erasure that waits for the requester's identity."""
    make_subject("bob@example.org", 100)
    return ask_erasure("bob@example.org", external_id="e-2", identity_verified=False)

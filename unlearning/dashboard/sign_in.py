"""Signing in: name and password, then a code of the authenticator; at the first time, setting that up."""

from typing import Any

import django_otp
import segno
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.views import LoginView, PasswordChangeView, PasswordResetConfirmView
from django.core.validators import MaxLengthValidator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import url_has_allowed_host_and_scheme, urlencode, urlsafe_base64_encode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from unlearning.dashboard.access import sent, verified

_RECOVERY_CODES = 8
_TOO_MANY = gettext_lazy("Too many codes that did not fit: wait a little before the next one.")
_WRONG_CLOCK = gettext_lazy("This code does not fit. Check the clock of your phone, and enter the next one.")
_ENROLLING = "enrolling"
"""In the session: the authenticator that it sets up."""


class PasswordForm(AuthenticationForm):
    """Name and password, no longer than a name can be."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["username"].validators.append(MaxLengthValidator(self.fields["username"].max_length))


class SignIn(LoginView):
    """Name and password."""

    authentication_form = PasswordForm
    template_name = "dashboard/sign_in/password.html"

    def get_success_url(self) -> str:
        """To the second factor, where one is asked for."""
        wanted = super().get_success_url()
        if not settings.FEDSHARE_SECOND_FACTOR:
            return wanted
        return f"{reverse('dashboard:second-factor')}?{urlencode({'next': wanted})}"


class ChoosePassword(PasswordResetConfirmView):
    """Somebody who was invited, or whose password was reset, chooses one."""

    template_name = "dashboard/sign_in/choose_password.html"
    success_url = "/sign-in/"
    post_reset_login = False


class ChangePassword(PasswordChangeView):
    """Somebody who is signed in chooses another password."""

    template_name = "dashboard/sign_in/choose_password.html"
    success_url = "/"
    extra_context = {"validlink": True}

    def form_valid(self, form: forms.Form) -> HttpResponse:
        """Say that it is done."""
        messages.success(self.request, _("Your password is changed."))
        return super().form_valid(form)


class CodeForm(forms.Form):
    """A code of the authenticator, or one of those that were kept for its loss."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=16,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false", "class": "code"}
        ),
    )

    def clean_code(self) -> str:
        """Without the spaces that authenticators show."""
        return "".join(self.cleaned_data["code"].split()).lower()


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def second_factor(http: HttpRequest) -> HttpResponse:
    """Ask for a code; who has no authenticator yet sets one up first."""
    if verified(http):
        return redirect(_next(http))
    if not TOTPDevice.objects.filter(user=http.user, confirmed=True).exists():
        return redirect(f"{reverse('dashboard:enrol')}?{urlencode({'next': _next(http)})}")
    form = CodeForm(sent(http))
    status = 200
    if form.is_valid():
        locked = _is_locked(http)
        device = None if locked else django_otp.match_token(http.user, form.cleaned_data["code"])
        if device is not None:
            django_otp.login(http, device)
            return redirect(_next(http))
        form.add_error(
            "code",
            _TOO_MANY if locked else _("This code does not fit, or was used before. Enter the next one."),
        )
    if form.errors:
        status = 400
    return render(http, "dashboard/sign_in/second_factor.html", {"form": form, "next": _next(http)}, status=status)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@transaction.atomic
def enrol(http: HttpRequest) -> HttpResponse:
    """Set an authenticator up: scan, enter a code, keep the codes for its loss. Each session has a key of its own."""
    User.objects.select_for_update().get(pk=http.user.pk)  # one at a time
    if TOTPDevice.objects.filter(user=http.user, confirmed=True).exists():
        return redirect("dashboard:second-factor")
    device = _device_of_session(http)
    form = CodeForm(sent(http))
    locked = not device.verify_is_allowed()[0]
    if form.is_valid() and not locked and device.verify_token(form.cleaned_data["code"]):
        codes = _confirm(device)
        django_otp.login(http, device)
        return render(http, "dashboard/sign_in/recovery_codes.html", {"codes": codes, "next": _next(http)})
    if form.is_bound and not form.errors:
        form.add_error("code", _TOO_MANY if locked else _WRONG_CLOCK)
    context = {"form": form, "qr": _picture(device), "secret": _spelled(device), "next": _next(http)}
    return render(http, "dashboard/sign_in/enrol.html", context, status=400 if form.errors else 200)


def invitation(user: User) -> str:
    """Address at which somebody chooses a password; good once, and for three days."""
    return reverse(
        "dashboard:choose-password",
        args=[urlsafe_base64_encode(force_bytes(user.pk)), default_token_generator.make_token(user)],
    )


def forget_second_factor(user: User) -> None:
    """Let somebody set their authenticator up anew, at the next time that they sign in."""
    TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()


def _device_of_session(http: HttpRequest) -> TOTPDevice:
    """The device that this session sets up; what another session began ends."""
    unconfirmed = TOTPDevice.objects.filter(user=http.user, confirmed=False)
    device = unconfirmed.filter(pk=http.session.get(_ENROLLING)).first()
    if device is None:
        unconfirmed.delete()
        device = TOTPDevice.objects.create(user=http.user, confirmed=False, name="TOTP")
        http.session[_ENROLLING] = device.pk
    return device


def _confirm(device: TOTPDevice) -> list[str]:
    device.confirmed = True
    device.save(update_fields=["confirmed"])
    StaticDevice.objects.filter(user=device.user).delete()
    kept = StaticDevice.objects.create(user=device.user, name="recovery")
    codes = [StaticToken.random_token() for _number in range(_RECOVERY_CODES)]
    StaticToken.objects.bulk_create([StaticToken(device=kept, token=code) for code in codes])
    return codes


def _is_locked(http: HttpRequest) -> bool:
    """Whether codes that did not fit make every device wait."""
    return not any(device.verify_is_allowed()[0] for device in django_otp.devices_for_user(http.user))


def _picture(device: TOTPDevice) -> str:
    """The key as a QR code: an address that holds the picture itself."""
    return segno.make(device.config_url, error="m").svg_data_uri(scale=5, border=4, light="#ffffff")


def _spelled(device: TOTPDevice) -> str:
    """The key for typing, in groups of four."""
    key = device.config_url.partition("secret=")[2].partition("&")[0]
    return " ".join(key[place : place + 4] for place in range(0, len(key), 4))


def _next(http: HttpRequest) -> str:
    wanted = http.POST.get("next") or http.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {http.get_host()}, require_https=http.is_secure())
    return wanted if safe else resolve_url("dashboard:home")

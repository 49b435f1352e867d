"""Who signs in, and in which role; and the record of who looked at whom."""

from typing import Any
from uuid import UUID

from axes.utils import reset as reset_lockout
from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.contrib.auth.validators import ASCIIUsernameValidator
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_otp.plugins.otp_totp.models import TOTPDevice
from oauth2_provider.models import Application

from unlearning.dashboard.access import page, record, sent
from unlearning.dashboard.settings.asking import asks
from unlearning.dashboard.sign_in import forget_second_factor, invitation
from unlearning.officers.models import AccessRecord, Officer, role_of
from unlearning.officers.roles import May, Role

_PAGE_SIZE = 100

_MEANS = {
    Role.OFFICER: gettext_lazy("acts on requests, sees and exports subjects, runs jobs, issues registers"),
    Role.AUDITOR: gettext_lazy("reads everything, and who looked at whom; changes nothing but issues registers"),
    Role.ENGINEER: gettext_lazy("stops jobs and lets them go on; sees no subject"),
    Role.ADMINISTRATOR: gettext_lazy("may do everything, and sets all of this up"),
}
ROLES = [(role.value, format_lazy("{role}: {means}", role=role.label, means=means)) for role, means in _MEANS.items()]


class RoleForm(forms.Form):
    """A role, and whether its holder can sign in."""

    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=ROLES, widget=forms.RadioSelect)
    active = forms.BooleanField(label=gettext_lazy("Can sign in"), required=False, initial=True)


class NewOfficerForm(forms.Form):
    """Somebody new."""

    username = forms.CharField(
        label=gettext_lazy("Name"), max_length=100, help_text=gettext_lazy("They sign in with it; histories show it.")
    )
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=ROLES, widget=forms.RadioSelect)

    def clean_username(self) -> str:
        """A name that is free."""
        name = User.normalize_username(self.cleaned_data["username"])
        ASCIIUsernameValidator()(name)  # of other alphabets' letters, some look like these
        taken = Application.objects.filter(client_id__iexact=name).exists()
        if taken or User.objects.filter(username__iexact=name).exists():
            raise ValidationError(_("Somebody has this name already."))
        return name


@page(May.SEE_SETTINGS)
def officers(http: HttpRequest) -> HttpResponse:
    """Everybody who can sign in."""
    found = User.objects.select_related("officer").order_by("username")
    with_device = set(TOTPDevice.objects.filter(confirmed=True).values_list("user", flat=True))
    rows = [
        {"user": one, "role": _role(one), "second_factor": one.pk in with_device, "me": one.pk == http.user.pk}
        for one in found
    ]
    return render(http, "dashboard/settings/officers.html", {"rows": rows})


@page(May.CONFIGURE, writes=True)
def new_officer(http: HttpRequest) -> HttpResponse:
    """Make somebody known; they choose a password by a link that the administrator hands on."""
    form = NewOfficerForm(sent(http))
    if form.is_valid():
        with transaction.atomic():
            user = User.objects.create_user(form.cleaned_data["username"])
            Officer.objects.create(user=user, role=form.cleaned_data["role"])
        record(http, AccessRecord.What.SETTING, detail=f"officer {user.get_username()}: made"[:200])
        return _invited(http, user)
    context = {"form": form, "title": _("New officer"), "submit": _("Make the link"), "back": "dashboard:officers"}
    return render(http, "dashboard/settings/form.html", context, status=400 if form.errors else 200)


@page(May.CONFIGURE, writes=True)
def change_officer(http: HttpRequest, user_id: int) -> HttpResponse:
    """Change a role, or let somebody sign in no longer."""
    user = get_object_or_404(User.objects.select_related("officer"), pk=user_id)
    initial = {"role": _role(user), "active": user.is_active}
    form = RoleForm(sent(http), initial=initial)
    if form.is_valid() and _changed(form, user, http.user):
        record(http, AccessRecord.What.SETTING, detail=f"officer {user.get_username()}: role"[:200])
        messages.success(http, _("Saved."))
        return redirect("dashboard:officers")
    context = {"form": form, "title": user.get_username(), "submit": _("Save"), "back": "dashboard:officers"}
    return render(http, "dashboard/settings/form.html", context, status=400 if form.errors else 200)


@page(May.CONFIGURE, writes=True)
def reset_officer(http: HttpRequest, user_id: int) -> HttpResponse:
    """Password and authenticator anew, and an end to a lock-out: for who lost them."""
    user = get_object_or_404(User, pk=user_id)
    if user.pk == http.user.pk:
        messages.error(http, _("Nothing was done: another administrator has to do this for you."))
        return redirect("dashboard:officers")
    question = asks(
        http,
        _("Reset the sign-in of {name}").format(name=user.get_username()),
        _("Password and authenticator end now. You get a link, at which they set up both anew: hand it to them alone."),
        _("Reset the sign-in"),
        reverse("dashboard:officers"),
    )
    if question:
        return question
    user.set_unusable_password()
    user.save(update_fields=["password"])
    forget_second_factor(user)
    reset_lockout(username=user.get_username())
    record(http, AccessRecord.What.SETTING, detail=f"officer {user.get_username()}: sign-in reset"[:200])
    return _invited(http, user)


@page(May.SEE_ACCESS)
def access_log(http: HttpRequest) -> HttpResponse:
    """Who looked at whom, and who changed what; the latest first."""
    found = AccessRecord.objects.all()
    by, subject = http.GET.get("by", "").strip(), http.GET.get("subject", "").strip()
    trouble = ""
    if by:
        found = found.filter(by=by)
    if subject:
        try:
            found = found.filter(subject=UUID(subject))
        except ValueError:
            trouble = _("Subject: give the id as its page shows it.")
    context = {
        "page": Paginator(found, _PAGE_SIZE).get_page(http.GET.get("page")),
        "by": by,
        "subject": subject,
        "trouble": trouble,
    }
    return render(http, "dashboard/settings/access.html", context, status=400 if trouble else 200)


def _role(user: User) -> Role | None:
    if user.is_superuser:
        return Role.ADMINISTRATOR
    return Role(user.officer.role) if hasattr(user, "officer") else None


def _changed(form: forms.Form, user: User, by: Any) -> bool:
    """Store it, unless nobody would be left who can."""
    role, active = form.cleaned_data["role"], form.cleaned_data["active"]
    if user.pk == by.pk and (not active or role != role_of(by)):
        form.add_error(None, _("Another administrator has to change your own role."))
        return False
    if user.is_superuser and role != Role.ADMINISTRATOR:
        form.add_error("role", _("This account was made with createsuperuser: it is an administrator."))
        return False
    with transaction.atomic():
        list(User.objects.select_for_update().order_by("pk"))  # one at a time
        if not User.objects.filter(pk=by.pk, is_active=True).exists() or role_of(by) != Role.ADMINISTRATOR:
            form.add_error(None, _("Another administrator changed your own role meanwhile."))
            return False
        Officer.objects.update_or_create(user=user, defaults={"role": role})
        user.is_active = active
        user.save(update_fields=["is_active"])
    return True


def _invited(http: HttpRequest, user: User) -> HttpResponse:
    address = http.build_absolute_uri(invitation(user))
    return render(http, "dashboard/settings/invited.html", {"officer": user, "address": address})

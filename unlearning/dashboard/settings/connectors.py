"""Secrets that senders sign with: written here, never read."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from unlearning.connectors import secrets
from unlearning.connectors.models import ConnectorSecret
from unlearning.dashboard.access import page, record, sent
from unlearning.dashboard.settings.asking import asks
from unlearning.officers.models import AccessRecord
from unlearning.officers.roles import May
from unlearning.requests.errors import BadField

NAMES = {"shopify": "Shopify", "hubspot": "HubSpot", "drop": "California DROP", "drp": "Data Rights Protocol"}


class SecretForm(forms.Form):
    """A secret for a connector."""

    connector = forms.ChoiceField(label=gettext_lazy("Connector"), choices=list(NAMES.items()))
    account = forms.CharField(
        label=gettext_lazy("Account"),
        required=False,
        max_length=200,
        help_text=gettext_lazy("Shop, portal or agent; for DROP: api-key or webhook. Left empty: every one."),
    )
    secret = forms.CharField(
        label=gettext_lazy("Secret"),
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy(
            "Stored encrypted; it can't be shown again. For the Data Rights Protocol: the agent's key."
        ),
    )

    def clean_secret(self) -> str:
        """Without what pasting adds; of an agent, a key."""
        secret = self.cleaned_data["secret"].strip()
        try:
            secrets.check(self.cleaned_data.get("connector", ""), secret)
        except BadField as bad:
            raise forms.ValidationError(bad.remedy) from None
        return secret


@page(May.SEE_SETTINGS)
def connectors(http: HttpRequest) -> HttpResponse:
    """What there is; never the secrets."""
    rows = [{"secret": one, "name": NAMES[one.connector]} for one in ConnectorSecret.objects.all()]
    return render(http, "dashboard/settings/connectors.html", {"rows": rows})


@page(May.CONFIGURE, writes=True)
def new_secret(http: HttpRequest) -> HttpResponse:
    """Add a secret; those before stay valid until they are removed."""
    form = SecretForm(sent(http))
    if form.is_valid():
        given = form.cleaned_data
        stored = secrets.add(given["connector"], given["account"], given["secret"])
        record(http, AccessRecord.What.SETTING, detail=f"connector {stored.connector}: secret added")
        messages.success(http, _("The secret is stored. Remove the one before, once the sender uses this one."))
        return redirect("dashboard:connectors")
    context = {"form": form, "title": _("New secret"), "submit": _("Store it"), "back": "dashboard:connectors"}
    return render(http, "dashboard/settings/form.html", context, status=400 if form.errors else 200)


@page(May.CONFIGURE, writes=True)
def remove_secret(http: HttpRequest, secret_id: int) -> HttpResponse:
    """Let a secret be valid no longer."""
    stored = get_object_or_404(ConnectorSecret, pk=secret_id)
    others = len(secrets.valid(stored.connector, stored.account)) - 1
    question = asks(
        http,
        _("Remove the secret of {name}").format(name=NAMES[stored.connector]),
        _("What is signed with it is refused from now on; it can't be shown or brought back.")
        + " "
        + (
            ngettext("{n} other secret stays valid.", "{n} other secrets stay valid.", others).format(n=others)
            if others
            else _("It is the only one: every request of this sender will be refused.")
        ),
        _("Remove"),
        reverse("dashboard:connectors"),
    )
    if question:
        return question
    record(http, AccessRecord.What.SETTING, detail=f"connector {stored.connector}: secret removed")
    stored.delete()
    messages.success(http, _("The secret is removed; what is signed with it is refused from now on."))
    return redirect("dashboard:connectors")

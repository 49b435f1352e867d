"""OAuth2 clients: who may send requests, and what each may do."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from oauth2_provider.models import AccessToken, Application

from unlearning.api.clients import check_name, give_credentials, usual_scopes
from unlearning.api.models import ClientScopes
from unlearning.api.sandbox import PREFIX
from unlearning.dashboard.access import page, record, sent
from unlearning.dashboard.settings.asking import asks
from unlearning.officers.models import AccessRecord
from unlearning.officers.roles import May
from unlearning.requests.errors import BadField

_SCOPES = [(name, f"{name} – {says}") for name, says in settings.OAUTH2_PROVIDER["SCOPES"].items()]


class ScopesForm(forms.Form):
    """What a client may do."""

    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("It may"), choices=_SCOPES, widget=forms.CheckboxSelectMultiple, initial=usual_scopes
    )


class NewClientForm(ScopesForm):
    """A new client."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=80, help_text=gettext_lazy("Such as crm or webshop; reports show it.")
    )
    sandbox = forms.BooleanField(
        label=gettext_lazy("For trying: its requests are answered, and nothing is done"), required=False
    )
    field_order = ["name", "sandbox", "scopes"]

    def clean(self) -> dict[str, Any]:
        """A name that is free."""
        given = super().clean()
        name = given.get("name", "")
        try:
            check_name(name)
        except BadField as bad:
            self.add_error("name", bad.remedy)
        client = f"{PREFIX}{name}" if given.get("sandbox") else name
        if Application.objects.filter(name=client).exists():
            self.add_error("name", _("There is a client of this name already."))
        return given


@page(May.SEE_SETTINGS)
def clients(http: HttpRequest) -> HttpResponse:
    """All clients."""
    scopes = dict(ClientScopes.objects.values_list("client", "scopes"))
    rows = [
        {"client": one, "scopes": scopes.get(one.client_id, usual_scopes()), "sandbox": one.name.startswith(PREFIX)}
        for one in Application.objects.order_by("name")
    ]
    return render(http, "dashboard/settings/clients.html", {"rows": rows})


@page(May.CONFIGURE, writes=True)
def new_client(http: HttpRequest) -> HttpResponse:
    """Make a client; its secret is shown once."""
    form = NewClientForm(sent(http))
    if form.is_valid():
        given = form.cleaned_data
        client_id, secret = give_credentials(given["name"], sandbox=given["sandbox"], scopes=given["scopes"])
        record(http, AccessRecord.What.SETTING, detail=f"client {client_id}: made")
        return _secret(http, client_id, secret)
    context = {"form": form, "title": _("New client"), "submit": _("Make it"), "back": "dashboard:clients"}
    return render(http, "dashboard/settings/form.html", context, status=400 if form.errors else 200)


@page(May.CONFIGURE, writes=True)
def change_client(http: HttpRequest, client_id: str) -> HttpResponse:
    """Change what a client may do; tokens that it holds end, so that the change holds at once."""
    client = get_object_or_404(Application, client_id=client_id)
    stored = ClientScopes.objects.filter(client=client_id).first()
    form = ScopesForm(sent(http), initial={"scopes": stored.scopes if stored else usual_scopes()})
    if form.is_valid():
        ClientScopes.objects.update_or_create(client=client_id, defaults={"scopes": form.cleaned_data["scopes"]})
        AccessToken.objects.filter(application=client).delete()
        record(http, AccessRecord.What.SETTING, detail=f"client {client_id}: scopes")
        messages.success(http, _("Saved. The client asks for a new token before its next request."))
        return redirect("dashboard:clients")
    context = {"form": form, "title": client_id, "submit": _("Save"), "back": "dashboard:clients"}
    return render(http, "dashboard/settings/form.html", context, status=400 if form.errors else 200)


@page(May.CONFIGURE, writes=True)
def rotate_client(http: HttpRequest, client_id: str) -> HttpResponse:
    """Give a client a new secret; the one before ends at once."""
    client = get_object_or_404(Application, client_id=client_id)
    question = asks(
        http,
        _("New secret for {name}").format(name=client_id),
        _("The secret in use ends at once, and with it every token: the client can send nothing until it has the new "
          "one, which is shown once."),
        _("New secret"),
        reverse("dashboard:clients"),
    )  # fmt: skip
    if question:
        return question
    sandbox = client.name.startswith(PREFIX)
    client_id, secret = give_credentials(client.name.removeprefix(PREFIX), sandbox=sandbox)
    AccessToken.objects.filter(application=client).delete()
    record(http, AccessRecord.What.SETTING, detail=f"client {client_id}: new secret")
    return _secret(http, client_id, secret)


@page(May.CONFIGURE, writes=True)
def remove_client(http: HttpRequest, client_id: str) -> HttpResponse:
    """Remove a client: it can send nothing any more. What it sent stays on record under its name."""
    client = get_object_or_404(Application, client_id=client_id)
    question = asks(
        http,
        _("Remove the client {name}").format(name=client_id),
        _("It can send nothing any more, and follow nothing that it sent. What it sent stays on record under its name, "
          "and goes on."),
        _("Remove"),
        reverse("dashboard:clients"),
    )  # fmt: skip
    if question:
        return question
    client.delete()
    ClientScopes.objects.filter(client=client_id).delete()
    record(http, AccessRecord.What.SETTING, detail=f"client {client_id}: removed")
    messages.success(http, _("The client {name} is removed.").format(name=client_id))
    return redirect("dashboard:clients")


def _secret(http: HttpRequest, name: str, secret: str) -> HttpResponse:
    context = {"name": name, "secret": secret, "back": "dashboard:clients"}
    return render(http, "dashboard/settings/secret.html", context)

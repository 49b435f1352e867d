"""Endpoints that are told of events, and how every attempt to tell them went."""

from datetime import timedelta
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from unlearning.dashboard.access import page, record, sent
from unlearning.dashboard.settings.asking import asks
from unlearning.officers.models import AccessRecord
from unlearning.officers.roles import May
from unlearning.templatetags.words import delivery_name
from unlearning.webhooks import addresses, catalogue, delivering, endpoints
from unlearning.webhooks.models import Delivery, Endpoint
from unlearning.webhooks.outbox import CONTROLLER

_PAGE_SIZE = 50
SWITCHED_OFF = "switched off by an administrator"


class EndpointForm(forms.Form):
    """Somebody who is told."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=100,
        help_text=gettext_lazy("Reports list it among the recipients, if it is told of withdrawals."),
    )
    url = forms.URLField(label=gettext_lazy("Address"), max_length=500, assume_scheme="https")
    events = forms.MultipleChoiceField(
        label=gettext_lazy("Is told of"),
        choices=[(one.name, one.name) for one in catalogue.CATALOGUE],
        widget=forms.CheckboxSelectMultiple,
    )

    def clean_url(self) -> str:
        """One that may be sent to."""
        url = self.cleaned_data["url"]
        try:
            addresses.check_url(url)
        except addresses.Forbidden as forbidden:
            raise forms.ValidationError(str(forbidden)) from None
        return url


@page(May.SEE_SETTINGS)
def webhooks(http: HttpRequest) -> HttpResponse:
    """Every endpoint, whoever registered it."""
    recent = timezone.now() - timedelta(days=7)
    last_week = Q(deliveries__occurred_at__gte=recent)
    found = Endpoint.objects.registered().annotate(
        delivered=Count("deliveries", filter=last_week & Q(deliveries__state=Delivery.State.DELIVERED)),
        failed=Count("deliveries", filter=last_week & Q(deliveries__state=Delivery.State.FAILED)),
        pending=Count("deliveries", filter=Q(deliveries__state=Delivery.State.PENDING)),
    )
    return render(http, "dashboard/settings/webhooks.html", {"endpoints": found})


@page(May.CONFIGURE, writes=True)
def new_webhook(http: HttpRequest) -> HttpResponse:
    """Register an endpoint; its secret is shown once."""
    form = EndpointForm(sent(http))
    if form.is_valid():
        endpoint, secret = endpoints.register(owner=CONTROLLER, **form.cleaned_data)
        record(http, AccessRecord.What.SETTING, detail=f"webhook {endpoint.pk}: made")
        context = {"name": endpoint.name, "secret": secret, "back": "dashboard:webhooks"}
        return render(http, "dashboard/settings/secret.html", context)
    context = {"form": form, "title": _("New webhook"), "submit": _("Register it"), "back": "dashboard:webhooks"}
    return render(http, "dashboard/settings/form.html", context, status=400 if form.errors else 200)


@page(May.SEE_SETTINGS)
def webhook(http: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    """One endpoint, what it was told, and every attempt."""
    endpoint = get_object_or_404(Endpoint.objects.registered(), pk=endpoint_id)
    state = http.GET.get("state", "")
    found = endpoint.deliveries.prefetch_related("attempts")
    if state in Delivery.State.values:
        found = found.filter(state=state)
    context = {
        "endpoint": endpoint,
        "page": Paginator(found, _PAGE_SIZE).get_page(http.GET.get("page")),
        "state": state,
        "states": [("", _("all")), *((one.value, delivery_name(one)) for one in Delivery.State)],
    }
    return render(http, "dashboard/settings/webhook.html", context)


@page(May.CONFIGURE, writes=True, reads=False)
def test_webhook(http: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    """Tell an endpoint that this is a test."""
    endpoint = get_object_or_404(Endpoint.objects.registered(), pk=endpoint_id)
    delivering.send_test(endpoint)
    messages.success(http, _("A test is on its way; what came of it is below in a few seconds."))
    return redirect("dashboard:webhook", endpoint_id)


@page(May.CONFIGURE, writes=True, reads=False)
def replay(http: HttpRequest, endpoint_id: UUID, delivery_id: UUID) -> HttpResponse:
    """Tell something again."""
    delivery = get_object_or_404(Delivery, pk=delivery_id, endpoint=endpoint_id)
    if delivery.endpoint.disabled_at:
        messages.error(http, _("Nothing was done: it is told nothing while it is off."))
        return redirect("dashboard:webhook", endpoint_id)
    delivering.replay(delivery)
    record(http, AccessRecord.What.SETTING, detail=f"webhook {endpoint_id}: replay")
    messages.success(http, _("It will be told again within a few seconds."))
    return redirect("dashboard:webhook", endpoint_id)


@page(May.CONFIGURE, writes=True)
def change_webhook(http: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    """Change where it is told, and of what. What waits for it goes to the new address."""
    endpoint = get_object_or_404(Endpoint.objects.registered(), pk=endpoint_id)
    form = EndpointForm(sent(http), initial={"name": endpoint.name, "url": endpoint.url, "events": endpoint.events})
    if form.is_valid():
        for field, value in form.cleaned_data.items():
            setattr(endpoint, field, value)
        endpoint.save(update_fields=list(form.cleaned_data))
        record(http, AccessRecord.What.SETTING, detail=f"webhook {endpoint_id}: changed")
        messages.success(http, _("Saved."))
        return redirect("dashboard:webhook", endpoint_id)
    context = {"form": form, "title": endpoint.name, "submit": _("Save"), "back": "dashboard:webhooks"}
    return render(http, "dashboard/settings/form.html", context, status=400 if form.errors else 200)


@page(May.CONFIGURE, writes=True)
def remove_webhook(http: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    """Tell an endpoint nothing any more, for good; what it was told stays on record."""
    endpoint = get_object_or_404(Endpoint.objects.registered(), pk=endpoint_id)
    waiting = endpoint.deliveries.filter(state=Delivery.State.PENDING).count()
    question = asks(
        http,
        _("Remove the webhook {name}").format(name=endpoint.name),
        ngettext(
            "It is told nothing any more, and {n} delivery that waits is given up: what it was not told you have to "
            "tell it yourself (GDPR art. 19). Its keys are destroyed; what it was told stays on record.",
            "It is told nothing any more, and {n} deliveries that wait are given up: what it was not told you have to "
            "tell it yourself (GDPR art. 19). Its keys are destroyed; what it was told stays on record.",
            waiting,
        ).format(n=waiting),
        _("Remove"),
        reverse("dashboard:webhook", args=[endpoint_id]),
    )
    if question:
        return question
    endpoints.remove(endpoint)
    record(http, AccessRecord.What.SETTING, detail=f"webhook {endpoint.name}: removed")
    messages.success(http, _("The webhook {name} is removed.").format(name=endpoint.name))
    return redirect("dashboard:webhooks")


@page(May.CONFIGURE, writes=True)
def rotate_webhook(http: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    """Give an endpoint a new secret; the one before signs beside it until the next rotation."""
    endpoint = get_object_or_404(Endpoint.objects.registered(), pk=endpoint_id)
    question = asks(
        http,
        _("New secret for {name}").format(name=endpoint.name),
        _(
            "The new secret is shown once. The present one signs beside it, until there is a newer one: hand the new "
            "one on before you ask for another. One that is older than the present one ends now."
        ),
        _("New secret"),
        reverse("dashboard:webhook", args=[endpoint_id]),
    )
    if question:
        return question
    secret = endpoints.rotate(endpoint)
    record(http, AccessRecord.What.SETTING, detail=f"webhook {endpoint_id}: new secret")
    context = {"name": endpoint.name, "secret": secret, "back": "dashboard:webhooks"}
    return render(http, "dashboard/settings/secret.html", context)


@page(May.CONFIGURE, writes=True, reads=False)
def switch_webhook(http: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    """Tell an endpoint nothing more, or tell it again."""
    endpoint = get_object_or_404(Endpoint.objects.registered(), pk=endpoint_id)
    off = http.POST.get("to") == "off"
    if off:
        endpoints.disable(endpoint, SWITCHED_OFF)
    else:
        endpoints.enable(endpoint)
    record(http, AccessRecord.What.SETTING, detail=f"webhook {endpoint_id}: {'off' if off else 'on'}")
    messages.success(http, _("It is told nothing more.") if off else _("It is told again."))
    return redirect("dashboard:webhook", endpoint_id)

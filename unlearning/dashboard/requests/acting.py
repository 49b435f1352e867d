"""What can be done about a request: each action asks for what the law wants, and says what it will do."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from audits.reports import wording
from unlearning.dashboard.access import page, sent
from unlearning.jobs import control
from unlearning.jobs.models import JobEvent
from unlearning.lineage.models import Interaction
from unlearning.officers.models import allowed, role_of
from unlearning.officers.roles import May
from unlearning.requests import actions, proposals
from unlearning.requests.actions import By
from unlearning.requests.deadlines import calendar_of, deadline, last_day_before, paused_until
from unlearning.requests.errors import BadField, NotAllowed
from unlearning.requests.grounds import GROUNDS
from unlearning.requests.models import Proposal, Request, RequestEvent
from unlearning.requests.states import FINAL

_REASON_LENGTH = 500


class ActionForm(forms.Form):
    """An action with a reason."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        required=False,
        max_length=_REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("For the history. Nothing that tells of a person."),
    )

    def __init__(self, *args: Any, request: Request, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.request = request


class ReasonForm(ActionForm):
    """An action that has to be explained."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = True


class IdentityForm(ReasonForm):
    """How the requester's identity was established."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["reason"].label = _("How it was established")
        self.fields["reason"].help_text = _("For example: signed in to their account. No copy of a document, no name.")


class ExtensionForm(forms.Form):
    """Why the period has to be longer."""

    reason = forms.ChoiceField(
        label=gettext_lazy("Reason"),
        choices=list(wording.EXTENSIONS.items()),
        widget=forms.RadioSelect,
        help_text=gettext_lazy("The requester has to be told it; the law knows these two."),
    )

    def __init__(self, *args: Any, request: Request, **kwargs: Any):
        super().__init__(*args, **kwargs)


class RefusalForm(ReasonForm):
    """On which ground, and why."""

    ground = forms.ChoiceField(label=gettext_lazy("Legal ground"))
    field_order = ["ground", "reason"]

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["ground"].choices = [
            ("", "–"), *((ground.value, wording.DENIALS[ground]) for ground in GROUNDS[self.request.regime]),
        ]  # fmt: skip


@dataclass(frozen=True)
class Action:
    """Something that can be done."""

    label: Promise
    says: Promise
    """What it will do."""
    done: Promise
    form: type[forms.Form]
    able: Callable[[Request], bool]
    act: Callable[[Request, By, dict[str, Any]], object]
    detail: Callable[[Request], str] = lambda _request: ""
    """What it means for this very request, such as how many rows go."""
    may: May = May.ACT
    grave: bool = False
    """Something that can't be undone, or that is done to somebody's request against their wish."""


def _on_request(action: RequestEvent.Action) -> Callable[[Request], bool]:
    return lambda request: request.state in actions.ALLOWED_IN[action]


def _on_job(action: JobEvent.Action) -> Callable[[Request], bool]:
    return lambda request: request.job is not None and request.job.state in control.ALLOWED_IN[action]


def _may_close(request: Request) -> bool:
    return proposals.can_be_closed(request) and proposals.open_proposal(request) is None


def _may_escalate(request: Request) -> bool:
    return _on_job(JobEvent.Action.ESCALATE)(request) and not request.job.exact_only


def _rows(request: Request) -> str:
    members = request.subjects.values("subject")
    rows = Interaction.objects.filter(subject__in=members).count()
    return ngettext("{n} row leaves the tables.", "{n} rows leave the tables.", rows).format(n=intcomma(rows))


def _extended_end(request: Request) -> str:
    paused = paused_until(timezone.now(), request)  # what has stood still so far is counted, as it will be
    end = deadline(request.regime, request.received_at, calendar_of(request), paused=paused, extended=True)
    day = last_day_before(end, request)
    return _("The period then ends with {day}.").format(day=date_format(day, "DATE_FORMAT"))


def _shared_with(request: Request) -> str:
    others = request.job.requests.exclude(pk=request.pk).exclude(state__in=FINAL).count() if request.job else 0
    if not others:
        return ""
    return ngettext("{n} other open request shares the job.", "{n} other open requests share the job.", others).format(
        n=others
    )


ACTIONS: dict[str, Action] = {
    "ask-identity": Action(
        gettext_lazy("Ask who they are"),
        gettext_lazy(
            "The request waits until you have established that the requester is who they say (GDPR art. 12(6); "
            "11 CCR § 7060). Under the GDPR its period stands still meanwhile. Nothing is removed yet."
        ),
        gettext_lazy("The request waits for the requester's identity."),
        ReasonForm,
        _on_request(RequestEvent.Action.ASK_IDENTITY),
        lambda request, by, _given: actions.ask_identity(request, by),
    ),
    "verify-identity": Action(
        gettext_lazy("Identity established"),
        gettext_lazy(
            "The request is accepted. The subjects' rows leave the tables in the same moment, and everybody who is "
            "told of withdrawals is told. From then on it can be neither refused nor cancelled."
        ),
        gettext_lazy("The request is accepted; the rows have left the tables."),
        IdentityForm,
        _on_request(RequestEvent.Action.VERIFY_IDENTITY),
        lambda request, by, _given: actions.verify_identity(request, by),
        detail=_rows,
    ),
    "extend": Action(
        gettext_lazy("Extend the period"),
        gettext_lazy(
            "Once, and within the first period: to three months (GDPR art. 12(3)) or 90 days (Cal. Civ. Code "
            "§ 1798.130(a)(2)). Tell the requester now, with the reason; a sender with a webhook learns it by itself."
        ),
        gettext_lazy("The period is extended. Tell the requester, with the reason, if the sender does not."),
        ExtensionForm,
        actions.can_be_extended,
        lambda request, by, given: actions.extend(request, By(by.name), given["reason"]),
        detail=_extended_end,
    ),
    "hold": Action(
        gettext_lazy("Put on hold"),
        gettext_lazy(
            "Nothing more is done until somebody lets it go on. The period goes on: the law knows no such pause."
        ),
        gettext_lazy("The request is on hold."),
        ReasonForm,
        _on_request(RequestEvent.Action.HOLD),
        lambda request, by, _given: actions.hold(request, by),
    ),
    "release": Action(
        gettext_lazy("Let it go on"),
        gettext_lazy("The request goes on where it was."),
        gettext_lazy("The request goes on."),
        ActionForm,
        _on_request(RequestEvent.Action.RELEASE),
        lambda request, by, _given: actions.release(request, by),
    ),
    "continue": Action(
        gettext_lazy("Let the job go on"),
        gettext_lazy("The job goes on from its last checkpoint, with as many attempts as a new one."),
        gettext_lazy("The job goes on."),
        ActionForm,
        _on_job(JobEvent.Action.GO_ON),
        lambda request, by, _given: control.go_on(request.job.pk, by),
        may=May.RUN,
    ),
    "pause": Action(
        gettext_lazy("Pause the job"),
        gettext_lazy("The worker stops within a second or so; nothing of what it did is lost. Periods go on."),
        gettext_lazy("The job is paused."),
        ActionForm,
        _on_job(JobEvent.Action.PAUSE),
        lambda request, by, _given: control.pause(request.job.pk, by),
        detail=_shared_with,
        may=May.RUN,
    ),
    "escalate": Action(
        gettext_lazy("Ask for an exact result"),
        gettext_lazy(
            "The job leaves out the statistical rungs of the ladder and trains the model again without the data, for "
            "every request that it serves. The result is checked like any other, against models that are trained for "
            "that: it takes as long as they do, and a training."
        ),
        gettext_lazy("The job goes straight to an exact result."),
        ReasonForm,
        _may_escalate,
        lambda request, by, _given: control.escalate(request.job.pk, by),
        detail=_shared_with,
        may=May.RUN,
    ),
    "cancel-job": Action(
        gettext_lazy("Cancel the job"),
        gettext_lazy(
            "The job is given up. Its open requests, this one and others that share it, go on hold until they are "
            "let go on; they join another job then. Their periods go on."
        ),
        gettext_lazy("The job is cancelled; its open requests are on hold."),
        ReasonForm,
        _on_job(JobEvent.Action.CANCEL),
        lambda request, by, _given: control.cancel(request.job.pk, by),
        detail=_shared_with,
        may=May.RUN,
        grave=True,
    ),
    "refuse": Action(
        gettext_lazy("Refuse"),
        gettext_lazy(
            "You propose it; another officer confirms. Then the request ends. Tell the requester the ground, and that "
            "they can complain and go to court (GDPR art. 12(4)). Nothing is removed."
        ),
        gettext_lazy("Your proposal waits for another officer."),
        RefusalForm,
        _may_close,
        lambda request, by, given: proposals.propose(request, Proposal.Action.REFUSE, by, given["ground"]),
        grave=True,
    ),
    "close": Action(
        gettext_lazy("Close without doing it"),
        gettext_lazy(
            "For requests that their requester took back by another way. You propose it; another officer confirms. "
            "Then the request ends as cancelled, and nothing is removed."
        ),
        gettext_lazy("Your proposal waits for another officer."),
        ReasonForm,
        _may_close,
        lambda request, by, _given: proposals.propose(request, Proposal.Action.CANCEL, by),
        grave=True,
    ),
}  # fmt: skip


def possible(request: Request, may: frozenset[May]) -> dict[str, Action]:
    """What somebody can do about a request as it is."""
    return {name: action for name, action in ACTIONS.items() if action.may in may and action.able(request)}


@page(writes=True)
def act(http: HttpRequest, request_id: UUID, name: str) -> HttpResponse:
    """Say what an action will do, ask for what it needs; then do it."""
    request = get_object_or_404(Request.objects.select_related("job").prefetch_related("proposals"), pk=request_id)
    action = ACTIONS.get(name)
    if action is None:
        raise Http404
    if action.may not in http.may:
        return render(http, "dashboard/forbidden.html", {"may": action.may}, status=403)
    if not action.able(request):
        messages.error(http, not_possible(request))
        return redirect("dashboard:request", request_id)
    form = action.form(sent(http), request=request)
    if http.method == "POST" and form.is_valid() and _done(http, action, request, form):
        messages.success(http, str(action.done))
        return redirect("dashboard:request", request_id)
    context = {
        "request_row": request,
        "action": action,
        "form": form,
        "detail": action.detail(request),
        "proposal": proposals.open_proposal(request),
    }
    return render(http, "dashboard/requests/act.html", context, status=400 if form.errors else 200)


@page(May.ACT, writes=True, reads=False)
def decide(http: HttpRequest, proposal_id: int, answer: str) -> HttpResponse:
    """Confirm or decline what another officer proposed, or take back what one proposed oneself."""
    if answer not in ("confirm", "decline"):
        raise Http404
    proposal = get_object_or_404(Proposal, pk=proposal_id)
    if answer == "confirm" and not _may_still(proposal.proposed_by):
        messages.error(http, _("Nothing was done: who proposed it may no longer act on requests. Decline it."))
        return redirect("dashboard:request", proposal.request_id)
    try:
        proposals.decide(proposal, http.user.get_username(), confirm=answer == "confirm")
        messages.success(
            http, _("It is confirmed.") if answer == "confirm" else _("It is declined; the request goes on.")
        )
    except NotAllowed as refused:
        messages.error(http, _("Nothing was done: {why}.").format(why=refused))
    return redirect("dashboard:request", proposal.request_id)


def _may_still(name: str) -> bool:
    """Whether somebody of this name can still act on requests."""
    user = User.objects.filter(username=name, is_active=True).first()
    return user is not None and May.ACT in allowed(role_of(user))


def not_possible(request: Request) -> str:
    """Why an action that was possible when the page was made no longer is."""
    return _("Nothing was done: the request is “{state}” now, which does not allow it.").format(
        state=wording.STATES[request.state]
    )


def perform(action: Action, request: Request, by: By, given: dict[str, Any]) -> str | None:
    """Do it. Returns why it was refused, in words."""
    try:
        action.act(request, by, given)
    except NotAllowed as refused:
        return str(refused)
    return None


def _done(http: HttpRequest, action: Action, request: Request, form: forms.Form) -> bool:
    by = By(http.user.get_username(), form.cleaned_data.get("reason", ""))
    try:
        trouble = perform(action, request, by, form.cleaned_data)
    except BadField as bad:
        form.add_error(bad.field, bad.remedy)
        return False
    if trouble:
        form.add_error(None, _("Nothing was done: {why}.").format(why=trouble))
    return not trouble

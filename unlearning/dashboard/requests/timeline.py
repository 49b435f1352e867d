"""What happened to a request, who did it, and who was told."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models.fields.json import KT
from django.utils.translation import gettext as _

from audits.reports import wording
from unlearning.jobs.models import JobEvent
from unlearning.requests.models import Manner, Proposal, Request, RequestEvent
from unlearning.webhooks.models import Delivery

_MOST_TOLD = 100

_JOB_EVENTS = {
    JobEvent.Action.PAUSE: lambda: _("job paused"),
    JobEvent.Action.GO_ON: lambda: _("job let go on"),
    JobEvent.Action.CANCEL: lambda: _("job cancelled"),
    JobEvent.Action.ESCALATE: lambda: _("an exact result asked for"),
}


@dataclass(frozen=True)
class Moment:
    """A line of the timeline."""

    at: datetime
    what: str
    by: str = ""
    reason: str = ""


def timeline(request: Request) -> list[Moment]:
    """Everything on record about a request, in order."""
    by_hand = request.manner == Manner.DESK  # whoever took it in is named by an event
    moments = [Moment(request.received_at, wording.EVENTS["received"], "" if by_hand else request.source)]
    moments += [
        Moment(event.at, _event(event.action), event.by, _why(event, request)) for event in request.events.all()
    ]
    for proposal in request.proposals.all():
        moments += _proposal(proposal)
    if request.rows_removed_at:
        moments.append(Moment(request.rows_removed_at, wording.EVENTS["rows_removed"]))
    if request.job:
        moments.append(Moment(request.job.created_at, wording.EVENTS["scheduled"]))
        moments += [
            Moment(event.at, _JOB_EVENTS[event.action](), event.by, event.reason) for event in request.job.events.all()
        ]
    if request.evidence:
        moments += _recorded(request.evidence.content)
    if request.completed_at:
        moments.append(Moment(request.completed_at, wording.EVENTS["completed"]))
    return sorted(moments, key=lambda moment: moment.at)


def told(request: Request) -> list[Delivery]:
    """What was sent to whom about a request: its webhooks, with the last attempt of each."""
    found = Delivery.objects.alias(about=KT("payload__request")).filter(about=str(request.pk))
    return list(found.select_related("endpoint").prefetch_related("attempts").order_by("occurred_at")[:_MOST_TOLD])


def _why(event: RequestEvent, request: Request) -> str:
    if event.action == RequestEvent.Action.EXTEND:
        return str(wording.EXTENSIONS[request.extension_reason])
    return event.reason


def _event(action: str) -> str:
    match action:
        case RequestEvent.Action.REFUSE:
            return _("refused")
        case RequestEvent.Action.CANCEL:
            return _("cancelled")
    return wording.EVENTS[action]


def _proposal(proposal: Proposal) -> list[Moment]:
    refusal = proposal.action == Proposal.Action.REFUSE
    proposed = _("refusal proposed") if refusal else _("closing proposed")
    ground = f"{wording.DENIALS[proposal.ground]}. " if proposal.ground else ""
    moments = [Moment(proposal.proposed_at, proposed, proposal.proposed_by, f"{ground}{proposal.reason}")]
    if proposal.outcome == Proposal.Outcome.LAPSED:
        moments.append(Moment(proposal.decided_at, _("proposal lapsed")))
    elif proposal.decided_at:
        confirmed = proposal.outcome == Proposal.Outcome.CONFIRMED
        what = _("proposal confirmed") if confirmed else _("proposal declined")
        moments.append(Moment(proposal.decided_at, what, proposal.decided_by))
    return moments


_BY_THE_MODEL = ("plan_frozen", "forgotten", "checked", "replaced", "destroyed")


def _recorded(document: dict) -> list[Moment]:
    """What its evidence says that the tables don't."""
    return [
        Moment(
            datetime.fromisoformat(one["at"]),
            wording.EVENTS[one["event"]],
            reason=str(wording.STRATEGIES.get(one["strategy"], "")),
        )
        for one in document.get("timeline", [])
        if one["event"] in _BY_THE_MODEL
    ]

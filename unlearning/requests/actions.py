"""What may be done about a request, by whom it came from or by an officer: one table of action and state."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from audits.evidence import log
from audits.evidence.periods import may_extend_until
from unlearning.requests import acceptance, clock, journal
from unlearning.requests.acceptance import Withdrawal
from unlearning.requests.deadlines import calendar_of, deadline_of, paused_until, stands_still
from unlearning.requests.errors import BadField, NotAllowed
from unlearning.requests.grounds import GROUNDS, Extension
from unlearning.requests.models import Duplicate, Request, RequestEvent, TakenBack
from unlearning.requests.states import FINAL, State
from unlearning.webhooks import catalogue
from unlearning.webhooks.outbox import emit

_OPEN = tuple(state for state in State if state not in FINAL)
_UNDECIDED = (State.RECEIVED, State.IDENTITY_PENDING)

ALLOWED_IN: dict[RequestEvent.Action, tuple[State, ...]] = {
    RequestEvent.Action.ASK_IDENTITY: (State.RECEIVED,),
    RequestEvent.Action.VERIFY_IDENTITY: _UNDECIDED,
    RequestEvent.Action.HOLD: (*_UNDECIDED, State.ACCEPTED),
    RequestEvent.Action.RELEASE: (State.ON_HOLD,),
    RequestEvent.Action.EXTEND: _OPEN,
    RequestEvent.Action.REFUSE: (*_UNDECIDED, State.ON_HOLD),
    RequestEvent.Action.CANCEL: (*_UNDECIDED, State.ON_HOLD),
}
"""In which states each action can be taken. After acceptance the rows are gone: nothing can be refused or cancelled."""


@dataclass(frozen=True)
class By:
    """Who acts, and why in words."""

    name: str
    reason: str = ""


def move(request: Request, state: State) -> None:
    """Change a request's state; the database refuses what the transition table does not list."""
    request.state = state
    request.save(update_fields=["state"])


def ask_identity(request: Request, by: By) -> Request:
    """Wait until the requester is known to be who they say (GDPR art. 12(6))."""

    def act(request: Request) -> None:
        request.state, request.identity_asked_at = State.IDENTITY_PENDING, timezone.now()

    return _take(request, RequestEvent.Action.ASK_IDENTITY, by, act)


@transaction.atomic
def verify_identity(request: Request, by: By) -> Request:
    """The requester is who they say: accept the request, and let the clock go on."""
    accepted: list[Withdrawal] = []

    def act(request: Request) -> None:
        accepted.append(acceptance.accept_erasure(request))

    request = _take(request, RequestEvent.Action.VERIFY_IDENTITY, by, act)
    journal.write((one.request, one.subjects) for one in accepted)
    return request


def hold(request: Request, by: By) -> Request:
    """Put a request on hold; the period goes on, since the law has no such pause."""

    def act(request: Request) -> None:
        request.held_from, request.state = request.state, State.ON_HOLD

    return _take(request, RequestEvent.Action.HOLD, by, act)


def release(request: Request, by: By) -> Request:
    """Let a held request go on where it was."""

    def act(request: Request) -> None:
        request.state, request.held_from = request.held_from, None

    return _take(request, RequestEvent.Action.RELEASE, by, act)


def can_be_extended(request: Request) -> bool:
    """Whether its period can still be extended: once, and within the first."""
    if request.extended_at is not None or request.state not in ALLOWED_IN[RequestEvent.Action.EXTEND]:
        return False
    now = timezone.now()
    clock = calendar_of(request).clock(request.received_at, paused_until(now, request))
    return now < may_extend_until(request.regime, request.received_at, clock)


def extend(request: Request, by: By, reason: str) -> Request:
    """Extend the period, once, and within the first one (GDPR art. 12(3); Cal. Civ. Code § 1798.130(a)(2)).

    Args:
        reason: a value of `Extension`, which the requester is told.
    """
    if reason not in Extension:
        raise BadField("reason", f"give one of {', '.join(Extension)}")

    def act(request: Request) -> None:
        now = timezone.now()
        if request.extended_at is not None:
            raise NotAllowed(_("the period was extended before: it can be extended once"))
        if stands_still(request):  # what has stood still so far counts, whatever comes of the doubt
            request.paused, request.identity_asked_at = paused_until(now, request), now
        if not can_be_extended(request):
            raise NotAllowed(_("the first period is over: the requester had to be told of an extension within it"))
        request.extended_at, request.extension_reason = now, reason
        request.due_at = deadline_of(request, extended=True)

    return _take(request, RequestEvent.Action.EXTEND, by, act, catalogue.EXTENDED)


def refuse(request: Request, by: By, ground: str) -> Request:
    """Refuse a request on a legal ground (GDPR art. 12(4), 17(3); Cal. Civ. Code § 1798.105(d))."""
    if ground not in GROUNDS[request.regime]:
        raise BadField("ground", f"give one of {', '.join(GROUNDS[request.regime])}")

    def act(request: Request) -> None:
        if request.held_from == State.ACCEPTED:
            raise NotAllowed(_("the rows are gone: a request can't be refused after it was accepted"))
        request.state, request.held_from = State.REFUSED, None
        request.denial, request.closed_at = ground, timezone.now()

    return _take(request, RequestEvent.Action.REFUSE, by, act, catalogue.REFUSED)


def cancel(request: Request, by: By) -> Request:
    """Take a request back, for its sender."""

    def act(request: Request) -> None:
        if request.held_from == State.ACCEPTED:
            raise NotAllowed(_("the rows are gone: a request can't be cancelled after it was accepted"))
        request.state, request.held_from, request.closed_at = State.CANCELLED, None, timezone.now()

    return _take(request, RequestEvent.Action.CANCEL, by, act, catalogue.CANCELLED)


@transaction.atomic
def cancel_submission(request: Request, source: str, by: By) -> Request:
    """Take back what one sender asked: the request, unless others ask for the same, whose it is from then on.

    Raises:
        NotAllowed: it is another sender's, or the rows are gone; nothing is done.
    """
    request = _locked(request, RequestEvent.Action.CANCEL)
    theirs = list(request.duplicates.filter(source=source))
    if request.source != source and not theirs:
        raise NotAllowed(_("another sender asked for it: an officer can refuse it, or close it with a second one"))
    heir = request.duplicates.exclude(source=source).order_by("received_at", "pk").first()
    if request.source == source and heir is None:
        return cancel(request, by)
    if request.held_from == State.ACCEPTED:
        raise NotAllowed(_("the rows are gone: a request can't be cancelled after it was accepted"))
    taken_back = [(one.external_id, one.manner) for one in theirs]
    request.duplicates.filter(source=source).delete()
    request.callbacks.filter(source=source).delete()
    if request.source == source and heir is not None:
        taken_back.append((request.external_id, request.manner))
        _hand_over(request, heir)
    now = timezone.now()
    TakenBack.objects.bulk_create(
        TakenBack(request=request, source=source, external_id=number, at=now) for number, _ in taken_back
    )
    log.append_each([("request.unmerged", {"manner": manner, "request": str(request.id)}) for _, manner in taken_back])
    return request


def _hand_over(request: Request, heir: Duplicate) -> None:
    """Make a request that of another sender who asked for the same, with their period; an extension holds for them
    too, and they are told of it, since it may be older than what they sent.
    """
    request.source, request.external_id, request.manner = heir.source, heir.external_id, heir.manner
    heir.delete()
    clock.begin_with(request, heir.regime or request.regime, heir.received_at)
    request.save(update_fields=["source", "external_id", "manner", *clock.FIELDS])
    if request.extended_at is not None:
        told = {"request": str(request.id), "kind": request.kind, "state": request.state}
        emit(catalogue.EXTENDED, told, [request.source])


def _locked(request: Request, action: RequestEvent.Action) -> Request:
    """The request as it is, which nobody else changes until the transaction ends.

    Raises:
        NotAllowed: the action can't be taken in its state.
    """
    request = Request.objects.select_for_update(no_key=True).get(pk=request.pk)
    if request.state not in ALLOWED_IN[action]:
        raise NotAllowed(
            _("the request is {state}; this can be done while it is {states}").format(
                state=_(State(request.state).label), states=", ".join(_(state.label) for state in ALLOWED_IN[action])
            )
        )
    return request


@transaction.atomic
def _take(
    request: Request,
    action: RequestEvent.Action,
    by: By,
    act: Callable[[Request], None],
    event: str | None = None,
) -> Request:
    request = _locked(request, action)
    now = timezone.now()  # before what follows from it
    act(request)
    request.save()
    if request.state in FINAL:
        acceptance.lapse_proposals(request)
    RequestEvent.objects.create(request=request, action=action, by=by.name, reason=by.reason, at=now)
    details = {"extension": request.extension_reason} if action == RequestEvent.Action.EXTEND else {}
    details |= {"ground": request.denial} if action == RequestEvent.Action.REFUSE else {}
    log.append(f"request.{action}", {"request": str(request.id), **details})
    if event:
        told = {"request": str(request.id), "kind": request.kind, "state": request.state}
        emit(event, told, request.senders())
    return request

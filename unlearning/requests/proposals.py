"""Four eyes: one officer proposes to close a request without doing what it asks, another decides."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from unlearning.requests import actions
from unlearning.requests.actions import By
from unlearning.requests.errors import BadField, NotAllowed
from unlearning.requests.grounds import GROUNDS
from unlearning.requests.models import Proposal, Request, RequestEvent


def can_be_closed(request: Request) -> bool:
    """Whether a request is in a state in which it can be refused or cancelled: its rows are still there."""
    return request.state in actions.ALLOWED_IN[RequestEvent.Action.REFUSE] and request.rows_removed_at is None


def open_proposal(request: Request) -> Proposal | None:
    """What waits for a second officer's decision."""
    return next((one for one in request.proposals.all() if one.decided_at is None), None)


@transaction.atomic
def propose(request: Request, action: str, by: By, ground: str = "") -> Proposal:
    """Ask another officer to confirm a refusal or a cancellation. The request stays as it is until then.

    Args:
        ground: of a refusal, a value of the regime's `GROUNDS`.

    Raises:
        NotAllowed: its state does not allow it, or something is proposed already.
        BadField: the reason is missing, or the ground is none of this regime's.
    """
    request = Request.objects.select_for_update(no_key=True).get(pk=request.pk)
    if not can_be_closed(request):
        raise NotAllowed(_("the rows are gone, or the request has ended: it can't be closed without an answer"))
    if request.proposals.filter(decided_at=None).exists():
        raise NotAllowed(_("something is proposed already, and waits for a second officer"))
    if action == Proposal.Action.REFUSE and ground not in GROUNDS[request.regime]:
        raise BadField("ground", f"give one of {', '.join(GROUNDS[request.regime])}")
    if not by.reason:
        raise BadField("reason", "say why, for the officer who confirms it")
    return Proposal.objects.create(
        request=request,
        action=action,
        ground=ground if action == Proposal.Action.REFUSE else "",
        reason=by.reason,
        proposed_by=by.name,
    )


@transaction.atomic
def decide(proposal: Proposal, by: str, *, confirm: bool) -> Proposal:
    """Confirm a proposal, which carries it out, or decline it. Whoever proposed it can only take it back.

    Raises:
        NotAllowed: it was decided before, its own author confirms it, or the request's state changed meanwhile.
    """
    request = Request.objects.select_for_update(no_key=True).get(pk=proposal.request_id)
    proposal = Proposal.objects.select_for_update().get(pk=proposal.pk)
    if proposal.decided_at is not None:
        raise NotAllowed(_("it was decided before"))
    if confirm and by == proposal.proposed_by:
        raise NotAllowed(_("who proposed it can't confirm it: another officer has to"))
    proposal.decided_by, proposal.decided_at = by, timezone.now()
    proposal.outcome = Proposal.Outcome.CONFIRMED if confirm else Proposal.Outcome.DECLINED
    proposal.save(update_fields=["decided_by", "decided_at", "outcome"])
    if confirm:
        both = By(f"{proposal.proposed_by}, {by}", proposal.reason)
        if proposal.action == Proposal.Action.REFUSE:
            actions.refuse(request, both, proposal.ground)
        else:
            actions.cancel(request, both)
    return proposal

"""Taking interactions in: what consent covers is stored, and what it covers no longer leaves."""

from collections.abc import Callable

from django.db import transaction

from models_engine.federation.fleet import SimulatedFleet
from unlearning.lineage.importing.loading import ImportSummary, load_interactions
from unlearning.lineage.importing.reading import InteractionTable
from unlearning.requests.deciding import unshare_moved
from unlearning.requests.models import Request


@transaction.atomic
def take_in(
    table: InteractionTable,
    source: str,
    *,
    fleet: SimulatedFleet | None,
    progress: Callable[[int], None] = lambda rows: None,
) -> tuple[ImportSummary, list[Request]]:
    """As `load_interactions`; an item that goes to another category opens unshare requests for those who share it
    and whose consent does not cover that one.

    Args:
        source: who sends the rows, as whose the requests are.

    Returns:
        What came of the rows, and the requests that were opened.
    """
    summary = load_interactions(table, fleet=fleet, progress=progress)
    return summary, unshare_moved(summary.concerned, source)

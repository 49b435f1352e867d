"""Consent histories of simulated customers, and who of them asks for what."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from unlearning.consent.models import ConsentState
from unlearning.consent.services import record_consent
from unlearning.lineage.models import Interaction
from unlearning.lineage.subjects import ensure_subjects, find_subjects

_RATIOS = (0, 20, 50, 80, 100)
_SHARE_WHO_CHANGED = 0.3
_FIRST_DAY = datetime(2025, 1, 1, tzinfo=UTC)
_DAYS = 365
_SEED = 20250101

BATCH = 20


@dataclass(frozen=True)
class Cast:
    """Who asks for what."""

    slider: str
    """Moves the slider from 80 % to 20 %."""
    single: str
    batch: list[str]


def give_consents(identities: Sequence[str], progress: Callable[[float], None]) -> None:
    """Record a history for every subject that has none: a ratio, and for some a change of mind later."""
    generator = random.Random(_SEED)
    subjects = ensure_subjects(identities)
    decided = set(ConsentState.objects.values_list("subject_id", flat=True))
    for place, identity in enumerate(sorted(set(identities))):
        first = _FIRST_DAY + timedelta(days=generator.uniform(0, _DAYS))
        ratios = [generator.choice(_RATIOS)]
        if generator.random() < _SHARE_WHO_CHANGED:
            ratios.append(generator.choice(_RATIOS))
        if identity in subjects and subjects[identity].pk not in decided:
            for change, ratio in enumerate(ratios):
                record_consent(
                    subject=subjects[identity],
                    share_percent=ratio,
                    channel="app",
                    recorded_by="demo",
                    effective_at=first + timedelta(days=60 * change),
                )
        progress((place + 1) / len(set(identities)))


def cast(identities: Sequence[str]) -> Cast:
    """Draw the askers, with a fixed seed, among subjects who are still here and share something.

    Raises:
        ValueError: too few are left; `make clean` starts over.
    """
    names = sorted(set(identities))
    present = {s.pk: name for name, s in zip(names, find_subjects(names), strict=True) if s is not None}
    sharing = set(Interaction.objects.values_list("subject_id", flat=True).distinct())
    at_80 = ConsentState.objects.filter(share_percent=80, subject__in=sharing).values_list("subject_id", flat=True)
    sliders = sorted(present[pk] for pk in at_80 if pk in present)
    if not sliders:
        raise ValueError("nobody shares 80 % any more: start over with `make clean`")
    generator = random.Random(_SEED)
    slider = generator.choice(sliders)
    others = sorted(name for pk, name in present.items() if pk in sharing and name != slider)
    if len(others) <= BATCH:
        raise ValueError("too few subjects are left: start over with `make clean`")
    single, *batch = generator.sample(others, BATCH + 1)
    return Cast(slider, single, batch)

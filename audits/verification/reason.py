"""Why a check ended as it did: a code and what it speaks of, so that it can be told in any language."""

from dataclasses import dataclass
from enum import StrEnum

from audits.verification.words import gettext_noop


class Because(StrEnum):
    """The row of the verdict's table that held, or why nothing could be checked."""

    STILL_THERE = "still_there"
    AVOIDED = "avoided"
    DIFFERS_OTHERWISE = "differs_otherwise"
    NOT_FOUND_BEFORE = "not_found_before"
    TOO_NOISY = "too_noisy"
    NOT_SHOWN_SMALL = "not_shown_small"
    WITHIN_MARGIN = "within_margin"
    NOTHING_LEARNED = "nothing_learned"
    SINGLE_PAIR = "single_pair"
    NO_CHECK_POSSIBLE = "no_check_possible"


IN_WORDS = {
    Because.STILL_THERE: gettext_noop("The model still shows influence of the data ({names})."),
    Because.AVOIDED: gettext_noop(
        "The model avoids the data more than a model that never knew it ({names}), which betrays it as well."
    ),
    Because.DIFFERS_OTHERWISE: gettext_noop(
        "The model differs from one that never saw the data, but not in a way that can be put down to the data "
        "({names})."
    ),
    Because.NOT_FOUND_BEFORE: gettext_noop(
        "The check could not find the data even in a model that knows it, so finding nothing afterwards would prove "
        "nothing."
    ),
    Because.TOO_NOISY: gettext_noop(
        "No test tells the model apart, but models differ too much by chance to show that less than {margin} of the "
        "influence is left: even exact retraining would pass in {power} of cases at best."
    ),
    Because.NOT_SHOWN_SMALL: gettext_noop(
        "No test tells the model apart by more than its margin, but the interval of the residual influence does not "
        "lie within ±{margin} ({names})."
    ),
    Because.WITHIN_MARGIN: gettext_noop(
        "What is left of the data's influence lies within ±{margin} of none, and no test tells the model from one that "
        "never saw the data by more than its margin."
    ),
    Because.NOTHING_LEARNED: gettext_noop(
        "The model had learned from none of the withdrawn interactions, so no check of it can find them."
    ),
    Because.SINGLE_PAIR: gettext_noop(
        "A single pair of a subject who leaves is all that the model had learned from: no row and no other pair is "
        "left by which it could be told."
    ),
    Because.NO_CHECK_POSSIBLE: gettext_noop("No check was possible: {names}."),
}
REPEATED = gettext_noop("Run on {models} models that knew the data: {rest}")


@dataclass(frozen=True)
class Reason:
    """A reason with what it speaks of."""

    code: Because
    names: tuple[str, ...] = ()
    """Of tests."""
    margin: float | None = None
    power: float | None = None
    """Chance that exact retraining would have passed."""
    models: int | None = None
    """On how many models the method was run again, where the reason speaks of those."""

    def __str__(self) -> str:
        names = ", ".join(name.replace("_", " ") for name in self.names)
        margin = "" if self.margin is None else f"{self.margin:g}"
        text = IN_WORDS[self.code].format(
            names=names, margin=margin, power="" if self.power is None else f"{self.power:.0%}"
        )
        return text if self.models is None else REPEATED.format(models=self.models, rest=text)

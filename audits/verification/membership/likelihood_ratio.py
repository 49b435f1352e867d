"""The likelihood-ratio attack: how much more likely is a pair's margin in a model that knew it?

LiRA (Carlini et al., S&P 2022). *Offline* knows only models that never had the pair: how unusual is the
margin among them. *Online* knows models of both kinds: Λ = log N(s; μ_in, σ_in) - log N(s; μ_out, σ_out).
In its unlearning form, U-LiRA (Hayes et al., arXiv 2403.01218), "in" means: trained with the pair, then
unlearned: half of the models that have forgotten are the shadows by which the other half is attacked.

Means are of each pair; the spread is either pooled over the pairs (*fixed* variance, right below about
64 models), or of each pair (*per example*). A model's own margins never take part in the moments that it
is judged by: each of the models whose kind is known is left out in its turn.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from audits.verification.statistics.intervals import Floats

_LEAST_SPREAD = 1e-12


@dataclass(frozen=True)
class Ratios:
    """Attack scores by pair and model; higher: more like a model that knew."""

    after: Floats
    """[pairs, M], the models that are attacked."""
    known: Floats
    """[pairs, K'], models that knew, each judged by the others."""
    without: Floats
    """[pairs, K], models that never did, each judged by the others."""


def offline(after: Floats, known: Floats, without: Floats, per_example: bool = False) -> Ratios:
    """Scores against models without the pairs alone, in standard deviations of predicting one more model.

    Args:
        after: margins [pairs, M].
        known: margins [pairs, K']; they are scored, not learned from.
        without: margins [pairs, K].
    """
    out = _Moments.of(without, per_example)
    return Ratios(_unusual(after, out), _unusual(known, out), _each(without, _unusual, out))


def online(after: Floats, known: Floats, without: Floats, per_example: bool = False, paired: bool = False) -> Ratios:
    """Scores against models of both kinds. Arguments as of `offline`; at least three of each kind.

    Args:
        paired: whether each model that has forgotten came from the model that knows in the same place, so
            that it is judged without that one.

    Raises:
        ValueError: fewer than three models of a kind.
    """
    if min(known.shape[1], without.shape[1]) < 3:
        raise ValueError("the online attack needs at least three models of each kind")
    inside, out = _Moments.of(known, per_example), _Moments.of(without, per_example)

    def by_others(margins: Floats, others: _Moments) -> Floats:
        return _ratio(margins, others, out)

    return Ratios(
        _each(after, by_others, inside) if paired else _ratio(after, inside, out),
        _each(known, by_others, inside),
        _each(without, lambda margins, others: _ratio(margins, inside, others), out),
    )


def unlearned(after: Floats, known: Floats, without: Floats) -> Ratios:
    """U-LiRA: the first half of the models of either kind are shadows, the second half is attacked.

    Leaving one out would not do here: where forgetting is perfect, all scores would share the chance
    direction between the two means, and a test of their difference would reject too often.

    Args:
        after, known, without: margins as of `offline`.

    Raises:
        ValueError: fewer than six models that have forgotten, or that never knew.
    """
    if min(after.shape[1], without.shape[1]) < 6:
        raise ValueError("U-LiRA needs at least six models of each kind: three shadows, three to attack")
    shadows_in, shadows_out = after.shape[1] // 2, without.shape[1] // 2
    inside = _Moments.of(after[:, :shadows_in], per_example=False)
    out = _Moments.of(without[:, :shadows_out], per_example=False)
    return Ratios(
        _ratio(after[:, shadows_in:], inside, out),
        _ratio(known, inside, out),
        _ratio(without[:, shadows_out:], inside, out),
    )


@dataclass(frozen=True)
class _Moments:
    margins: Floats
    mean: Floats  # [pairs, 1]
    spread: Floats  # [pairs or 1, 1]
    per_example: bool

    @classmethod
    def of(cls, margins: Floats, per_example: bool) -> "_Moments":
        variance = margins.var(axis=1, ddof=1, keepdims=True)
        if not per_example:
            variance = variance.mean(axis=0, keepdims=True)
        spread = np.sqrt(variance * (1 + 1 / margins.shape[1]))
        return cls(margins, margins.mean(axis=1, keepdims=True), np.maximum(spread, _LEAST_SPREAD), per_example)

    def without(self, model: int) -> "_Moments":
        return _Moments.of(np.delete(self.margins, model, axis=1), self.per_example)


def _unusual(margins: Floats, out: _Moments) -> Floats:
    return (margins - out.mean) / out.spread


def _ratio(margins: Floats, inside: _Moments, out: _Moments) -> Floats:
    z_in, z_out = _unusual(margins, inside), _unusual(margins, out)
    return (z_out**2 - z_in**2) / 2 + np.log(out.spread / inside.spread)


def _each(margins: Floats, score: Callable[[Floats, _Moments], Floats], moments: _Moments) -> Floats:
    """Every model by the moments without the one in its place."""
    return np.concatenate([score(margins[:, [k]], moments.without(k)) for k in range(margins.shape[1])], axis=1)

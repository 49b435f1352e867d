"""The words of the reports, explained; each report explains those that it uses."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from audits.evidence.document import BATCH, CERTIFICATION, EVIDENCE, REGISTER

Word = tuple[Any, Any]
"""A word and its meaning, both translated when they are shown."""

_RESIDUAL_INFLUENCE = (
    _("Residual influence ρ"),
    _(
        "0: like a model that never had the data. 1: like the model before. Negative: the model avoids the data, "
        "which betrays it as well."
    ),
)
_POSITIVE_CONTROL = (
    _("Positive control"),
    _("The same test must find the data in the model before. If it can't, it proves nothing about the model after."),
)
_REFERENCE_MODEL = (
    _("Reference model"),
    _(
        "A model trained without the data, with a fresh seed. How much references differ from each other is the "
        "noise that a difference must exceed."
    ),
)
_FOLD_IN = (
    _("Fold-in"),
    _(
        "Scoring an item by the subject's other items. It needs no record of the subject, so it works after the "
        "record is deleted."
    ),
)
_POWER = (
    _("Power"),
    _(
        "The chance that exact retraining would pass the equivalence test. A statistic is asked for equivalence "
        "only where the plan's power is reached; it is known before the model is looked at. Needed: how many "
        "models of each kind would give that power if the method were run again on many."
    ),
)
_AUC = (
    _("AUC of the attack"),
    _("Chance that an attacker ranks a withdrawn pair of this model above one of a reference model. 0.5 is guessing."),
)
_COMMITMENT = (
    _("Commitment"),
    _("A keyed digest that stands for a subject. Once the key is destroyed it points at nobody."),
)
_LOG = (
    _("Transparency log"),
    _(
        "An append-only list. Its signed checkpoint fixes all entries before it, so that nothing can be changed or "
        "backdated unnoticed."
    ),
)
_DATA_ROOT = (
    _("Data root"),
    _(
        "One number that fixes a whole set of records (a salted Merkle root). Who holds the records can recompute "
        "it; it gives none of them away."
    ),
)
_EXACT = (
    _("Exact"),
    _("The model was trained again without the data: the very model that never had it. Who has the data can check."),
)
_EQUIVALENT = (
    _("Equivalent"),
    _("A test with the power to find it shows that less than the margin of the data's influence is left."),
)
_CERTIFIED = (
    _("Certified"),
    _("Too little data to be found by itself, forgotten by a method that was tested on this model with many requests."),
)

_TESTING = (_RESIDUAL_INFLUENCE, _POSITIVE_CONTROL, _REFERENCE_MODEL, _FOLD_IN, _POWER, _AUC)
_CONCLUSIONS = (_EXACT, _EQUIVALENT, _CERTIFIED)

GLOSSARIES: dict[str, tuple[Word, ...]] = {
    EVIDENCE: (*_CONCLUSIONS, *_TESTING, _COMMITMENT, _LOG, _DATA_ROOT),
    CERTIFICATION: (*_TESTING, _LOG, _DATA_ROOT),
    BATCH: (*_CONCLUSIONS, _RESIDUAL_INFLUENCE, _LOG, _DATA_ROOT),
    REGISTER: (*_CONCLUSIONS, _LOG),
}
"""By the schema of the document."""

"""What the law asks of an answer to a request, and where in the evidence it is answered."""

from dataclasses import dataclass

_ATTACKS = {
    "membership_inference": "run",
    "attribute_inference": "not_run",
    "model_inversion": "not_run",
    "reconstruction": "not_run",
    "exfiltration": "not_applicable",
    "regurgitation": "not_applicable",
}


def attack_classes(tested: bool) -> dict[str, str]:
    """What was done about each attack class of EDPB Opinion 28/2024 § 55; the last two need generative output.

    Args:
        tested: whether there was anything that a test could look for.
    """
    return _ATTACKS if tested else _ATTACKS | {"membership_inference": "not_run"}


@dataclass(frozen=True)
class Provision:
    """A provision, and fields of the evidence document."""

    provision: str
    fields: tuple[str, ...]


_ACCOUNTABILITY = Provision("GDPR art. 5(2)", ("plan", "ladder", "log"))
_CONSENT = Provision("GDPR art. 7(1)", ("consent",))
_WITHDRAWAL = Provision("GDPR art. 7(3)", ("request.share_percent_after", "consent", "timeline"))
_TIME = Provision("GDPR art. 12(3)", ("request.received_at", "request.due_at", "response.at"))
_REFUSAL = Provision("GDPR art. 12(4)", ("response.denial",))
_ERASURE = Provision("GDPR art. 17(1)(b)", ("request.rows_removed", "method", "destroyed"))
_RECIPIENTS = Provision("GDPR art. 19", ("recipients",))

_CALIFORNIA = (
    Provision("Cal. Civ. Code § 1798.105(c)", ("request.rows_removed", "method", "destroyed", "recipients")),
    Provision("Cal. Civ. Code § 1798.130(a)(2)", ("request.received_at", "request.due_at", "response.at")),
    Provision("11 CCR § 7022(b)", ("method", "destroyed")),
    Provision(
        "11 CCR § 7101",
        ("request.received_at", "request.kind", "request.manner", "response.at", "response.nature", "response.denial"),
    ),
)

PROVISIONS = {
    ("gdpr", "erase"): (_ERASURE, _CONSENT, _TIME, _REFUSAL, _RECIPIENTS, _ACCOUNTABILITY),
    ("gdpr", "unshare"): (_WITHDRAWAL, _ERASURE, _CONSENT, _TIME, _REFUSAL, _RECIPIENTS, _ACCOUNTABILITY),
    ("ccpa", "erase"): _CALIFORNIA,
    ("ccpa", "unshare"): _CALIFORNIA,
}
"""By regime and kind of request."""

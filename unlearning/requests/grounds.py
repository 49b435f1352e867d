"""Grounds on which a request may be refused, and reasons for which its period may be extended."""

from django.db import models


class Ground(models.TextChoices):
    """Code and provision. What an officer adds in words stays in the request's history."""

    NOT_HELD = "not_held", "no data of the requester is held"
    IDENTITY = "identity", "GDPR art. 12(2), (6): the requester could not be identified"
    EXCESSIVE = "excessive", "GDPR art. 12(5)(b): manifestly unfounded or excessive"
    NO_GROUND = "no_ground", "GDPR art. 17(1): no ground for erasure applies"
    EXPRESSION = "expression", "GDPR art. 17(3)(a): freedom of expression and information"
    LEGAL_OBLIGATION = "legal_obligation", "GDPR art. 17(3)(b): legal obligation or public task"
    PUBLIC_HEALTH = "public_health", "GDPR art. 17(3)(c): public health"
    ARCHIVING = "archiving", "GDPR art. 17(3)(d): archiving, research or statistics"
    LEGAL_CLAIMS = "legal_claims", "GDPR art. 17(3)(e): legal claims"
    CA_TRANSACTION = "ca_transaction", "Cal. Civ. Code § 1798.105(d)(1): completing the transaction"
    CA_SECURITY = "ca_security", "Cal. Civ. Code § 1798.105(d)(2): security and integrity"
    CA_DEBUGGING = "ca_debugging", "Cal. Civ. Code § 1798.105(d)(3): debugging"
    CA_SPEECH = "ca_speech", "Cal. Civ. Code § 1798.105(d)(4): free speech"
    CA_COMMUNICATIONS = "ca_communications", "Cal. Civ. Code § 1798.105(d)(5): Electronic Communications Privacy Act"
    CA_RESEARCH = "ca_research", "Cal. Civ. Code § 1798.105(d)(6): research in the public interest"
    CA_INTERNAL = "ca_internal", "Cal. Civ. Code § 1798.105(d)(7): internal uses that the consumer expects"
    CA_LEGAL = "ca_legal", "Cal. Civ. Code § 1798.105(d)(8): legal obligation"
    CA_UNVERIFIED = "ca_unverified", "11 CCR § 7022(a): the requester could not be verified"


_EVERYWHERE = (Ground.NOT_HELD,)
_CALIFORNIAN = tuple(ground for ground in Ground if ground.value.startswith("ca_"))

GROUNDS = {
    "gdpr": tuple(ground for ground in Ground if ground not in _CALIFORNIAN),
    "ccpa": _EVERYWHERE + _CALIFORNIAN,
}
"""By regime."""


class Extension(models.TextChoices):
    """GDPR art. 12(3): "taking into account the complexity and number of the requests"."""

    COMPLEXITY = "complexity", "complexity of the request"
    NUMBER = "number_of_requests", "number of requests"

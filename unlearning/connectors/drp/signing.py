"""An agent's signed bodies: base64 of a 64-byte Ed25519 signature and the JSON that it is over."""

import base64
import binascii
import hashlib
import re
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.core import signing
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from unlearning.connectors import secrets
from unlearning.connectors.signed import Refused, parsed

_SIGNATURE_BYTES = 64
_AGENT = re.compile(r"[A-Za-z0-9._:-]{1,90}")
_LONGEST = timedelta(minutes=10)
_LEEWAY = timedelta(minutes=1)
_SALT = "fedshare.drp"
_TOKEN_SECONDS = 24 * 3600


def opened(body: bytes, agent: str | None) -> dict[str, Any]:
    """The content of a signed body, checked in the order that the protocol has.

    Args:
        agent: who must have signed; None: whoever the body says, for the first token.

    Raises:
        Refused: the first check that fails.
    """
    try:
        raw = base64.b64decode(body.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise Refused(400, "the body is no base64") from None
    signature, message = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    content = parsed(message)
    claimed = content.get("agent-id") if isinstance(content, dict) else None
    if (
        not isinstance(claimed, str)
        or not _AGENT.fullmatch(claimed)
        or not _signed_by(agent or claimed, signature, message)
    ):
        raise Refused(401, "the signature does not hold: is the agent's key registered here?")
    if agent is not None and claimed != agent:
        raise Refused(401, "agent-id: another agent's than the token's")
    if content.get("business-id") != settings.FEDSHARE_DRP_BUSINESS:
        raise Refused(403, "business-id: this is another business")
    issued, expires = _moment(content, "issued-at"), _moment(content, "expires-at")
    now = timezone.now()
    if not issued <= now + _LEEWAY:
        raise Refused(403, "issued-at: it lies in the future")
    if not now < expires <= issued + _LONGEST:
        raise Refused(403, "expires-at: it is over, or more than ten minutes after issued-at")
    return content


def token_for(agent: str) -> str:
    """A Bearer token of an agent, which holds as long as the agent's keys are these."""
    return signing.dumps([agent, _keys(agent)], salt=_SALT)


def agent_of(authorization: str) -> str:
    """The agent of a Bearer token.

    Raises:
        Refused: there is none, it has expired, or the agent's keys are others now.
    """
    scheme, _, token = authorization.partition(" ")
    try:
        if scheme.lower() != "bearer":
            raise signing.BadSignature
        agent, keys = signing.loads(token.strip(), salt=_SALT, max_age=_TOKEN_SECONDS)
        if keys != _keys(agent):
            raise signing.BadSignature
        return agent
    except (signing.BadSignature, ValueError):
        raise Refused(401, "give a Bearer token from POST /drp/v1/agent/ID") from None


def _keys(agent: str) -> str:
    """A digest of the keys with which an agent may sign; of none, another than any token has."""
    keys = sorted(secrets.valid("drp", agent))
    return hashlib.sha256("\n".join(keys).encode()).hexdigest() if keys else ""


def _signed_by(agent: str, signature: bytes, message: bytes) -> bool:
    for key in secrets.valid("drp", agent):
        try:
            Ed25519PublicKey.from_public_bytes(base64.b64decode(key)).verify(signature, message)
        except (InvalidSignature, ValueError):
            continue
        return True
    return False


def _moment(content: dict[str, Any], name: str) -> datetime:
    value = content.get(name)
    try:
        moment = parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Refused(400, f"{name}: give a moment in ISO 8601 with its offset")
    return moment

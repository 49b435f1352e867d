"""Secrets that senders sign with: encrypted at rest, several at once, so that they can be rotated without a gap."""

import base64
import binascii

from django.utils.translation import gettext as _

from audits.evidence import sealing
from unlearning.connectors.models import ConnectorSecret
from unlearning.requests.errors import BadField

CONNECTORS = ("shopify", "hubspot", "drop", "drp")
_PURPOSE = "connector secret"
_ED25519_BYTES = 32


def add(connector: str, account: str, secret: str) -> ConnectorSecret:
    """Add a secret; those before stay valid until they are removed.

    Args:
        account: shop, agent or use of it; empty: every one.

    Raises:
        BadField: as `check`; nothing is stored.
    """
    check(connector, secret)
    key = sealing.new_key()
    return ConnectorSecret.objects.create(
        connector=connector,
        account=account,
        sealed=sealing.seal(key, secret.encode(), f"{_PURPOSE} {connector} {account}"),
        wrapped_key=sealing.wrap(key),
    )


def check(connector: str, secret: str) -> None:
    """Raise BadField for a secret that could never be used: an agent's key that is none."""
    if connector != "drp":
        return
    try:
        key = base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _ED25519_BYTES:
        raise BadField("secret", _("give the agent's Ed25519 public key: 32 bytes, in base64"))


def valid(connector: str, account: str) -> list[str]:
    """The secrets of an account, and those of every account; the latest first."""
    return [_open(one) for one in ConnectorSecret.objects.filter(connector=connector, account__in=[account, ""])]


def _open(stored: ConnectorSecret) -> str:
    key = sealing.unwrap(bytes(stored.wrapped_key))
    return sealing.unseal(key, bytes(stored.sealed), f"{_PURPOSE} {stored.connector} {stored.account}").decode()

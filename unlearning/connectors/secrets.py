"""Secrets that senders sign with: encrypted at rest, several at once, so that they can be rotated without a gap."""

from audits.evidence import sealing
from unlearning.connectors.models import ConnectorSecret

CONNECTORS = ("shopify", "hubspot", "drop", "drp")
_PURPOSE = "connector secret"


def add(connector: str, account: str, secret: str) -> ConnectorSecret:
    """Add a secret; those before stay valid until they are removed.

    Args:
        account: shop, agent or use of it; empty: every one.
    """
    key = sealing.new_key()
    return ConnectorSecret.objects.create(
        connector=connector,
        account=account,
        sealed=sealing.seal(key, secret.encode(), f"{_PURPOSE} {connector} {account}"),
        wrapped_key=sealing.wrap(key),
    )


def valid(connector: str, account: str) -> list[str]:
    """The secrets of an account, and those of every account; the latest first."""
    return [_open(one) for one in ConnectorSecret.objects.filter(connector=connector, account__in=[account, ""])]


def _open(stored: ConnectorSecret) -> str:
    key = sealing.unwrap(bytes(stored.wrapped_key))
    return sealing.unseal(key, bytes(stored.sealed), f"{_PURPOSE} {stored.connector} {stored.account}").decode()

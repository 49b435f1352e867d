"""Changing the log's key, and proving that the old one agreed."""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from audits.evidence import log
from audits.evidence.files import read, write
from audits.evidence.keys import LOG, LOG_PUBLIC, LOG_RETIRED, NEXT, log_verifier_key, log_verifier_keys, pem
from audits.evidence.models import LogCheckpoint, LogEntry
from audits.evidence.tlog.handover import ROTATED, Handover
from audits.evidence.tlog.note import VerifierKey


def rotate_log_key() -> str:
    """Hand the log over to a new key. Returns its published form.

    The old key's last checkpoint contains an entry that names the new one. Reports handed out before stay valid under
    the old key. Stopped halfway, it goes on with the key that it had made.
    """
    if not (settings.KEYS / NEXT).exists():
        write(settings.KEYS / NEXT, pem(Ed25519PrivateKey.generate()))
    private = read(NEXT)
    key = serialization.load_pem_private_key(private, password=None)
    old, new = log_verifier_key(), str(VerifierKey(settings.FEDSHARE_LOG_ORIGIN, key.public_key()))
    if old == new:  # stopped between the last two steps
        (settings.KEYS / NEXT).unlink()
        return new
    if not LogEntry.objects.filter(kind=ROTATED, payload__to=new).exists():
        log.append(ROTATED, {"from": old, "to": new})
    log.checkpoint()
    retired = settings.KEYS / LOG_RETIRED
    lines = retired.read_text() if retired.exists() else ""
    if old not in lines.split():
        write(retired, f"{lines}{old}\n".encode())
    write(settings.KEYS / LOG, private)
    write(settings.KEYS / LOG_PUBLIC, f"{new}\n".encode())
    (settings.KEYS / NEXT).unlink()
    return new


def handovers() -> list[Handover]:
    """Every change of keys that is completed, the first one first, each proven by the key that was given up."""
    keys = {str(key): key for key in log_verifier_keys()}
    found = []
    for entry in LogEntry.objects.filter(kind=ROTATED).exclude(leaf=None).order_by("pk"):
        old = keys[entry.payload["from"]]
        points = LogCheckpoint.objects.filter(size__gt=entry.leaf.index).order_by("size")
        point = next((point for point in points if log.signed_by(point, old)), None)
        if point is not None:
            content = log.entry_json(entry.kind, entry.recorded_at.isoformat(), entry.payload)
            found.append(Handover(content, log.prove_by(entry, point)))
    return found

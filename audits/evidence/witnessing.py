"""Having the log's checkpoints cosigned by the witnesses that are set, and being a witness to other logs."""

import logging
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from audits.evidence.keys import log_verifier_keys, read_or_make_key
from audits.evidence.tlog.note import COSIGNATURE, ProofError, VerifierKey
from audits.evidence.tlog.witness import Fork, Stale, Witness, request_text

logger = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 10
_SIZE = re.compile(r"[0-9]{1,18}")
_LINE = re.compile(r"— [^\s+]{1,200} [A-Za-z0-9+/=]{100,120}\n")

ConsistencyFrom = Callable[[int], list[bytes]]
"""Proves that the log at the checkpoint continues an earlier size."""


def cosignatures(note: str, consistency_from: ConsistencyFrom) -> str:
    """Lines of those witnesses that can be reached; the others are logged.

    Raises:
        Fork: a witness refuses the checkpoint. Nothing more should be handed out before it is known why.
    """
    lines = ""
    for address in settings.FEDSHARE_WITNESSES:
        ask = _over_http if address.startswith(("http://", "https://")) else _in_folder
        try:
            lines += ask(address, note, consistency_from)
        except (OSError, httpx.HTTPError, ProofError) as error:
            logger.warning("the witness %s could not be asked: %s", address, type(error).__name__)
    return lines


def own_witness() -> Witness:
    """This instance as a witness to the logs in `FEDSHARE_WITNESSED_LOGS`."""
    return _witness(settings.FEDSHARE_WITNESS_NAME, settings.VAR / "witness", tuple(settings.FEDSHARE_WITNESSED_LOGS))


@cache
def _witness(name: str, folder: Path, logs: tuple[str, ...]) -> Witness:
    return Witness(name, _key(folder, name), [VerifierKey.parse(key) for key in logs], folder)


def _in_folder(address: str, note: str, consistency_from: ConsistencyFrom) -> str:
    """A witness that is a folder: its key and its memory lie there."""
    folder = Path(address)
    if not folder.is_dir():
        raise FileNotFoundError(address)
    name = f"{settings.FEDSHARE_LOG_ORIGIN}/witness/{folder.name}"
    witness = Witness(name, _key(folder, name), log_verifier_keys(), folder)
    return _until_in_step(
        lambda old: witness.add_checkpoint(old, consistency_from(old), note),
        start=((last := witness.last(settings.FEDSHARE_LOG_ORIGIN)) and last.size) or 0,
    )


def _over_http(address: str, note: str, consistency_from: ConsistencyFrom) -> str:
    """A witness that speaks C2SP tlog-witness."""

    def ask(old: int) -> str:
        response = httpx.post(
            f"{address.rstrip('/')}/add-checkpoint",
            content=request_text(old, consistency_from(old), note),
            headers={"Content-Type": "text/plain; charset=utf-8"},
            timeout=_TIMEOUT_SECONDS,
        )
        if response.status_code == httpx.codes.CONFLICT and _SIZE.fullmatch(response.text.strip()):
            raise Stale(int(response.text))
        if response.status_code in (httpx.codes.CONFLICT, httpx.codes.UNPROCESSABLE_ENTITY):
            raise Fork(f"the witness {address} refuses the checkpoint: {response.text.strip()[:200]}")
        response.raise_for_status()
        if not _LINE.fullmatch(response.text):
            raise ProofError("the answer is no cosignature")
        return response.text

    return _until_in_step(ask, start=0)


def _until_in_step(ask: Callable[[int], str], start: int) -> str:
    """Ask once; where the witness has come to another size, once more from there."""
    try:
        return ask(start)
    except Stale as first:
        try:
            return ask(first.size)
        except Stale as again:
            raise Fork(f"the witness insists on another log of {again.size} entries") from again


def _key(folder: Path, name: str) -> Ed25519PrivateKey:
    folder.mkdir(parents=True, exist_ok=True)
    return read_or_make_key(folder / "witness.pem", folder / "witness.vkey", name, COSIGNATURE)

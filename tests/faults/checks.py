"""What must hold after every fault, whatever it was."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from django.core.files.storage import storages

from audits.evidence import log
from audits.evidence.checking import check_log
from audits.evidence.document import EVIDENCE
from audits.evidence.models import IssuedDocument, LogEntry
from models_engine.registry.models import ModelVersion, Recommender
from models_engine.registry.services import load_model
from unlearning.jobs.models import Job
from unlearning.lineage.models import Subject
from unlearning.requests.models import Request, SealedForgetSet
from unlearning.requests.states import State


def lost(requests: Iterable[str]) -> list[str]:
    """Requests that were accepted and have come to no end."""
    return [request for request in requests if Request.objects.filter(pk=request, state=State.COMPLETED).count() != 1]


def duplicated() -> list[str]:
    """Results of which there are several."""
    told = Counter(document.content["request"]["id"] for document in _evidence())
    found = [f"{request}: {n} documents" for request, n in told.items() if n > 1]
    for kind, name in (("destroyed", "request"), ("request.accepted", "request"), ("version.unlearned", "version")):
        entries = Counter(
            payload[name] for payload in LogEntry.objects.filter(kind=kind).values_list("payload", flat=True)
        )
        found += [f"{one}: {n} entries {kind}" for one, n in entries.items() if n > 1]
    made = ModelVersion.objects.exclude(method="train").count()
    logged = LogEntry.objects.filter(kind="version.unlearned").count()
    return found + ([f"{made} versions were made, {logged} are on record"] if made != logged else [])


def unsound() -> list[str]:
    """What is wrong with the model that serves, the log, and what should be gone."""
    found = []
    serving = Recommender.objects.get().serving
    load_model(serving)  # raises if a byte is not the one on record
    evidenced = {document.content["method"]["version"] for document in _evidence()}
    if serving.method != "train" and serving.number not in evidenced:
        found.append(f"{serving} serves without evidence")
    alive = list(ModelVersion.objects.filter(destroyed_at=None).values_list("pk", flat=True))
    if alive != [serving.pk]:
        found.append(f"versions {alive} are not destroyed")
    log.sequence()
    check_log(lambda fraction: None)  # raises if it is damaged
    if Job.objects.filter(state__in=("queued", "running")).exists():
        found.append("a job is still open")
    if SealedForgetSet.objects.exclude(request__state__in=("accepted", "scheduled")).exists():
        found.append("a sealed forget set outlived its request")
    return found


def left_of(names: list[str], keys: list[int], var: Path) -> list[str]:
    """Where something of erased subjects still lies: their names anywhere, what learning knew them by outside of
    PostgreSQL, whose own files keep old rows until they are vacuumed."""
    texts = [name.encode() for name in names]
    numbers = [form for key in keys for form in (str(key).encode(), key.to_bytes(8, "little", signed=True))]
    found = []
    for path in var.rglob("*"):
        if not path.is_file():
            continue
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # broker files come and go
            continue
        inside = path.is_relative_to(var / "postgres")
        if any(text in content for text in texts) or (not inside and any(number in content for number in numbers)):
            found.append(str(path.relative_to(var)))
    known = Subject.objects.filter(learning_key__in=keys).count()
    return found + ([f"{known} rows of subjects"] if known else [])


def _evidence() -> list[IssuedDocument]:
    return list(IssuedDocument.objects.filter(schema=EVIDENCE))


def stray_artifacts() -> list[str]:
    """Model files that no living version has."""
    kept = set(ModelVersion.objects.filter(destroyed_at=None).values_list("artifact", flat=True))
    return [name for name in storages["artifacts"].listdir("models")[1] if f"models/{name}" not in kept]

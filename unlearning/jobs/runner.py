"""Running a job: references once, then the ladder until every request has a conclusion.

1. Read the model, the data and the sealed forget sets; wipe the erased subjects' devices.
2. Freeze a plan for each request and write its digest to the log.
3. Train the audit models, which the whole batch shares.
4. For each strategy, cheapest first: forget for all open requests at once, then check each one.
   Requests that reach a conclusion are completed with this model, which serves from then on;
   the others climb to the next strategy. The top of the ladder is exact, so all end.
"""

import logging
from dataclasses import asdict
from datetime import datetime, timedelta
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError, transaction
from django.utils import timezone
from psycopg.errors import IdleInTransactionSessionTimeout

from audits.certification.services import certification_of, certifies
from audits.evidence import log
from audits.verification.verdict import conclude
from models_engine.evaluation.ranking import SubjectQuality
from models_engine.federation.fleet import PrivateVectors
from models_engine.fedshare.files import StateFileError
from models_engine.fedshare.model import ModelFileError
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.unlearning.strategy import Forgotten, Strategy
from models_engine.registry.models import ModelVersion, Recommender
from models_engine.registry.services import register_version, stem, store_artifact
from unlearning import correlation
from unlearning.jobs import troubles
from unlearning.jobs.batches import issue_batch
from unlearning.jobs.checking import Checks, Judgement
from unlearning.jobs.completion import complete_requests
from unlearning.jobs.context import JobContext, erased_keys, read_context
from unlearning.jobs.control import ask_for_attention, hand_back, put_back
from unlearning.jobs.devices import erase_devices, simulated_fleet
from unlearning.jobs.fleets import AuditFleet, destroy
from unlearning.jobs.leasing import Claim, LeaseLost, Stopping, Watch, claim
from unlearning.jobs.memory import told_when_short
from unlearning.jobs.models import Job
from unlearning.jobs.outcome import Attempt, Effects, Outcome
from unlearning.jobs.plans import freeze_plans
from unlearning.jobs.samples import draw_samples, keep_samples
from unlearning.jobs.training import let_serve, quality
from unlearning.lineage.datasets import Commitment, record_dataset
from unlearning.lineage.freezing import freeze
from unlearning.requests.actions import move
from unlearning.requests.models import Request
from unlearning.requests.states import State

logger = logging.getLogger(__name__)

_EXPECTED = (ValueError, FloatingPointError, ModelFileError, OSError, MemoryError, BotoCoreError, ClientError)
"""Failures with a cause that an operator can mend; anything else is a bug."""


class ServingChanged(Exception):
    """A job forgot on a model that serves no more."""


def run_job(job_id: UUID, watch: Watch = lambda phase, fraction: None) -> bool:
    """Claim a job and run it; does nothing if somebody else has it. Returns whether it was claimed."""
    held = claim(job_id, watch)
    if held is None:
        return False
    with correlation.within(job=str(job_id)):
        _attempted(held)
    return True


def _attempted(held: Claim) -> None:
    job_id = held.job_id
    try:
        with held.alive(), told_when_short():
            _run(held)
    except LeaseLost as lost:
        logger.warning("%s", lost)
    except ServingChanged as changed:
        logger.warning("job %s: %s", job_id, changed)
        _hand_back(held)
    except Stopping:
        logger.info("job %s is handed back: this worker stops", job_id)
        _hand_back(held)
    except StateFileError as error:
        logger.error("job %s starts over: %s", job_id, error)
        if _fail(held, str(error)):
            destroy(job_id)  # a checkpoint is only a help: the next attempt begins without
    except (OperationalError, InterfaceError) as error:
        logger.error("job %s: the database is away (%s); another attempt begins once the lease is over", job_id, error)
    except _EXPECTED as error:
        logger.error("job %s failed: %s", job_id, error)
        _fail(held, _in_words(error))
    except Exception as error:
        if silent_too_long(error):
            logger.error("job %s: PostgreSQL ended a transaction that lasted longer than a lease in silence", job_id)
            _fail(held, troubles.SLEPT)
            return
        # The traceback may show values; its place is the log of the worker, not the row.
        logger.exception("job %s failed by a bug", job_id)
        _fail(held, troubles.BUG.format(name=type(error).__name__))


def silent_too_long(error: Exception) -> bool:
    """Whether PostgreSQL ended the session because its process slept in a transaction; see `FEDSHARE_LEASE`."""
    return isinstance(error, InternalError) and isinstance(error.__cause__, IdleInTransactionSessionTimeout)


def _run(held: Claim) -> None:
    held.phase("prepare")
    context = read_context(Job.objects.select_related("recommender__serving__dataset").get(pk=held.job_id))
    for request in context.requests:  # from here on the lines have the job, which this ties to each request's trace
        with correlation.within(parent=request.traceparent, job=str(held.job_id)):
            logger.info("attempt %d carries out request %s", held.token, request.pk)
    erase_devices(erased_keys(context))
    with held.commit():
        for request in context.requests:
            move(request, State.UNLEARNING)
        plans = freeze_plans(context)
    fleet = AuditFleet(held.job_id, context.model.config)
    checks = Checks(context, plans, fleet, held.phase, held.progress)
    certificate = certification_of(context.version)
    before = _quality(context, _untouched(context))

    serving = context.version
    attempts: dict[Request, list[Attempt]] = {request: [] for request in context.requests}
    for strategy in context.ladder:
        held.phase(f"forget: {strategy.name}")
        forgotten = strategy.forget(context.task, held.progress)
        forgotten_at = timezone.now()
        held.phase(f"verify: {strategy.name}")
        with held.commit():
            for request in attempts:
                move(request, State.VERIFYING)
        judgements = checks.judge(attempts, strategy, forgotten.model, held.progress)
        for request, earlier in attempts.items():
            certified = certifies(certificate, request.kind)
            earlier.append(_attempt(strategy, judgements[request], certified, forgotten_at))
        concluded = {request: earlier for request, earlier in attempts.items() if earlier[-1].conclusion}
        effects = Effects(before, _quality(context, forgotten), checks.damage(forgotten.model))
        held.phase(f"commit: {strategy.name}")
        outcome = Outcome(concluded, effects, checks, certificate)
        serving = _commit(held, context, serving, strategy, forgotten, outcome, fleet)
        attempts = {request: earlier for request, earlier in attempts.items() if request not in concluded}
        if not attempts:
            return


def _attempt(strategy: Strategy, judgement: Judgement, certified: bool, forgotten_at: datetime) -> Attempt:
    # Where nothing could be looked for there was no control either, so a certification has nothing to add.
    certified = certified and judgement.result is not None
    conclusion = conclude(judgement.verdict, strategy.exact, certified)
    return Attempt(strategy.name, strategy.exact, judgement, conclusion, forgotten_at, timezone.now())


def _untouched(context: JobContext) -> Forgotten:
    """The old rows of those who stay."""
    staying = context.model.keeping(~context.task.erased)
    replicas = Replicas([context.after], [staying.seed])
    return Forgotten(staying, context.task.make_cohort(staying.config, replicas, None))


def _quality(context: JobContext, forgotten: Forgotten) -> SubjectQuality:
    """Held-out quality for the subjects who stay, over the graph that remains."""
    return quality(forgotten.model, context.after, forgotten.cohort)


def _commit(
    held: Claim,
    context: JobContext,
    serving: ModelVersion,
    strategy: Strategy,
    forgotten: Forgotten,
    outcome: Outcome,
    fleet: AuditFleet,
) -> ModelVersion:
    """In one transaction: the new version serves, the old ones go, the concluded requests end.

    Args:
        serving: what serves as far as this attempt knows: the version that it began with, or committed last.

    Returns:
        What serves from now on.
    """
    if not outcome.concluded:
        with held.commit():
            for request in Request.objects.filter(job=held.job_id, state=State.VERIFYING):
                move(request, State.UNLEARNING)
        return serving
    artifact, digest = store_artifact(forgotten.model, held.owner)
    simulated_fleet().keep_private(
        stem(artifact), PrivateVectors(forgotten.model.subject_keys, forgotten.cohort.private)
    )
    commitment, samples = Commitment.to(context.after), draw_samples(context, forgotten)
    # What fails from here on leaves both files to the sweep: of a COMMIT whose answer is lost nobody knows what it did.
    with held.commit() as job:
        _lock(job, context, serving)
        version = register_version(
            recommender=job.recommender,
            model=forgotten.model,
            artifact=artifact,
            digest=digest,
            method=strategy.name,
            parent=serving,
            calibration=context.version.calibration,
            metrics=context.version.metrics | {"fedshare": asdict(outcome.effects.after.mean())},
        )
        dataset = record_dataset(version, commitment, context.version.dataset.as_of)
        log.append(
            "version.unlearned",
            {
                "code": version.code_digest,
                "data_root": dataset.root,
                "method": version.method,
                "model": digest,
                "parent": context.version.digest,
                "version": str(version),
            },
        )
        keep_samples(samples, version)
        # What others withdrew is in the new version as it was in the old; but not in one that learned anew without.
        others = Request.objects.filter(reached=serving, completed_at=None).exclude(job=held.job_id)
        for request in others.filter(rows_removed_at__gt=context.read_at) if strategy.exact else others:
            request.reached.add(version)
        destroyed = let_serve(version)
        complete_requests(context, version, outcome, destroyed)
        for request in job.requests.filter(state=State.VERIFYING):
            move(request, State.UNLEARNING)
        if not job.requests.exclude(state=State.COMPLETED).exists():
            job.state, job.finished_at, job.progress = Job.State.DONE, timezone.now(), 1.0
            job.evidence = issue_batch(job)
            job.save(update_fields=["state", "finished_at", "progress", "evidence"])
            fleet.record_destruction(outcome.checks.references, outcome.checks.known)
            transaction.on_commit(fleet.destroy, robust=True)
    return version


def _lock(job: Job, context: JobContext, serving: ModelVersion) -> None:
    """The requests first, as everybody locks them; they are read again, since officers may have acted meanwhile.

    Then the gate: who accepts a request meanwhile is done before, and seen, or sees the new version after.

    Raises:
        ServingChanged: another model serves than the one that was forgotten on.
    """
    list(Request.objects.select_for_update(no_key=True).filter(job=job).order_by("pk").values_list("pk"))
    for request in context.requests:
        request.refresh_from_db()
    freeze()
    recommender = Recommender.objects.select_for_update(no_key=True).get(pk=job.recommender_id)
    if recommender.serving_id != serving.pk:
        raise ServingChanged(f"{recommender.serving} was trained meanwhile: the job begins anew, on that version")


def _fail(held: Claim, trouble: str) -> bool:
    """Put the job back for another attempt, later; after the cap it needs attention.

    Returns whether the job was still held; where another attempt has it, it is left alone.
    """
    try:
        with held.commit() as job:
            if job.may_try_again:
                wait = timedelta(seconds=settings.FEDSHARE_BACK_OFF)
                put_back(job, trouble, wait * 2 ** (job.tries - 1))
            else:
                ask_for_attention(job, trouble)
    except LeaseLost as lost:
        logger.warning("%s", lost)
        return False
    return True


def _hand_back(held: Claim) -> None:
    """Let another worker go on, at once; this attempt doesn't count."""
    try:
        with held.commit() as job:
            hand_back(job)
    except LeaseLost as lost:
        logger.warning("%s", lost)


def _in_words(error: Exception) -> str:
    """The cause, for an officer: of the system's errors what they say, without number and address."""
    if isinstance(error, (BotoCoreError, ClientError)):
        return troubles.BUCKET.format(name=type(error).__name__)
    if isinstance(error, OSError) and error.strerror:
        return troubles.FILES.format(cause=error.strerror)
    return str(error)

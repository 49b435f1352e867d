"""Whether what a document claims follows from what it measured, by the published tables."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from audits.evidence.document import BATCH, CERTIFICATION, EVIDENCE, REGISTER
from audits.evidence.measurements import as_json, measured_from_json
from audits.evidence.periods import FEWEST_MONTHS_KEPT, Clock, due_at, may_extend_until, months_after
from audits.evidence.provisions import attack_classes
from audits.reports.verify.errors import CheckFailed
from audits.verification.plan import CERTIFICATION as CERTIFICATION_LEVEL
from audits.verification.plan import LEVELS, NARROWEST_MARGIN, WIDEST_MARGIN, AuditPlan
from audits.verification.reason import Because, Reason
from audits.verification.verdict import Conclusion, Verdict, alarms, conclude, decide, join

EXACT_STRATEGIES = ("retrain", "rollback_replay")
CELLS = {(kind, size) for kind in ("erase", "unshare") for size in ("subject", "tenth")}
"""What a certification covers."""

_TAKEN_BACK = "cancelled"
"""By its sender: such a request needs no answer, and is never late."""

_MOST_HOLIDAYS = 20
"""Beside weekends, that may move the end of a period and of its extension; runs of ten are known."""

_BESIDE_THE_WAY = ("taken_in", "identity_asked", "identity_verified", "held", "released", "extended", "merged")
"""Moments of a request that its way does not need; their times are checked for order alone."""

_WITHOUT_A_CHECK = (Because.NOTHING_LEARNED, Because.SINGLE_PAIR, Because.NO_CHECK_POSSIBLE)


def assert_consistent(document: dict[str, Any]) -> str:
    """Check a document by itself. Returns what follows.

    Raises:
        CheckFailed, AuditError: a claim does not follow, or numbers contradict each other.
    """
    return _BY_SCHEMA[document["schema"]](document)


def _evidence(document: dict[str, Any]) -> str:
    plan = None if document["plan"] is None else _plan(document["plan"])
    certificate = document["certification"]
    for rung in document["ladder"]:
        if rung["exact"] != (rung["strategy"] in EXACT_STRATEGIES):
            raise CheckFailed(f"{rung['strategy']} is called {'' if rung['exact'] else 'not '}exact")
        if (rung["measurements"] is None) != (plan is None):
            raise CheckFailed("there are measurements without a plan, or a plan without measurements")
        verdict, reason = _verdict(rung, plan)
        # Where nothing could be looked for there was no control either, so a certification has nothing to add.
        certified = plan is not None and certificate is not None and certificate["certified"]
        if verdict != rung["verdict"] or conclude(verdict, rung["exact"], certified) != rung["concluded"]:
            raise CheckFailed(f"the verdict of {rung['strategy']} does not follow from its measurements")
        if reason is not None and as_json(reason) != rung["reason"]:
            raise CheckFailed(f"the reason given for {rung['strategy']} does not follow from its measurements")
        if reason is None and rung["reason"]["code"] not in _WITHOUT_A_CHECK:
            raise CheckFailed(f"the reason given for {rung['strategy']} speaks of a check that was not run")
    last = document["ladder"][-1]
    if any(rung["concluded"] for rung in document["ladder"][:-1]) or last["concluded"] != document["conclusion"]:
        raise CheckFailed("the conclusion does not follow from the ladder")
    if (last["strategy"], last["exact"]) != (document["method"]["strategy"], document["method"]["exact"]):
        raise CheckFailed("the method is not the last rung of the ladder")
    _same_moments(document)
    _same_data(document)
    _same_plan(document, plan)
    return f"{Conclusion(document['conclusion'])} follows from the measurements"


def _same_moments(document: dict[str, Any]) -> None:
    """Request, response and timeline tell one story."""
    request, response = document["request"], document["response"]
    stated = (document["id"], document["conclusion"], document["issued_at"], document["issued_at"])
    if (request["id"], response["nature"], response["at"], request["completed_at"]) != stated:
        raise CheckFailed("request and response contradict each other")
    answered = _moment(request["completed_at"])
    _assert_due(request, f"request {request['id']}")
    if _moment(document["kept_until"]) < months_after(answered, FEWEST_MONTHS_KEPT):
        raise CheckFailed(f"the evidence is to be kept for less than {FEWEST_MONTHS_KEPT} months")
    moments = [_moment(moment["at"]) for moment in document["timeline"]]
    if moments != sorted(moments):
        raise CheckFailed("the timeline is not in order")
    told = [(moment["event"], moment["strategy"], moment["at"]) for moment in document["timeline"]]
    rungs = [
        (event, rung["strategy"], rung[f"{event}_at"])
        for rung in document["ladder"]
        for event in ("forgotten", "checked")
    ]
    expected = [
        ("received", None, request["received_at"]),
        ("rows_removed", None, request["rows_removed_at"]),
        *rungs,
        *((event, None, document["issued_at"]) for event in ("replaced", "destroyed", "completed")),
    ]
    told = [one for one in told if one[0] not in _BESIDE_THE_WAY]
    others = [event for event, _, _ in told if event in ("scheduled", "plan_frozen")]
    # A plan may have been frozen for a check that then turned out to be impossible.
    allowed = [["scheduled", "plan_frozen"], *([] if document["plan"] else [["scheduled"]])]
    if [one for one in told if one[0] not in ("scheduled", "plan_frozen")] != expected or others not in allowed:
        raise CheckFailed("the timeline contradicts the request or the ladder")
    events = [event for event, _, _ in told]
    if "plan_frozen" in events and events.index("plan_frozen") > events.index("forgotten"):
        raise CheckFailed("the plan was frozen after the model had been made to forget")


def _assert_due(request: dict[str, Any], name: str) -> None:
    """The end of the period follows from receipt, regime and what moved it."""
    moved, received = request["deadline"], _moment(request["received_at"])
    try:
        ZoneInfo(moved["zone"])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CheckFailed(f"{name} was due in a time zone that is not known here") from None
    holidays = [date.fromisoformat(day) for day in moved["holidays"]]
    clock = Clock(moved["zone"], holidays, timedelta(seconds=moved["paused_seconds"]), moved["extended"] is not None)
    # Within one zone Python compares the hands of the clock, which stand twice, or never, when summer time changes.
    if _moment(request["due_at"]) != due_at(request["regime"], received, clock).astimezone(UTC):
        raise CheckFailed(f"{name} was due at another moment than its regime has")
    if len(holidays) > _MOST_HOLIDAYS or not all(_moves(day, request["regime"], received, clock) for day in holidays):
        raise CheckFailed(f"{name} states holidays that move nothing")
    extended = moved["extended"]
    if extended and not received <= _moment(extended["at"]) < may_extend_until(request["regime"], received, clock):
        raise CheckFailed(f"{name} was extended after its first period had ended")


def _moves(day: date, regime: str, received: datetime, clock: Clock) -> bool:
    """Whether a holiday moved the end of the period, or of the one before its extension."""
    rest = [other for other in clock.holidays if other != day]
    periods = [replace(clock, extended=extended) for extended in {False, clock.extended}]
    ends = [(due_at(regime, received, one), due_at(regime, received, replace(one, holidays=rest))) for one in periods]
    return any(with_it != without for with_it, without in ends)


def _same_data(document: dict[str, Any]) -> None:
    """Request, lineage, model and destruction speak of the same data."""
    request, lineage = document["request"], document["lineage"]
    subjects = set(request["subjects"])
    learned = lineage["pairs_learned"]
    if len(subjects) != len(request["subjects"]) or {one["subject"] for one in document["consent"]} != subjects:
        raise CheckFailed("consent is told of other subjects than the request's")
    # The pairs of a request that waited for an earlier job had left the data before; so the data need not shrink.
    if learned > request["rows_removed"] or lineage["pairs_after"] > lineage["pairs_before"]:
        raise CheckFailed("more was learned than was removed, or the data grew")
    if learned and (lineage["data_root_before"] == lineage["data_root_after"] or not lineage["versions_reached"]):
        raise CheckFailed("something was learned, and it reached no version, or the data root is the same as before")
    gone = {one["item"]: one for one in document["destroyed"]}
    digests = {one["sha256"] for one in document["destroyed"] if one["item"] == "model_version"}
    if "forget_set" not in gone or document["method"]["model_before"] not in digests:
        raise CheckFailed("the model before, or the sealed records, were not destroyed")
    if request["kind"] == "erase" and gone.get("subject_keys", {}).get("count") != len(subjects):
        raise CheckFailed("the keys of the erased subjects were not destroyed")


def _same_plan(document: dict[str, Any], plan: AuditPlan | None) -> None:
    """What was run is what the plan names."""
    if document["attacks"] != attack_classes(tested=plan is not None):
        raise CheckFailed("the attack classes that are stated are not those that were run")
    if plan is None:
        return
    models = document["audit_models"]
    if (models["references"], models["known"]) != (len(plan.reference_seeds), len(plan.known_seeds)):
        raise CheckFailed("the plan has another number of models than were trained")
    for rung in document["ladder"]:
        measured = rung["measurements"]
        if (
            measured["subjects"] > len(document["request"]["subjects"])
            or measured["pairs"] > document["lineage"]["pairs_learned"]
        ):
            raise CheckFailed(f"{rung['strategy']} was measured on more than was withdrawn")


def _certification(document: dict[str, Any]) -> str:
    removed: dict[str, bool] = {}
    for cell in document["cells"]:
        plan = _plan(cell["plan"])
        verdict, reason, _ = _decided(cell["measurements"], plan, len(plan.known_seeds))
        if verdict != cell["verdict"] or as_json(reason) != cell["reason"]:
            raise CheckFailed(f"the verdict on {cell['name']} does not follow from its measurements")
        holds = verdict is Verdict.REMOVED_WITHIN_MARGIN
        removed[cell["kind"]] = removed.get(cell["kind"], True) and holds
    if {(cell["kind"], cell["size"]) for cell in document["cells"]} != CELLS:
        raise CheckFailed("a kind or a size of request is missing")
    if document["attacks"] != attack_classes(tested=True):
        raise CheckFailed("the attack classes that are stated are not those that were run")
    if document["certified"] != sorted(kind for kind, all_of_them in removed.items() if all_of_them):
        raise CheckFailed("what is certified does not follow from the cells")
    kinds = " and ".join(document["certified"]) or "nothing"
    return f"that {kinds} is certified follows from the measurements of {len(document['cells'])} cells"


def _batch(document: dict[str, Any]) -> str:
    versions = document["versions"]
    numbers = [version["version"] for version in versions]
    if numbers != sorted(set(numbers)):
        raise CheckFailed("the versions are not in order")
    if any(version["exact"] != (version["strategy"] in EXACT_STRATEGIES) for version in versions):
        raise CheckFailed("a version is called exact that is not, or the other way round")
    _assert_unique(document["requests"])
    made = {version["strategy"] for version in versions}
    for request in document["requests"]:
        last = request["strategies"][-1]
        verdict, exact = Verdict(request["verdict"]), last in EXACT_STRATEGIES
        concluded = conclude(verdict, exact, certified=request["conclusion"] == Conclusion.CERTIFIED)
        if last not in made or concluded != request["conclusion"]:
            raise CheckFailed(f"the conclusion of request {request['id']} does not follow from its last strategy")
        if not _moment(request["received_at"]) <= _moment(request["completed_at"]) <= _moment(document["issued_at"]):
            raise CheckFailed(f"request {request['id']} ended before it was received, or after this was issued")
    if not _moment(document["started_at"]) <= _moment(document["finished_at"]) <= _moment(document["issued_at"]):
        raise CheckFailed("the batch ended before it began, or after this was issued")
    return f"{len(document['requests'])} conclusions follow from verdicts and strategies"


def _assert_unique(requests: list[dict[str, Any]]) -> None:
    if len({request["id"] for request in requests}) != len(requests):
        raise CheckFailed("a request stands twice")


def _register(document: dict[str, Any]) -> str:
    requests, totals = document["requests"], document["totals"]
    start, end = document["period"]["from"], document["period"]["until"]
    issued = _moment(document["issued_at"])
    _assert_unique(requests)
    for request in requests:
        if not _moment(start) <= _moment(request["received_at"]) < _moment(end):
            raise CheckFailed(f"request {request['id']} was not received in the period")
        _assert_due(request, f"request {request['id']}")
        if request["in_time"] != in_time(request, issued):
            raise CheckFailed(f"whether request {request['id']} was answered in time does not follow from its dates")
        if (request["answered_at"] is None) != (request["conclusion"] is None and request["denial"] is None):
            raise CheckFailed(f"request {request['id']} is answered without an answer, or the other way round")
        if request["conclusion"] is not None and request["denial"] is not None:
            raise CheckFailed(f"request {request['id']} was both carried out and denied")
        ended = (request["conclusion"] is not None, request["denial"] is not None)
        if ((request["state"] == "completed"), (request["state"] == "refused")) != ended:
            raise CheckFailed(f"the state of request {request['id']} contradicts its answer")
        answered = request["answered_at"]
        if answered and not _moment(request["received_at"]) <= _moment(answered) <= issued:
            raise CheckFailed(f"request {request['id']} was answered before it was received, or after this was issued")
    if totals != counted(requests):
        raise CheckFailed("the totals do not follow from the requests")
    return f"the totals follow from {len(requests)} requests"


def in_time(request: dict[str, Any], issued: datetime) -> bool | None:
    """Whether a request of a register was answered when it was due; None: neither answered nor due."""
    due = _moment(request["due_at"])
    if request["answered_at"] is None:
        return None if issued <= due or request["state"] == _TAKEN_BACK else False
    return _moment(request["answered_at"]) <= due


def counted(requests: list[dict[str, Any]]) -> dict[str, int]:
    """The totals of a register."""
    conclusions = Counter(request["conclusion"] for request in requests)
    refused = sum(request["denial"] is not None for request in requests)
    answered = sum(request["answered_at"] is not None for request in requests)
    cancelled = sum(request["state"] == _TAKEN_BACK for request in requests)
    return {
        "received": len(requests),
        "answered": answered,
        **{conclusion.value: conclusions[conclusion] for conclusion in Conclusion},
        "refused": refused,
        "cancelled": cancelled,
        "open": len(requests) - answered - cancelled,
        "late": sum(request["in_time"] is False for request in requests),
    }


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _plan(stored: dict[str, Any]) -> AuditPlan:
    plan = AuditPlan.from_json({n: v for n, v in stored.items() if n not in ("digest", "claim", "limit")})
    if plan.digest() != stored["digest"]:
        raise CheckFailed("the plan does not have the digest that is stated")
    level = {**LEVELS, CERTIFICATION_LEVEL.name: CERTIFICATION_LEVEL}.get(plan.level)
    if level is None:
        raise CheckFailed(f"there is no assurance level {plan.level}")
    seeds = plan.reference_seeds + plan.known_seeds
    bounded = NARROWEST_MARGIN <= plan.margin <= WIDEST_MARGIN
    if (
        len(seeds) != level.trainings
        or not bounded
        or plan != AuditPlan.at(level, plan.statistics, seeds, plan.seed, plan.margin)
    ):
        raise CheckFailed(f"the plan is not that of the level {plan.level}: its margins or numbers are others")
    if (stored["claim"], stored["limit"]) != (level.claim, level.limit):
        raise CheckFailed(f"claim or limit are not those of the level {plan.level}")
    return plan


def _verdict(rung: dict[str, Any], plan: AuditPlan | None) -> tuple[Verdict, Reason | None]:
    """Verdict and reason; no reason where nothing was looked for."""
    if rung["measurements"] is None or plan is None:
        return Verdict.NOT_TESTABLE, None
    one, reason, alarmed = _decided(rung["measurements"], plan, 1)
    if rung["exact"] or not plan.repeats:
        if rung["repeated"] is not None:
            raise CheckFailed(f"{rung['strategy']} was run again on many models, which the plan does not have")
        return one, reason
    if rung["repeated"] is None:
        raise CheckFailed(f"the plan has {rung['strategy']} run again on many models, and nothing of that is there")
    models = len(plan.known_seeds)
    many, reason_of_many, _ = _decided(rung["repeated"], plan, models)
    return join(one, alarmed, many), reason if alarmed else replace(reason_of_many, models=models)


def _decided(measurements: dict[str, Any], plan: AuditPlan, models: int) -> tuple[Verdict, Reason, bool]:
    """The verdict on so many models, why, and whether a test tells them apart by more than its margin."""
    if measurements["plan_digest"] != plan.digest():
        raise CheckFailed("measurements belong to another plan")
    if measurements["models"] != models:
        raise CheckFailed(f"{measurements['models']} models were measured where the plan has {models}")
    measured = measured_from_json(measurements)
    measured.assert_complete(plan, models)
    findings, trials = measured.findings(), measured.trials(plan)
    return *decide(findings, trials, plan), bool(alarms(findings, trials, plan))


_BY_SCHEMA: dict[str, Callable[[dict[str, Any]], str]] = {
    EVIDENCE: _evidence,
    CERTIFICATION: _certification,
    BATCH: _batch,
    REGISTER: _register,
}

"""Whether what a document claims follows from what it measured, by the published tables."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from audits.evidence.document import BATCH, CERTIFICATION, EVIDENCE, REGISTER
from audits.evidence.measurements import as_json, measured_from_json
from audits.reports.verify.errors import CheckFailed
from audits.verification.plan import AuditPlan
from audits.verification.reason import Because, Reason
from audits.verification.verdict import Conclusion, Verdict, alarms, conclude, decide, join

EXACT_STRATEGIES = ("retrain", "rollback_replay")
CELLS = {(kind, size) for kind in ("erase", "unshare") for size in ("subject", "tenth")}
"""What a certification covers."""

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
    return f"{Conclusion(document['conclusion'])} follows from the measurements"


def _same_moments(document: dict[str, Any]) -> None:
    """Request, response and timeline tell one story."""
    request, response = document["request"], document["response"]
    stated = (document["id"], document["conclusion"], document["issued_at"], document["issued_at"])
    if (request["id"], response["nature"], response["at"], request["completed_at"]) != stated:
        raise CheckFailed("request and response contradict each other")
    moments = [datetime.fromisoformat(moment["at"]) for moment in document["timeline"]]
    if moments != sorted(moments):
        raise CheckFailed("the timeline is not in order")
    by_event = {moment["event"]: moment["at"] for moment in document["timeline"]}
    if any(
        by_event.get(event) != request[field]
        for event, field in (
            ("received", "received_at"),
            ("rows_removed", "rows_removed_at"),
            ("completed", "completed_at"),
        )
    ):
        raise CheckFailed("the timeline contradicts the request")


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
    if document["certified"] != sorted(kind for kind, all_of_them in removed.items() if all_of_them):
        raise CheckFailed("what is certified does not follow from the cells")
    kinds = " and ".join(document["certified"]) or "nothing"
    return f"that {kinds} is certified follows from the measurements of {len(document['cells'])} cells"


def _batch(document: dict[str, Any]) -> str:
    exact = {version["strategy"]: version["exact"] for version in document["versions"]}
    if any(is_exact != (strategy in EXACT_STRATEGIES) for strategy, is_exact in exact.items()):
        raise CheckFailed("a version is called exact that is not, or the other way round")
    for request in document["requests"]:
        last = request["strategies"][-1]
        if last not in exact:
            raise CheckFailed(f"request {request['id']} ended with a strategy of which there is no version")
        # Only an exact method, or a certification, concludes where removal was not shown.
        unshown = request["verdict"] != Verdict.REMOVED_WITHIN_MARGIN
        if (request["conclusion"] == Conclusion.EXACT) != exact[last] or (
            request["conclusion"] == Conclusion.EQUIVALENT and unshown
        ):
            raise CheckFailed(f"the conclusion of request {request['id']} does not follow from its strategy")
    numbers = [version["version"] for version in document["versions"]]
    if numbers != sorted(set(numbers)):
        raise CheckFailed("the versions are not in order")
    return f"{len(document['requests'])} conclusions follow from verdicts and strategies"


def _register(document: dict[str, Any]) -> str:
    requests, totals = document["requests"], document["totals"]
    start, end = document["period"]["from"], document["period"]["until"]
    issued = datetime.fromisoformat(document["issued_at"])
    for request in requests:
        if not _moment(start) <= _moment(request["received_at"]) < _moment(end):
            raise CheckFailed(f"request {request['id']} was not received in the period")
        if request["in_time"] != in_time(request, issued):
            raise CheckFailed(f"whether request {request['id']} was answered in time does not follow from its dates")
        if (request["answered_at"] is None) != (request["conclusion"] is None and request["denial"] is None):
            raise CheckFailed(f"request {request['id']} is answered without an answer, or the other way round")
    if totals != counted(requests):
        raise CheckFailed("the totals do not follow from the requests")
    return f"the totals follow from {len(requests)} requests"


def in_time(request: dict[str, Any], issued: datetime) -> bool | None:
    """Whether a request of a register was answered when it was due; None: neither answered nor due."""
    due = _moment(request["due_at"])
    if request["answered_at"] is None:
        return None if issued <= due else False
    return _moment(request["answered_at"]) <= due


def counted(requests: list[dict[str, Any]]) -> dict[str, int]:
    """The totals of a register."""
    conclusions = Counter(request["conclusion"] for request in requests)
    refused = sum(request["denial"] is not None for request in requests)
    answered = sum(request["answered_at"] is not None for request in requests)
    return {
        "received": len(requests),
        "answered": answered,
        **{conclusion.value: conclusions[conclusion] for conclusion in Conclusion},
        "refused": refused,
        "open": len(requests) - answered,
        "late": sum(request["in_time"] is False for request in requests),
    }


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _plan(stored: dict[str, Any]) -> AuditPlan:
    plan = AuditPlan.from_json({n: v for n, v in stored.items() if n not in ("digest", "claim", "limit")})
    if plan.digest() != stored["digest"]:
        raise CheckFailed("the plan does not have the digest that is stated")
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

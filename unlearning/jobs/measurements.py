"""Audit results as JSON values of the evidence document."""

from dataclasses import asdict
from typing import Any

from audits.evidence.canonical import finite
from audits.verification.protocol import AuditResult, DistanceResult, MembershipResult
from audits.verification.statistics import Detection, Interval


def audit_as_json(result: AuditResult) -> dict[str, Any]:
    """Every number of a check; unbounded ends of intervals become null."""
    return {
        "plan": result.plan_digest,
        "pairs": result.pairs,
        "subjects": result.subjects,
        "membership": [_membership(member) for member in result.membership],
        "distances": [_distance(distance) for distance in result.distances],
        "detected": result.detected,
        "histogram": asdict(result.histogram),
    }


def _membership(member: MembershipResult) -> dict[str, Any]:
    return {
        "name": member.name,
        "before": member.before,
        "after": member.after,
        "reference_mean": member.reference_mean,
        "reference_sd": member.reference_sd,
        "control": _detection(member.control) | {"adjusted_p": member.control_p},
        "detection": _detection(member.detection),
        "influence": _interval(member.influence),
        "power": member.power,
        "attack_auc": _interval(member.attack_auc),
        "auc_detection": _detection(member.auc_detection),
        "attack_tpr": _interval(member.attack_tpr),
        "tpr_detection": _detection(member.tpr_detection),
    }


def _distance(distance: DistanceResult) -> dict[str, Any]:
    return asdict(distance) | {"detection": _detection(distance.detection)}


def _detection(detection: Detection) -> dict[str, float]:
    return {"t": detection.t, "p": detection.p, "rank_p": detection.rank_p}


def _interval(interval: Interval) -> dict[str, float | None]:
    return {
        "estimate": finite(interval.estimate),
        "low": finite(interval.low),
        "high": finite(interval.high),
        "confidence": interval.confidence,
    }

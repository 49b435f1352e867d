"""What a report says in words, in the language that is active; every sentence follows from the document."""

from collections import Counter
from typing import Any

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from audits.reports import numbers
from audits.verification.plan import CERTIFICATION, FULL, QUICK, STANDARD
from audits.verification.reason import IN_WORDS, REPEATED, Because

_MOST_NAMES = 3
"""Of tests, within a sentence."""

TITLES = {"erase": _("Evidence of erasure"), "unshare": _("Evidence of unsharing")}

CONCLUSIONS = {
    "exact": _(
        "The model was trained again without the withdrawn data; the result is the model that never had it, "
        "and its digest can be recomputed."
    ),
    "equivalent": _(
        "The influence of the withdrawn data was removed from the model: what is left lies within the margin "
        "agreed beforehand, and no test that was run tells the model from one that never saw the data."
    ),
    "certified": _(
        "Taken alone, the withdrawn data could not be found even in a model that knew it. The way of forgetting that "
        "was used is certified on this model: what it leaves of requests of this kind lies within the margin."
    ),
}

CONCLUSION_NAMES = {"exact": _("exact"), "equivalent": _("equivalent"), "certified": _("certified")}

LIMITS = {
    "exact": _(
        "The claim rests on what was run (code, configuration, seed and data roots below), not on a test. It "
        "covers the model named here, not copies or recommendations handed out earlier."
    ),
    "equivalent": _(
        "The claim is statistical and holds for the attacks that were run, at the margin and assurance level "
        "stated. It is an interim effect; retraining makes it exact. It covers the model named here, not copies "
        "or recommendations handed out earlier."
    ),
    "certified": _(
        "The check of this one request proves nothing by itself; the claim is the certification's, which is a report "
        "of its own and about the method. It is an interim effect; retraining makes it exact."
    ),
}

CHECK_BESIDE_EXACT = {
    "removed_within_margin": _("A check was run as well, and agrees: removed within margin."),
    "residual_influence": _("A check was run as well, and objects: residual influence. See below."),
    "over_forgotten": _("A check was run as well, and objects: over-forgotten. See below."),
    "inconclusive": _("A check was run as well; it was inconclusive, so it neither confirms the claim nor objects."),
    "not_testable": _(
        "No check of this request could tell anything: even a model that knew the data would not show it."
    ),
}
"""Beside the limits of an exact conclusion: what the last check found."""

VERDICTS = {
    "removed_within_margin": _("removed within margin"),
    "residual_influence": _("residual influence"),
    "over_forgotten": _("over-forgotten"),
    "inconclusive": _("inconclusive"),
    "not_testable": _("not testable"),
}

STRATEGIES = {
    "contrastive": _("contrastive unlearning"),
    "retrain": _("retraining without the data"),
}

REGIMES = {"gdpr": _("GDPR"), "ccpa": _("CCPA")}

KINDS = {"erase": _("erasure"), "unshare": _("unsharing")}

STATES = {
    "received": _("received"),
    "identity_pending": _("identity pending"),
    "accepted": _("accepted"),
    "scheduled": _("scheduled"),
    "unlearning": _("unlearning"),
    "verifying": _("verifying"),
    "completed": _("completed"),
    "refused": _("refused"),
    "on_hold": _("on hold"),
    "cancelled": _("cancelled"),
    "needs_attention": _("needs attention"),
}

EVENTS = {
    "received": _("request received"),
    "rows_removed": _("records left the live tables"),
    "scheduled": _("given to a job"),
    "plan_frozen": _("plan of the check frozen and logged"),
    "forgotten": _("model made to forget"),
    "checked": _("model checked"),
    "replaced": _("new model serves"),
    "destroyed": _("old model, sealed records and keys destroyed"),
    "completed": _("request completed"),
    "taken_in": _("taken in by hand"),
    "identity_asked": _("requester asked who they are"),
    "identity_verified": _("requester's identity established"),
    "held": _("put on hold"),
    "released": _("let go on"),
    "extended": _("period extended"),
    "merged": _("a second submission of the same request merged"),
}

MANNERS = {
    "api": _("API"),
    "subject_page": _("page for the customer"),
    "opendsr": _("OpenDSR"),
    "shopify": _("Shopify"),
    "hubspot": _("HubSpot"),
    "drop": _("California's DROP"),
    "drp": _("Data Rights Protocol"),
    "desk": _("letter, e-mail, telephone or in person"),
    "replay": _("repeated after a restore"),
}

SCOPES = {
    "all": _("everything that was shared"),
    "ratio": _("what the new share ratio no longer covers"),
    "items": _("some items"),
    "categories": _("some categories of items"),
    "dates": _("a span of time"),
}

EXTENSIONS = {
    "complexity": _("complexity of the request"),
    "number_of_requests": _("number of requests"),
}

DENIALS = {
    "not_held": _("no data of the requester is held"),
    "identity": _("requester not identified, GDPR art. 12(2) and (6)"),
    "excessive": _("unfounded or excessive, GDPR art. 12(5)(b)"),
    "no_ground": _("no ground for erasure, GDPR art. 17(1)"),
    "expression": _("freedom of expression, GDPR art. 17(3)(a)"),
    "legal_obligation": _("legal obligation or public task, GDPR art. 17(3)(b)"),
    "public_health": _("public health, GDPR art. 17(3)(c)"),
    "archiving": _("archiving, research or statistics, GDPR art. 17(3)(d)"),
    "legal_claims": _("legal claims, GDPR art. 17(3)(e)"),
    "ca_transaction": _("completing the transaction, Cal. Civ. Code § 1798.105(d)(1)"),
    "ca_security": _("security and integrity, Cal. Civ. Code § 1798.105(d)(2)"),
    "ca_debugging": _("debugging, Cal. Civ. Code § 1798.105(d)(3)"),
    "ca_speech": _("free speech, Cal. Civ. Code § 1798.105(d)(4)"),
    "ca_communications": _("Electronic Communications Privacy Act, Cal. Civ. Code § 1798.105(d)(5)"),
    "ca_research": _("research in the public interest, Cal. Civ. Code § 1798.105(d)(6)"),
    "ca_internal": _("expected internal uses, Cal. Civ. Code § 1798.105(d)(7)"),
    "ca_legal": _("legal obligation, Cal. Civ. Code § 1798.105(d)(8)"),
    "ca_unverified": _("requester not verified, 11 CCR § 7022(a)"),
}
"""Grounds of a refusal."""

DESTROYED = {
    "model_version": _("model version"),
    "forget_set": _("sealed records of this request"),
    "subject_keys": _("identity digests and keys of subjects"),
}

DESTRUCTION = {"deleted": _("deleted"), "key_destroyed": _("key destroyed, content unreadable")}

STATISTICS = {
    "fold_in_on_item_rows": _("Fold-in, item rows"),
    "fold_in_on_item_views": _("Fold-in, item views"),
    "neighbours_on_item_rows": _("Similar items, item rows"),
    "pairs_on_rows": _("Pairs, own rows"),
    "pairs_on_views": _("Pairs, views"),
}

ATTACK_NAMES = {
    "lira": _("likelihood ratio (LiRA)"),
    "lira_per_example": _("LiRA, spread of each pair"),
    "population": _("population (RMIA)"),
    "u_lira": _("likelihood ratio on unlearned models (U-LiRA)"),
}

DISTANCES = {
    "procrustes_residual": _("Procrustes residual"),
    "cosine_structure": _("Cosines to other items"),
    "neighbours_changed": _("Nearest items (Jaccard distance)"),
    "energy_distance": _("Energy distance"),
    "mmd": _("Maximum mean discrepancy"),
}

ATTACK_CLASSES = {
    "membership_inference": _("Membership inference"),
    "attribute_inference": _("Attribute inference"),
    "model_inversion": _("Model inversion"),
    "reconstruction": _("Reconstruction"),
    "exfiltration": _("Exfiltration"),
    "regurgitation": _("Regurgitation of training data"),
}

ATTACK_STATUS = {
    "run": _("run: {attacks}, on {statistics}"),
    "not_run": _("not run"),
    "not_applicable": _("not applicable: the model has no generative output"),
}

LEVELS = {
    level.name: (name, claim, limit)
    for level, name, claim, limit in (
        (QUICK, _("quick"), _(QUICK.claim), _(QUICK.limit)),
        (STANDARD, _("standard"), _(STANDARD.claim), _(STANDARD.limit)),
        (FULL, _("full"), _(FULL.claim), _(FULL.limit)),
        (CERTIFICATION, _("certification"), _(CERTIFICATION.claim), _(CERTIFICATION.limit)),
    )
}
"""Name, claim and limit of each."""

CELLS = {
    ("erase", "subject"): _("one subject, erased"),
    ("unshare", "subject"): _("one subject, unsharing"),
    ("erase", "tenth"): _("a tenth of the subjects, erased"),
    ("unshare", "tenth"): _("a tenth of the subjects, unsharing"),
}

PROVISIONS = {
    "GDPR art. 5(2)": _("The controller can demonstrate what was done."),
    "GDPR art. 7(1)": _("The controller can demonstrate the consent."),
    "GDPR art. 7(3)": _("Consent can be withdrawn at any time."),
    "GDPR art. 12(3)": _("Answered within one month."),
    "GDPR art. 12(4)": _("Reasons, where no action is taken."),
    "GDPR art. 17(1)(b)": _("Erased once the consent is withdrawn."),
    "GDPR art. 19": _("Recipients are told."),
    "Cal. Civ. Code § 1798.105(c)": _("Deleted, and those told who had received it."),
    "Cal. Civ. Code § 1798.130(a)(2)": _("Answered within 45 days."),
    "11 CCR § 7022(b)": _("Permanently erased from existing systems."),
    "11 CCR § 7101": _("Date, nature and manner of request and response; basis of a denial."),
}


def attacks(document: dict[str, Any], plan: dict[str, Any] | None) -> list[tuple[str, str]]:
    """Every attack class, and what was done about it; of those that were run, which attacks on what."""
    names = [str(ATTACK_NAMES[name]) for name in plan["attacks"]] if plan else []
    statistics = [str(STATISTICS[name]) for name in plan["statistics"]] if plan else []
    return [
        (
            str(label),
            str(ATTACK_STATUS[document["attacks"][name]]).format(
                attacks=", ".join(names), statistics="; ".join(statistics)
            ),
        )
        for name, label in ATTACK_CLASSES.items()
    ]


def provision(name: str) -> str:
    """A provision as the language cites it."""
    return name.replace("GDPR art.", gettext("GDPR art."))


def reason(stored: dict[str, Any]) -> str:
    """Why a check ended as it did."""
    margin, power, models = stored["margin"], stored["power"], stored["models"]
    text = gettext(IN_WORDS[Because(stored["code"])]).format(
        names=_listed([_test_name(name) for name in stored["names"]]),
        margin="" if margin is None else numbers.short(margin),
        power="" if power is None else numbers.percent(power),
    )
    return text if models is None else gettext(REPEATED).format(models=models, rest=text)


def reading_of_ladder(document: dict[str, Any]) -> str:
    """How the request came to its conclusion."""
    rungs = document["ladder"]
    first, last = rungs[0], rungs[-1]
    if len(rungs) == 1:
        return gettext("The first strategy, {strategy}, reached the conclusion.").format(
            strategy=STRATEGIES[first["strategy"]]
        )
    return gettext(
        "The check after {first} found: {verdict}. So the request went on to {last}, which is exact by construction."
    ).format(first=STRATEGIES[first["strategy"]], verdict=VERDICTS[first["verdict"]], last=STRATEGIES[last["strategy"]])


def certification_sentence(document: dict[str, Any]) -> str:
    """One sentence for the cover of a certification."""
    held = sum(cell["verdict"] == "removed_within_margin" for cell in document["cells"])
    return gettext(
        "{strategy} removed the data's influence within the margin in {held} of {cells} kinds and sizes of request, "
        "over many models. A kind of request is certified where that holds for every size."
    ).format(strategy=_capital(str(STRATEGIES[document["strategy"]])), held=held, cells=len(document["cells"]))


def batch_sentence(document: dict[str, Any]) -> str:
    """One sentence for the cover of a batch."""
    ended = Counter(request["conclusion"] for request in document["requests"])
    concluded = ", ".join(f"{number} {CONCLUSION_NAMES[name]}" for name, number in sorted(ended.items()))
    checked = Counter(request["verdict"] for request in document["requests"])
    verdicts = ", ".join(f"{number} {VERDICTS[name]}" for name, number in sorted(checked.items()))
    return gettext(
        "Conclusions: {concluded}. Last checks: {verdicts}. New versions of {recommender}: {versions}; the one before "
        "is destroyed."
    ).format(
        concluded=concluded,
        verdicts=verdicts,
        recommender=document["recommender"],
        versions=len(document["versions"]),
    )


def register_sentence(document: dict[str, Any]) -> str:
    """One sentence for the cover of a register."""
    totals = document["totals"]
    received = ngettext("{n} request was received", "{n} requests were received", totals["received"])
    answered = ngettext("{n} was answered", "{n} were answered", totals["answered"])
    late = ngettext("{n} later than the law allows", "{n} later than the law allows", totals["late"])
    return (
        f"{received.format(n=totals['received'])}, {answered.format(n=totals['answered'])}, "
        + (gettext("none later than the law allows") if not totals["late"] else late.format(n=totals["late"]))
        + "."
    )


def _listed(names: list[str]) -> str:
    """The first few, and how many more."""
    shown = "; ".join(names[:_MOST_NAMES])
    more = len(names) - _MOST_NAMES
    return shown if more <= 0 else gettext("{shown}; and {n} more").format(shown=shown, n=more)


def _test_name(name: str) -> str:
    """A test's name as `Measured.trials` gives it: a statistic, an attack's on a statistic, or a distance."""
    if name in STATISTICS or name in DISTANCES:
        return str(STATISTICS.get(name) or DISTANCES[name])
    for attack in sorted(ATTACK_NAMES, key=len, reverse=True):
        for figure in ("auc", "tpr"):
            prefix = f"{attack}_{figure}_"
            if name.startswith(prefix):
                return f"{figure.upper()}: {ATTACK_NAMES[attack]}, {STATISTICS[name.removeprefix(prefix)]}"
    return name


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

"""Names of states, kinds and the rest, in the language that is active."""

from datetime import date, timedelta

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audits.reports import wording
from unlearning.jobs.troubles import translated
from unlearning.requests import deadlines
from unlearning.requests.models import Request

register = template.Library()


@register.filter
def state_name(state: str) -> str | Promise:
    """Of a request's state."""
    return wording.STATES[state]


@register.filter
def kind_name(kind: str) -> str | Promise:
    """Of a request's kind."""
    return wording.KINDS[kind]


@register.filter
def title_of(kind: str) -> str:
    """Of a request's kind, as a heading has it."""
    return {"erase": _("Erasure"), "unshare": _("Unsharing")}[kind]


@register.filter
def conclusion_name(conclusion: str | None) -> str | Promise:
    """Of a request's conclusion; a dash where there is none."""
    return wording.CONCLUSION_NAMES[conclusion] if conclusion else "–"


@register.filter
def verdict_name(verdict: str) -> str | Promise:
    """Of a check's verdict; a dash where there is none."""
    return wording.VERDICTS.get(verdict, "–")


@register.filter
def method_name(method: str) -> str | Promise:
    """How a version came to be."""
    return wording.STRATEGIES.get(method) or _("training")


@register.filter
def regime_name(regime: str) -> str | Promise:
    """Of a regime."""
    return wording.REGIMES[regime]


@register.filter
def ground_name(ground: str) -> str | Promise:
    """Of a legal ground."""
    return wording.DENIALS[ground]


@register.filter
def delivery_name(state: str) -> str:
    """Of a delivery's state."""
    return {"pending": _("pending"), "delivered": _("delivered"), "failed": _("failed")}[state]


@register.filter
def cause(trouble: str) -> str:
    """Why a job failed."""
    return translated(trouble)


@register.filter
def job_state_name(state: str) -> str:
    """Of a job's state."""
    return {
        "queued": _("queued"),
        "running": _("running"),
        "paused": _("paused"),
        "done": _("done"),
        "needs_attention": _("needs attention"),
        "cancelled": _("cancelled"),
    }[state]


@register.filter
def access_name(what: str) -> str:
    """What a line of the access log says."""
    return {
        "view": _("looked at a subject"),
        "search": _("looked an identity up"),
        "export": _("exported what is held"),
        "link": _("made a link to their page"),
        "take_in": _("took a request of theirs in"),
        "setting": _("changed a setting"),
    }[what]


@register.filter
def last_day(request: Request) -> date:
    """The last day of its period."""
    return deadlines.last_day(request)


@register.filter
def days_over(left: int) -> int:
    """How many days a period is over."""
    return -left


@register.filter
def in_words(span: timedelta | float | None) -> str:
    """A span of time, coarse: seconds under two minutes, minutes under two hours, hours under two days, then days."""
    if span is None:
        return "–"
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    for limit, unit, words in (
        (120, 1, lambda n: ngettext("{n} second", "{n} seconds", n)),
        (7200, 60, lambda n: ngettext("{n} minute", "{n} minutes", n)),
        (2 * 86400, 3600, lambda n: ngettext("{n} hour", "{n} hours", n)),
    ):
        if seconds < limit:
            n = round(seconds / unit)
            return words(n).format(n=n)
    n = round(seconds / 86400)
    return ngettext("{n} day", "{n} days", n).format(n=n)

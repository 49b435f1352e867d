"""What goes in and out."""

from typing import Any, NoReturn

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from unlearning.requests.models import Request

_MAX_SUBJECTS = 1000


def _printable(name: object) -> str:
    """A field's name as an answer may carry it."""
    return str(name)[:60].encode("ascii", "backslashreplace").decode()


class _Strict(serializers.Serializer):
    """Refuses fields that it does not know, so that a misspelt one is not silently lost."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := set(data) - set(self.fields)):
            raise serializers.ValidationError(
                {name: ["Unknown field: remove it."] for name in sorted(_printable(name) for name in unknown)}
            )
        return super().to_internal_value(data)


class _Identity(serializers.CharField):
    """What the CRM knows a customer by; looked up by keyed digest, never stored or logged."""

    def __init__(self, **kwargs: Any):
        super().__init__(max_length=200, help_text="The customer's id or e-mail, as it was registered", **kwargs)


class _Choice(serializers.ChoiceField):
    """One of a few words; the answer to another lists them and does not repeat it."""

    def fail(self, key: str, **kwargs: Any) -> NoReturn:
        """See `Field.fail`."""
        raise serializers.ValidationError(f"Not a valid choice: give one of {', '.join(map(str, self.choices))}.")


class ErasureIn(_Strict):
    """An erasure of one or more subjects."""

    kind = _Choice(choices=[Request.Kind.ERASE], help_text="`erase`; unsharing is done by moving the slider")
    subjects = serializers.ListField(child=_Identity(), min_length=1, max_length=_MAX_SUBJECTS)
    regime = _Choice(choices=Request.Regime.choices, default=Request.Regime.GDPR)
    external_id = serializers.CharField(max_length=100, help_text="Your id of the request; a repeat finds the first")

    def validate_subjects(self, subjects: list[str]) -> list[str]:
        """Each subject once."""
        if len(set(subjects)) != len(subjects):
            raise serializers.ValidationError("A subject stands twice: name each once.")
        return subjects


class ConsentIn(_Strict):
    """A customer's new share ratio."""

    subject = _Identity()
    share_percent = serializers.IntegerField(min_value=0, max_value=100, help_text="The slider, in percent")
    channel = serializers.CharField(max_length=40, default="crm")
    regime = _Choice(choices=Request.Regime.choices, default=Request.Regime.GDPR)
    external_id = serializers.CharField(max_length=100, help_text="Your id of the change; a repeat finds the first")


class JobOut(serializers.Serializer):
    """How far the work on a request is."""

    phase = serializers.CharField()
    progress = serializers.FloatField(help_text="Of the phase, 0 to 1")
    trouble = serializers.CharField(help_text="Why the last attempt failed; empty if none did")


class RequestOut(serializers.ModelSerializer):
    """A request and its state."""

    job = serializers.SerializerMethodField()
    subjects = serializers.SerializerMethodField(help_text="How many subjects it concerns")
    evidence = serializers.SerializerMethodField(help_text="Address of the signed PDF, once it is there")

    class Meta:
        model = Request
        fields = [
            "id",
            "external_id",
            "kind",
            "regime",
            "state",
            "conclusion",
            "subjects",
            "share_percent_before",
            "share_percent_after",
            "received_at",
            "due_at",
            "rows_removed",
            "rows_removed_at",
            "completed_at",
            "job",
            "evidence",
        ]

    @extend_schema_field(JobOut(allow_null=True))
    def get_job(self, request: Request) -> Any:
        """Progress, or nothing before planning."""
        return JobOut(request.job).data if request.job else None

    def get_subjects(self, request: Request) -> int:
        """Their number."""
        return request.subjects.count()

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_evidence(self, request: Request) -> str | None:
        """The address."""
        return reverse("api:evidence", args=[request.pk]) if request.evidence and request.evidence.report() else None


class ConsentOut(serializers.Serializer):
    """What a move of the slider led to."""

    share_percent = serializers.IntegerField()
    request = RequestOut(allow_null=True, help_text="The unshare request that it opened, if it uncovered anything")


class ProblemOut(serializers.Serializer):
    """RFC 9457 problem details."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(required=False)
    errors = serializers.ListField(child=serializers.DictField(child=serializers.CharField()), required=False)

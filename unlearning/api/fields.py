"""Fields and serializers that several resources share."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from unlearning.lineage.subjects import HASHED, RAW, Identity, Named

_EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)
_LEEWAY = timedelta(minutes=5)
_KIND = re.compile(r"[a-z][a-z0-9_]{0,39}(:[a-z0-9._-]{1,100})?")
_HEX = re.compile(r"[0-9a-f]+")
_MAX_IDENTITY = 200
FORMS = (RAW, *HASHED)


class Strict(serializers.Serializer):
    """Refuses fields that it does not know, so that a misspelt one is not silently lost."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := set(data) - set(self.fields)):
            raise serializers.ValidationError(
                {name: ["Unknown field: remove it."] for name in sorted(_printable(name) for name in unknown)}
            )
        return super().to_internal_value(data)


class Choice(serializers.ChoiceField):
    """One of a few words; the answer to another lists them and does not repeat it."""

    def fail(self, key: str, **kwargs: Any) -> NoReturn:
        """See `Field.fail`."""
        raise serializers.ValidationError(f"Not a valid choice: give one of {', '.join(map(str, self.choices))}.")


class IdentityField(serializers.CharField):
    """What a customer is registered under; kept as a keyed digest, never stored or logged."""

    def __init__(self, **kwargs: Any):
        kwargs.setdefault("help_text", "The customer's id or e-mail address, as it was registered")
        super().__init__(max_length=_MAX_IDENTITY, **kwargs)


class Identifier(Strict):
    """A further identifier of a customer."""

    type = serializers.RegexField(
        f"^{_KIND.pattern}$",
        max_length=150,
        help_text="`email`, `phone`, `shopify:shop.example`, `hubspot:portal`, or your own",
    )
    value = serializers.CharField(max_length=_MAX_IDENTITY)
    format = Choice(choices=FORMS, default=RAW, help_text="`raw`, or how the value was hashed (hexadecimal)")

    def validate(self, given: dict[str, str]) -> Named:
        """The identifier."""
        form, value = given["format"], given["value"].strip().lower()
        if form != RAW and not (_HEX.fullmatch(value) and len(value) == HASHED[form]().digest_size * 2):
            raise serializers.ValidationError({"value": f"This is no {form} in hexadecimal."})
        return Named(given["type"], value, form)


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "minLength": 1, "maxLength": _MAX_IDENTITY},
            {
                "type": "object",
                "properties": {
                    "type": {"type": "string", "pattern": f"^{_KIND.pattern}$", "maxLength": 150},
                    "value": {"type": "string", "minLength": 1, "maxLength": _MAX_IDENTITY},
                    "format": {"type": "string", "enum": list(FORMS), "default": RAW},
                },
                "required": ["type", "value"],
                "additionalProperties": False,
            },
        ]
    }
)
class Who(serializers.Field):
    """A customer: the identity that they were registered under, or a further identifier."""

    def __init__(self, **kwargs: Any):
        kwargs.setdefault("help_text", "The customer's id as it was registered, or one of their identifiers")
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Identity:
        """See `Field.to_internal_value`."""
        if isinstance(data, dict):
            return Identifier().run_validation(data)
        return IdentityField().run_validation(data)


class Moment(serializers.DateTimeField):
    """A moment that has come: ISO 8601, from 1980 on, with its offset or in UTC."""

    def to_internal_value(self, value: Any) -> datetime:
        """See `Field.to_internal_value`."""
        try:
            moment = super().to_internal_value(value)
        except OverflowError:
            raise serializers.ValidationError("This moment lies before 1980.") from None
        if moment < _EARLIEST:
            raise serializers.ValidationError("This moment lies before 1980.")
        if moment > timezone.now() + _LEEWAY:
            raise serializers.ValidationError("This moment lies in the future (is its offset right?).")
        return moment


class ExternalId(serializers.CharField):
    """The sender's own id, which is kept as it is: so nothing that tells of a person may stand in it."""

    def __init__(self, **kwargs: Any):
        kwargs.setdefault("help_text", "Your id: a ticket number, never a name or an address; a repeat finds the first")
        super().__init__(max_length=100, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        """See `Field.to_internal_value`."""
        value = super().to_internal_value(data)
        if "@" in value:
            raise serializers.ValidationError("This looks like an address, and is kept: give a ticket number.")
        return value


class ProblemOut(serializers.Serializer):
    """RFC 9457 problem details."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(required=False)
    errors = serializers.ListField(child=serializers.DictField(child=serializers.CharField()), required=False)


def _printable(name: object) -> str:
    """A field's name as an answer may carry it."""
    return str(name)[:60].encode("ascii", "backslashreplace").decode()

"""Reading bodies: strict JSON, of a size that can be answered for."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

from unlearning import strict_json


class TooLarge(APIException):
    """413: more than is read."""

    status_code = 413

    def __init__(self, most: int):
        super().__init__(f"The body is larger than {most:,} bytes: send it in parts, or import a file.")


class StrictJsonParser(BaseParser):
    """JSON in UTF-8 (RFC 8259), each name once; what Python alone would take is malformed."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """See `BaseParser.parse`."""
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        content = stream.read(most + 1)
        if len(content) > most:
            raise TooLarge(most)
        if parser_context and "request" in parser_context:
            parser_context["request"].raw = content  # to know a repeated request by
        charset = (parser_context or {}).get("encoding", "utf-8").lower()
        if media_type and "charset" in media_type and charset not in ("utf-8", "utf8"):
            raise ParseError("The body must be in UTF-8.")
        try:
            return strict_json.parse(content)
        except strict_json.Malformed as malformed:
            raise ParseError(f"JSON parse error: {malformed}.") from None

"""Reading bodies."""

from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class FlatJsonParser(JSONParser):
    """JSON; a body that is nested beyond what Python can follow is malformed, not our mistake."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        """See `BaseParser.parse`."""
        try:
            return super().parse(*args, **kwargs)
        except RecursionError:
            raise ParseError("JSON parse error: nested too deeply") from None

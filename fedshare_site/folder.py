"""kombu's filesystem transport, with messages and bindings that nobody reads half-written.

kombu opens a message under its final name and fills it then, so that a worker which lists the folder in between takes
an empty file, and ends. Here a message gets its name once it is whole. (kombu 5.7.0, `kombu.transport.filesystem`.)
"""

import logging
import os
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps

logger = logging.getLogger(__name__)

_TRIES, _PAUSE = 40, 0.05
"""For bindings, which another process writes within a moment; seconds."""


class Channel(filesystem.Channel):
    """As kombu's, but for how files come to be."""

    def _put(self, queue: str, payload: dict[str, Any], **kwargs: Any) -> None:
        """Put a message onto a queue."""
        name = f"{round(time.monotonic() * 1000)}_{uuid4()}"
        folder = Path(self.data_folder_out)
        part = folder / f"{name}.part"  # ends like no queue's message
        part.write_text(dumps(payload))
        os.replace(part, folder / f"{name}.{queue}.msg")

    def _get(self, queue: str) -> Any:
        """The next message; one that is none, such as a file that a power cut emptied, is passed over."""
        while True:
            try:
                message = super()._get(queue)
            except ValueError as error:
                logger.error("a message of %s was no JSON and is lost, its work is not: %s", queue, error)
                continue
            if isinstance(message, dict) and isinstance(message.get("properties"), dict) and "body" in message:
                return message
            logger.error("a message of %s was none and is lost, its work is not", queue)

    def _queue_bind(self, *args: Any) -> None:
        """Bind a queue; where another process is just writing the table, once more."""
        _whole(super()._queue_bind, *args)

    def get_table(self, exchange: str) -> Any:
        """The bindings of an exchange."""
        return _whole(super().get_table, exchange)


class Transport(filesystem.Transport):
    """What `filesystem://` means here."""

    Channel = Channel


def use() -> None:
    """Let `filesystem://` mean this transport, for every connection of this process."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:{Transport.__name__}"


def _whole(read: Any, *args: Any) -> Any:
    for _ in range(_TRIES):
        try:
            return read(*args)
        except ValueError:  # not JSON yet
            time.sleep(_PAUSE)
    return read(*args)

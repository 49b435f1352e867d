"""POSTing to somebody else's address: to the address that was checked, and wherever it points no further."""

import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Event, Timer
from urllib.parse import urlsplit

from unlearning.webhooks.addresses import Target, resolve

_TIMEOUT_SECONDS = 10
"""Of silence."""
_MOST_SECONDS = 30
"""For all of it: a receiver that sends a byte now and then is never silent."""


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """The status of the answer. Redirects are not followed.

    Raises:
        Forbidden: the address is not public.
        OSError, http.client.HTTPException: there was no answer.
    """
    target = resolve(url)
    connection = _connection(target)
    try:
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        with _ended_after(connection, _MOST_SECONDS):
            connection.request("POST", path, body, {"Host": parts.netloc, **headers})
            return connection.getresponse().status  # what else it says is of no interest
    finally:
        connection.close()


@contextmanager
def _ended_after(connection: http.client.HTTPConnection, seconds: float) -> Iterator[None]:
    over = Event()

    def end() -> None:
        over.set()
        with suppress(OSError):  # it has ended by itself
            if connection.sock is not None:
                connection.sock.shutdown(socket.SHUT_RDWR)

    timer = Timer(seconds, end)
    timer.start()
    try:
        yield
        if over.is_set():  # what was cut off looks like an answer
            raise TimeoutError
    finally:
        timer.cancel()


def _connection(target: Target) -> http.client.HTTPConnection:
    if target.scheme == "http":
        return http.client.HTTPConnection(target.address, target.port, timeout=_TIMEOUT_SECONDS)
    return _PinnedHttps(target)


class _PinnedHttps(http.client.HTTPSConnection):
    """TLS to a checked address, under the name that was asked for."""

    def __init__(self, target: Target):
        context = ssl.create_default_context()
        super().__init__(target.address, target.port, timeout=_TIMEOUT_SECONDS, context=context)
        self._name, self._tls = target.host, context

    def connect(self) -> None:
        """See `HTTPConnection.connect`."""
        http.client.HTTPConnection.connect(self)
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._name)

"""A customer's endpoint: a small real server that remembers what it was sent."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """What it answers, and what it was sent."""

    url: str = ""
    status: int = 200
    location: str | None = None
    received: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A server on a loopback port, while the block runs."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            receiver.received.append((self.path, dict(self.headers), body))
            self.send_response(receiver.status)
            if receiver.location:
                self.send_header("Location", receiver.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def dripping() -> Iterator[str]:
    """The address of a server whose answer never ends, and never falls silent."""
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as thread:

        def drip() -> None:
            connection, _ = listening.accept()
            with connection, suppress(OSError):  # until the other side has gone
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-Header: ")
                while True:
                    connection.sendall(b"x")
                    time.sleep(0.1)

        thread.submit(drip)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/hook"

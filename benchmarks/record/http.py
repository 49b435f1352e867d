"""Requests over HTTP: a real web server, several clients, erasures of one customer each."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import psutil

from benchmarks.record import data
from benchmarks.report import Figure
from fedshare_site.demo.processes import free_port
from unlearning.api.clients import give_credentials

_WORKERS = 2
_THREADS = 8
_AT_ONCE = 16
_START_SECONDS = 60
_IDLE = 0.1
"""Of a second."""


@dataclass
class Load:
    """What came of it."""

    requests: int
    errors: int
    seconds: float
    p50: float
    p99: float
    memory: list[int]
    """Of the web server's processes in bytes, once a second."""


def figures(subjects: int, seconds: float) -> Iterator[Figure]:
    """Send for so long, an erasure of another customer each time."""
    with _server() as (port, server):
        load = asyncio.run(_send(port, server, _token(f"http://127.0.0.1:{port}"), subjects, seconds))
    rate = load.requests / load.seconds
    yield Figure(
        f"erasures accepted over HTTP in a second, over {load.seconds:.0f} s", f"{rate:,.0f}", "≥ 300", rate >= 300
    )
    yield Figure(
        "their time, p99 (median)", f"{1000 * load.p99:.0f} ms ({1000 * load.p50:.0f} ms)", "≤ 100 ms", load.p99 <= 0.1
    )
    yield Figure("errors among them", f"{load.errors} of {load.requests:,}", "0", load.errors == 0)
    quarter = max(1, len(load.memory) // 4)
    early, late = load.memory[quarter : 2 * quarter] or load.memory, load.memory[-quarter:]
    growth = (sum(late) / len(late)) / (sum(early) / len(early))
    yield Figure(
        "the web server's memory in the last quarter, of that in the second", f"{growth:.3f}", "≤ 1.02", growth <= 1.02
    )


@contextmanager
def _server() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    port = free_port(8765)
    command = [
        sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", str(_WORKERS),
        "--threads", str(_THREADS), "--keep-alive", "30", "--log-level", "error", "fedshare_site.wsgi:application",
    ]  # fmt: skip
    server = subprocess.Popen(command, env=os.environ | {"FEDSHARE_RATE": "0", "OMP_NUM_THREADS": "1"})
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{address}/api/v1/requests", timeout=5)
                break
            except httpx.TransportError:
                time.sleep(0.2)
        # One of them answers while others still load what they need.
        while time.monotonic() < deadline and _busy(server) > _IDLE:
            pass
        yield port, server
    finally:
        server.terminate()
        server.wait(10)


def _busy(server: subprocess.Popen[bytes]) -> float:
    """How much of the processor the workers take in a second."""

    def spent() -> float:
        return sum(sum(child.cpu_times()[:2]) for child in psutil.Process(server.pid).children())

    before = spent()
    time.sleep(1)
    return spent() - before


def _token(address: str) -> str:
    client_id, secret = give_credentials("load")
    form = {"grant_type": "client_credentials", "scope": "requests:write"}
    return httpx.post(f"{address}/oauth/token/", data=form, auth=(client_id, secret)).json()["access_token"]


async def _send(port: int, server: subprocess.Popen[bytes], token: str, subjects: int, seconds: float) -> Load:
    """Over plain sockets: a client library would take more of the processor than the service does."""
    numbers = iter(range(subjects))
    times: list[float] = []
    errors = 0
    end = time.perf_counter() + seconds

    async def one_client() -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            if time.perf_counter() > end:
                break
            body = {"kind": "erase", "subjects": [data.identity(number)], "external_id": f"load-{number}"}
            began = time.perf_counter()
            status = await _post(reader, writer, token, json.dumps(body).encode())
            times.append(time.perf_counter() - began)
            errors += status != 202
        writer.close()

    memory: list[int] = []
    watch = asyncio.create_task(_watch(server.pid, memory))
    began = time.perf_counter()
    await asyncio.gather(*(one_client() for _ in range(_AT_ONCE)))
    took = time.perf_counter() - began
    watch.cancel()
    times.sort()
    return Load(len(times), errors, took, times[len(times) // 2], times[int(0.99 * len(times))], memory)


async def _post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str, body: bytes) -> int:
    writer.write(
        f"POST /api/v1/requests HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    length = next(line for line in head.lower().split("\r\n") if line.startswith("content-length:"))
    await reader.readexactly(int(length.partition(":")[2]))
    return int(head.split(" ", 2)[1])


async def _watch(pid: int, memory: list[int]) -> None:
    parent = psutil.Process(pid)
    while True:
        await asyncio.sleep(1)
        memory.append(sum(child.memory_info().rss for child in parent.children()))

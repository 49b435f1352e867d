"""Many senders and takers over one folder: nothing is read half-written, nothing is taken twice or lost."""

import json
import os
import threading

import pytest
from kombu import Connection, Exchange, Queue

from fedshare_site import folder as folder_transport

SENDERS, EACH = 4, 150


@pytest.fixture
def connection(tmp_path):
    folder_transport.use()
    for name in ("messages", "control"):
        (tmp_path / name).mkdir()
    options = {
        "data_folder_in": str(tmp_path / "messages"),
        "data_folder_out": str(tmp_path / "messages"),
        "control_folder": str(tmp_path / "control"),
        "store_processed": False,
    }
    return lambda: Connection("filesystem://", transport_options=options)


def test_every_message_is_taken_once_and_whole(connection):
    queue = Queue("q", Exchange("x"), routing_key="q")
    taken, troubles, ends = [], [], threading.Event()

    def send(sender):
        with connection() as link, link.Producer() as producer:
            for number in range(EACH):
                body = {"n": f"{sender}-{number}", "weight": "x" * 20_000}
                producer.publish(body, exchange=queue.exchange, routing_key="q", declare=[queue])

    def take():
        try:
            with connection() as link:
                channel = link.channel()
                bound = queue(channel)
                bound.declare()
                while not ends.is_set() or channel._size("q"):
                    message = bound.get(no_ack=True)
                    if message:
                        taken.append(message.payload["n"])
        except Exception as error:
            troubles.append(error)

    takers = [threading.Thread(target=take) for _ in range(2)]
    senders = [threading.Thread(target=send, args=[sender]) for sender in range(SENDERS)]
    for thread in (*takers, *senders):
        thread.start()
    for thread in senders:
        thread.join()
    ends.set()
    for thread in takers:
        thread.join()
    assert troubles == []
    assert sorted(taken) == sorted(f"{sender}-{number}" for sender in range(SENDERS) for number in range(EACH))


def test_a_message_gets_its_name_once_it_is_whole(connection, tmp_path, monkeypatch):
    queue = Queue("r", Exchange("y"), routing_key="r")  # kombu remembers bindings within a process
    replace, seen = os.replace, []

    def watch(part, name):
        seen.append((json.loads(part.read_text())["properties"] != {}, list((tmp_path / "messages").glob("*.r.msg"))))
        replace(part, name)

    monkeypatch.setattr(folder_transport.os, "replace", watch)
    with connection() as link, link.Producer() as producer:
        producer.publish({"n": 1}, exchange=queue.exchange, routing_key="r", declare=[queue])
    assert seen == [(True, [])]


def test_a_table_that_is_just_written_is_read_again(connection, tmp_path):
    table = tmp_path / "control" / "z.exchange"
    table.write_text("")
    threading.Timer(0.2, table.write_text, ['[["q", "", "q"]]']).start()
    with connection() as link:
        assert [row.queue for row in link.channel().get_table("z")] == ["q"]


@pytest.mark.parametrize("content", ["", "garbage", "[]", "null", '{"body": "x"}'])
def test_what_is_no_message_is_passed_over(connection, tmp_path, content):
    name = f"s{len(content)}"  # kombu remembers bindings within a process
    queue = Queue(name, Exchange(f"w{name}"), routing_key="s")
    with connection() as link, link.Producer() as producer:
        producer.publish({"n": 1}, exchange=queue.exchange, routing_key="s", declare=[queue])
        (tmp_path / "messages" / f"0_poison.{name}.msg").write_text(content)
        taken = queue(link.channel()).get(no_ack=True)
    assert taken.payload == {"n": 1}
    assert list((tmp_path / "messages").iterdir()) == []

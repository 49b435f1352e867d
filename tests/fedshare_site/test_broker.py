"""The settings of each broker; that they work is shown by `make test-faults`."""

import pytest
from celery import current_app
from django.conf import settings

from fedshare_site.broker import DEAD, QUEUES, broker


def test_every_task_has_a_queue_of_its_kind():
    current_app.loader.import_default_modules()
    named = [name for name in current_app.tasks if name.startswith("unlearning.")]
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()} | {settings.CELERY_TASK_DEFAULT_QUEUE}
    assert set(settings.CELERY_TASK_ROUTES) <= set(named)
    assert routed == set(QUEUES)


def test_a_message_reaches_one_queue(tmp_path):
    for url in ("amqp://localhost", "redis://localhost", "filesystem://"):
        queues = broker(url, tmp_path).queues
        assert [queue.name for queue in queues] == list(QUEUES)
        assert len({queue.routing_key for queue in queues}) == len(QUEUES)


def test_what_kills_its_workers_ends_as_a_dead_letter(tmp_path):
    rabbitmq = broker("amqps://broker.example", tmp_path)
    for queue in rabbitmq.queues:
        arguments = queue.queue_arguments
        assert (arguments["x-queue-type"], arguments["x-delivery-limit"]) == ("quorum", 5)
        assert arguments["x-dead-letter-routing-key"] == DEAD
    assert rabbitmq.dead_letters.name == DEAD
    assert rabbitmq.dead_letters.queue_arguments["x-max-length"] == 1000


@pytest.mark.parametrize("url", ["redis://localhost", "filesystem://"])
def test_others_have_no_dead_letters(url, tmp_path):
    assert broker(url, tmp_path).dead_letters is None

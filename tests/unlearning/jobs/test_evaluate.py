"""`manage.py evaluate` as its user meets it."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.django_db


def test_it_finds_what_training_found(recommender):
    out = StringIO()
    call_command("evaluate", "shop", json=True, stdout=out)
    found, at_training = json.loads(out.getvalue()), recommender.serving.metrics
    assert found["popularity"] == pytest.approx(at_training["popularity"])
    assert found["fedshare"] == pytest.approx(at_training["fedshare"])


def test_a_damaged_model_is_refused_and_goes_on_serving_as_it_is(recommender):
    path = Path(storages["artifacts"].path(recommender.serving.artifact))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CommandError, match="SHA-256") as refused:
        call_command("evaluate", "shop", json=True)
    assert refused.value.returncode == 2
    recommender.refresh_from_db()
    assert recommender.serving.destroyed_at is None


def test_without_a_model_it_says_what_to_do():
    with pytest.raises(CommandError, match=r"manage\.py train") as refused:
        call_command("evaluate", "movies")
    assert refused.value.returncode == 2

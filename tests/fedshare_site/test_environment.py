"""Nonsense in the environment is refused where it is read."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from fedshare_site.broker import broker
from fedshare_site.environment import seconds


def test_a_number_in_bounds_is_taken_and_none_is_the_default(monkeypatch):
    monkeypatch.setenv("FEDSHARE_LEASE", "12.5")
    assert seconds("FEDSHARE_LEASE", 120, least=1, most=100) == 12.5
    monkeypatch.setenv("FEDSHARE_LEASE", "")
    assert seconds("FEDSHARE_LEASE", 120, least=1, most=200) == 120


@pytest.mark.parametrize("text", ["0", "-5", "nan", "inf", "1e9", "abc", "1 h"])
def test_other_numbers_are_refused_by_name(monkeypatch, text):
    monkeypatch.setenv("FEDSHARE_LEASE", text)
    with pytest.raises(ImproperlyConfigured, match="FEDSHARE_LEASE: give a number of seconds from 1 to 86400"):
        seconds("FEDSHARE_LEASE", 120, least=1, most=86_400)


@pytest.mark.parametrize("url", ["rabbit://x", "pyamqp://x", "/tmp/x", ""])
def test_a_broker_of_another_kind_is_refused(tmp_path, url):
    with pytest.raises(ImproperlyConfigured, match="CELERY_BROKER_URL"):
        broker(url, tmp_path)

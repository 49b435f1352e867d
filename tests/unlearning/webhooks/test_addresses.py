"""Nobody can have us knock on doors inside."""

import socket

import pytest

from unlearning.webhooks.addresses import Forbidden, check_url, resolve
from unlearning.webhooks.sending import post

INSIDE = [
    "https://127.0.0.1/", "https://127.1.2.3/", "https://[::1]/", "https://10.0.0.1/", "https://192.168.1.1/",
    "https://172.16.0.1/", "https://169.254.169.254/latest/meta-data/", "https://0.0.0.0/", "https://[fe80::1]/",
    "https://[fc00::1]/", "https://[::ffff:127.0.0.1]/", "https://100.64.0.1/", "https://224.0.0.1/",
    "https://[2002:7f00:0001::]/", "https://[64:ff9b::7f00:1]/", "https://[::127.0.0.1]/", "https://[fec0::1]/",
]  # fmt: skip
MALFORMED = [
    "http://example.org/", "ftp://example.org/", "example.org", "https://", "https://user:pw@example.org/",
    "https://example.org:99999/", "https://example.org/#x", "file:///etc/passwd", "https://[::1",
    "https://example.org/ü", "https://a..b/", f"https://{'a' * 64}.example/", "https://example.org/a b",
]  # fmt: skip


@pytest.mark.parametrize("url", INSIDE + MALFORMED)
def test_an_address_inside_or_malformed_is_refused_without_asking_for_a_name(url, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: pytest.fail("a name was asked for"))
    with pytest.raises(Forbidden):
        check_url(url)


def _resolves_to(monkeypatch, *addresses):
    found = [(None, None, None, "", (address, 443)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: found)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fe80::1%eth0"]
)
def test_a_name_that_resolves_inside_is_refused(address, monkeypatch):
    _resolves_to(monkeypatch, address)
    with pytest.raises(Forbidden, match="inside"):
        resolve("https://hooks.example.org/")


def test_one_inside_address_among_others_is_enough(monkeypatch):
    _resolves_to(monkeypatch, "93.184.215.14", "127.0.0.1")
    with pytest.raises(Forbidden):
        resolve("https://hooks.example.org/")


def test_a_public_name_is_connected_to_by_the_address_that_was_checked(monkeypatch):
    _resolves_to(monkeypatch, "93.184.215.14")
    target = resolve("https://hooks.example.org:8443/x")
    assert (target.host, target.port, target.address) == ("hooks.example.org", 8443, "93.184.215.14")


def test_localhost_really_resolves_inside():
    with pytest.raises(Forbidden, match="inside"):
        post("https://localhost/", b"", {})


def test_a_setting_allows_them_for_development(settings):
    settings.FEDSHARE_PRIVATE_TARGETS = True
    check_url("http://127.0.0.1:8000/hook")
    assert resolve("http://127.0.0.1:8000/hook").address == "127.0.0.1"

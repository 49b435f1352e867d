"""Signing with a time stamp, with validation data, with other kinds of keys, and with a key on a token."""

import random
import shutil
import subprocess
from pathlib import Path

import pytest
from asn1crypto import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.core.exceptions import ImproperlyConfigured
from pyhanko.keys import load_certs_from_pemder

from audits.evidence.keys import log_verifier_key
from audits.evidence.tlog.note import VerifierKey
from audits.keys import make_keys
from audits.reports.signer import Token, signer
from audits.reports.verify import Trust, verify_report
from audits.reports.verify.checks import is_sound
from tests.audits.reports.authority import Authority
from tests.audits.reports.sample import sample_register, signed_report

pytestmark = pytest.mark.django_db

SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")


@pytest.fixture
def authority(tmp_path):
    served = Authority(tmp_path)
    yield served
    served.close()


@pytest.fixture
def own_keys(settings, tmp_path):
    settings.KEYS = tmp_path / "keys"
    make_keys()
    return settings.KEYS


def _pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _trust(roots: list[x509.Certificate] | None = None) -> Trust:
    return Trust([VerifierKey.parse(log_verifier_key())], roots=roots or [])


def _failed(pdf, trust):
    return [(result.name, result.detail) for result in verify_report(pdf, trust) if not result.ok]


@pytest.fixture(params=["rsa", "ec"])
def certified(request, settings, authority, own_keys):
    """A signer whose certificate comes from an authority, with time stamps and validation data."""
    key = rsa.generate_private_key(65537, 2048) if request.param == "rsa" else ec.generate_private_key(ec.SECP256R1())
    (own_keys / "signer.pem").write_bytes(_pem(key))
    (own_keys / "signer.crt").write_bytes(authority.issue(key))
    settings.FEDSHARE_TSA, settings.FEDSHARE_TRUST = f"{authority.address}/tsa", str(authority.trust)
    return list(load_certs_from_pemder([str(authority.trust)]))


def test_a_report_with_time_stamp_and_validation_data_can_be_checked_offline(certified, authority):
    report = signed_report(sample_register())
    authority.close()
    trust = _trust(certified)
    results = verify_report(report, trust)
    assert [(r.name, r.detail) for r in results if not r.ok] == []
    assert is_sound(results, trust)
    assert "time-stamped 20" in results[0].detail
    assert report.count(b"/DSS") == report.count(b"%%EOF") - 1 == 1  # in the signature's own revision


def test_no_bit_of_a_stamped_report_is_free(certified):
    report = signed_report(sample_register())
    generator = random.Random(2)
    start = report.index(b"/Contents <") + 11
    signature = range(start, report.index(b">", start))  # in hexadecimal; the padding behind it included
    for place in [*generator.sample(signature, 120), *generator.sample(range(len(report)), 20)]:
        damaged = bytearray(report)
        damaged[place] ^= 1 << generator.randrange(8)
        assert _failed(bytes(damaged), _trust())


def test_roots_that_the_certificates_do_not_lead_to_are_not_enough(certified, tmp_path):
    other = Authority(tmp_path / "other") if (tmp_path / "other").mkdir() is None else None
    roots = list(load_certs_from_pemder([str(other.trust)]))
    other.close()
    assert _failed(signed_report(sample_register()), _trust(roots))[0][0] == "certificates"


def test_without_a_time_stamp_no_moment_is_known_to_judge_certificates_by(certified, settings):
    settings.FEDSHARE_TSA = ""
    name, detail = _failed(signed_report(sample_register()), _trust(certified))[0]
    assert (name, "no time stamp" in detail) == ("certificates", True)


@pytest.mark.skipif(not SOFTHSM.exists(), reason="SoftHSM, a PKCS#11 token in software, is not installed")
def test_a_key_on_a_token_signs(settings, own_keys, tmp_path, monkeypatch, authority):
    configuration = tmp_path / "softhsm.conf"
    (tmp_path / "tokens").mkdir()
    configuration.write_text(f"directories.tokendir = {tmp_path / 'tokens'}\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(configuration))
    key = rsa.generate_private_key(65537, 2048)
    (tmp_path / "key.pem").write_bytes(_pem(key))
    tool = shutil.which("softhsm2-util")
    for command in (
        ["--init-token", "--free", "--label", "fedshare", "--pin", "1234", "--so-pin", "5678"],
        [
            "--import",
            str(tmp_path / "key.pem"),
            "--token",
            "fedshare",
            "--label",
            "reports",
            "--id",
            "01",
            "--pin",
            "1234",
        ],
    ):
        subprocess.run([tool, *command], check=True, capture_output=True)
    (own_keys / "signer.pem").unlink()
    (own_keys / "signer.crt").write_bytes(authority.issue(key))
    (tmp_path / "pin").write_text("1234\n")
    source = f"module-path={SOFTHSM}&pin-source=file:{tmp_path / 'pin'}"
    settings.FEDSHARE_PKCS11 = f"pkcs11:token=fedshare;object=reports?{source}"
    assert _failed(signed_report(sample_register()), _trust()) == []
    settings.FEDSHARE_PKCS11 = f"pkcs11:token=absent;object=reports?{source}"
    with pytest.raises(ImproperlyConfigured, match="can't be opened"), signer():
        pass


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("nonsense", "module-path is missing"),
        ("pkcs11:object=k?module-path=/x.so", "token is missing"),
        ("pkcs11:token=t;object=k?module-path=/x.so&pin-source=file:/absent/pin", "PIN can't be read"),
    ],
)
def test_an_unusable_token_says_what_to_give(uri, message):
    with pytest.raises(ImproperlyConfigured, match=message):
        Token.parse(uri)

"""`manage.py certify`, and what a certification is good for."""

import json
from dataclasses import replace
from io import StringIO

import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command

from audits.certification.models import Certification
from audits.certification.services import certification_of, certifies
from audits.evidence.models import LogEntry
from audits.reports.measured import operating_curve
from audits.reports.verify import verify_report
from audits.verification.plan import CERTIFICATION
from models_engine.registry.models import ModelVersion
from tests.audits.reports.test_verify import trust
from unlearning.jobs.certifying import Certifying
from unlearning.jobs.training import train_recommender

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _few_models(monkeypatch):
    few = replace(CERTIFICATION, references=6, known=6)
    monkeypatch.setattr(Certifying.__init__, "__defaults__", (None, few, 3))
    monkeypatch.setattr("audits.reports.verify.consistency.CERTIFICATION_LEVEL", few)


def _certify(*arguments: str) -> str:
    out = StringIO()
    call_command("certify", "shop", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_a_certification_is_issued_logged_signed_and_can_be_checked(recommender, settings):
    printed = _certify("--json")
    certification = Certification.objects.get()
    document = json.loads(printed)
    assert document == certification.document.content
    assert [(cell["kind"], cell["size"]) for cell in document["cells"]] == [
        ("erase", "subject"),
        ("unshare", "subject"),
        ("erase", "tenth"),
        ("unshare", "tenth"),
    ]
    assert document["audit_models"] == 12 + 6 + 2 * 6
    assert all(cell["measurements"]["models"] == 6 for cell in document["cells"])
    assert list(settings.AUDIT_MODELS.iterdir()) == []
    for cell in document["cells"]:
        powers = [member["power"] for member in cell["measurements"]["membership"]]
        asked = [power for power in powers if power >= cell["plan"]["power"]] or powers
        # Where nothing is left, the operating curve is the power that the document states.
        assert operating_curve(cell["measurements"], cell["plan"], [0.0]) == pytest.approx([min(asked)])
    assert LogEntry.objects.get(kind="audit_models.destroyed").payload["owner"]
    report = storages["reports"].open(certification.document.report().name).read()
    assert [check for check in verify_report(report, trust()) if not check.ok] == []


def test_plans_are_on_record_before_the_result(recommender):
    _certify()
    issued = LogEntry.objects.get(kind="certification.issued")
    plans = LogEntry.objects.filter(kind="plan.frozen")
    document = Certification.objects.get().document.content
    assert {plan.payload["plan"] for plan in plans} == {cell["plan"]["digest"] for cell in document["cells"]}
    assert all(plan.pk < issued.pk for plan in plans)


def test_it_holds_for_what_is_made_by_forgetting_and_not_for_a_new_training(recommender):
    _certify()
    certification = Certification.objects.get()
    version = recommender.serving
    made = {"seed": 1, "code_digest": version.code_digest, "digest": "0" * 64, "artifact": "x", "calibration": {}}
    child = ModelVersion.objects.create(recommender=recommender, number=2, method="contrastive", parent=version, **made)
    assert certification_of(version) == certification_of(child) == certification
    trained = train_recommender(recommender, 2, lambda fraction: None)
    assert certification_of(trained) is None
    Certification.objects.update(code_digest="other")
    assert certification_of(version) is None


def test_it_certifies_a_kind_where_every_cell_was_removed():
    assert certifies(Certification(certified=["erase"]), "erase")
    assert not certifies(Certification(certified=["erase"]), "unshare")
    assert not certifies(None, "erase")


def test_the_cost_is_said_before(recommender):
    err = StringIO()
    call_command("certify", "shop", "--estimate", stdout=StringIO(), stderr=err)
    assert "30 models to train: about" in err.getvalue()
    assert not Certification.objects.exists()


@pytest.mark.parametrize(
    ("name", "message"), [("nobody", "no model of 'nobody' serves"), ("shop", "another version of the engine")]
)
def test_what_can_not_be_certified_is_refused(recommender, name, message):
    ModelVersion.objects.update(calibration={"code": "other"})
    with pytest.raises(CommandError, match=message) as refused:
        call_command("certify", name, stdout=StringIO(), stderr=StringIO())
    assert refused.value.returncode == 2

"""`manage.py certify MODEL`"""

import json
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from audits.certification.services import issue
from audits.reports.measured import worst
from audits.reports.writing import address, write_reports
from audits.templatetags.evidence import interval
from audits.verification.errors import AuditError
from models_engine.fedshare.code import code_digest
from models_engine.fedshare.files import StateFileError
from models_engine.fedshare.model import ModelFileError
from models_engine.registry.models import ModelVersion, Recommender
from unlearning.jobs.certifying import Certifying
from unlearning.jobs.fleets import estimated_seconds
from unlearning.management.bars import stage


class Command(BaseCommand):
    help = (
        "Certify the way of forgetting on the model that serves: train 160 models with and without what some "
        "requests withdraw, let those that know forget it, compare, and issue a signed report, whose path is printed. "
        "Ends with 0 whatever is certified, with 2 where nothing could be measured."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="of a recommender that serves")
        parser.add_argument("--resume", type=UUID, metavar="ID", help="take up a certification that was interrupted")
        parser.add_argument("--estimate", action="store_true", help="say what it would cost, and stop")
        parser.add_argument("--json", action="store_true", help="print the document instead of the table")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        version = _serving(name)
        try:
            certifying = Certifying(version, options["resume"])
        except (ValueError, OSError) as error:
            raise CommandError(str(error), returncode=2) from None
        expected = estimated_seconds(certifying.trainings, version.metrics.get("training_seconds"))
        about = f"about {expected:.0f} s" if expected is not None else "their time is not on record"
        self.stderr.write(f"{certifying.trainings} models to train: {about}.")
        if options["estimate"]:
            return
        self.stderr.write(f"If it is interrupted: --resume {certifying.owner}")
        try:
            with stage(f"Certify {version}") as progress:
                content, certified = certifying.run(progress)
        except (AuditError, FloatingPointError, MemoryError, StateFileError, ModelFileError) as error:
            raise CommandError(str(error), returncode=2) from None
        certification = issue(version, certifying.owner, content, certified)
        certifying.end()
        (report, *_) = write_reports(certification.document)
        if options["json"]:
            self.stdout.write(json.dumps(certification.document.content, indent=1))
            return
        for cell in content["cells"]:
            influence = interval(worst(cell["measurements"], cell["plan"])["influence"])
            self.stdout.write(f"{cell['name']:<36} ρ {influence:<24} {cell['verdict']}")
        self.stdout.write(f"Certified: {' and '.join(certified) or 'nothing'}")
        self.stdout.write(f"Report: {address(report)}")


def _serving(name: str) -> ModelVersion:
    recommender = Recommender.objects.filter(name=name).first()
    if recommender is None or recommender.serving is None:
        raise CommandError(f"name: no model of {name!r} serves; train it with: manage.py train {name}", returncode=2)
    version = recommender.serving
    if version.calibration["code"] != code_digest():
        raise CommandError(
            f"{version} was trained by another version of the engine, so its amplitudes say nothing about this one: "
            f"train again with: manage.py train {name}",
            returncode=2,
        )
    return version

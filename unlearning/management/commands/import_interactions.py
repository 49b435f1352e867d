"""`manage.py import_interactions FILE`"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from unlearning.jobs.devices import simulated_fleet
from unlearning.lineage.importing.reading import FIELDS, UnreadableFile, read_interactions
from unlearning.management.bars import stage
from unlearning.requests.taking_in import take_in


class Command(BaseCommand):
    help = (
        "Import interactions from CSV, TSV, Parquet or a RecBole atomic file (.inter). Only what consent covers "
        "is stored; importing a file twice changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="FIELD=COLUMN",
            help=f"column of a field ({', '.join(FIELDS)}); ratio is a subject's first consent, in percent; "
            "category is the item's",
        )
        parser.add_argument(
            "--simulate-devices",
            action="store_true",
            help="give every row to simulated devices, shared or not (demonstrations and benchmarks)",
        )

    def handle(self, *args: Any, file: Path, map: list[str], simulate_devices: bool, **options: Any) -> None:
        try:
            with stage(f"Read {file.name}"):
                table = read_interactions(file, _mapping(map))
            with stage(f"Import {len(table):,} rows") as progress:
                summary, opened = take_in(
                    table,
                    "import_interactions",
                    fleet=simulated_fleet() if simulate_devices else None,
                    progress=lambda rows: progress(rows / len(table)),
                )
        except UnreadableFile as error:
            raise CommandError(str(error), returncode=2) from None
        self.stdout.write(
            f"{summary.rows:,} rows of {summary.subjects:,} subjects: {summary.stored:,} stored, "
            f"{summary.known:,} known already, {summary.not_covered:,} not covered by consent"
            + (f", {summary.suppressed:,} of erased identities" if summary.suppressed else "")
        )
        if opened:
            self.stdout.write(f"{len(opened):,} unshare requests: items went to categories that consent does not cover")


def _mapping(pairs: list[str]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        field, separator, column = pair.partition("=")
        if not separator or field not in FIELDS or not column:
            raise CommandError(f"--map {pair}: give FIELD=COLUMN with a field of {', '.join(FIELDS)}", returncode=2)
        mapping[field] = column
    return mapping

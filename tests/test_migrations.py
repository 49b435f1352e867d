"""Migrations are safe while the code of the release before runs: it neither misses a column nor leaves one out."""

import pytest
from django.conf import settings
from django.db.migrations.loader import MigrationLoader
from django_migration_linter import MigrationLinter

BEFORE_THE_FIRST_RELEASE = {
    "audits": "0004",
    "models_engine": "0001",
    "unlearning": "0009",
}
"""The last migration of each app that no running installation has had code without."""

REVIEWED = {"0012_callback_of_each_submission"}
"""Looked at by hand: its constraint is wider than the one that it replaces, so that what was there fits."""


@pytest.mark.django_db
@pytest.mark.parametrize("app", BEFORE_THE_FIRST_RELEASE)
def test_old_code_goes_on_through_every_migration(app):
    linter = _linter(app)
    for migration in MigrationLoader(None).disk_migrations.values():
        unsafe_before = migration.name[:4] <= BEFORE_THE_FIRST_RELEASE[app]
        if migration.app_label == app and not unsafe_before and migration.name not in REVIEWED:
            linter.lint_migration(migration)
    assert linter.nb_erroneous == 0  # which and why stands in the captured output


@pytest.mark.django_db
def test_the_linter_sees_what_is_unsafe():
    """Among the first migrations, which no old code saw, some are: a linter that finds nothing there is broken."""
    linter = _linter("unlearning")
    linter.lint_all_migrations(app_label="unlearning")
    assert linter.nb_erroneous > 0


def _linter(app: str) -> MigrationLinter:
    return MigrationLinter(settings.BASE_DIR, include_apps=[app], no_cache=True)

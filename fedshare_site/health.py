"""Whether this process lives, and whether it can serve: for whoever starts and stops it."""

from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from audits.evidence.keys import LOG_PUBLIC


@never_cache
@require_safe
def live(http: HttpRequest) -> JsonResponse:
    """The process answers. Restart it where it does not."""
    return JsonResponse({"live": True})


@never_cache
@require_safe
def ready(http: HttpRequest) -> JsonResponse:
    """It can take requests: the database is there and migrated, and the keys are made. 503 says what is missing.

    The broker is not asked for: acceptance needs none.
    """
    missing = [*_database(), *_keys()]
    return JsonResponse({"ready": not missing, "missing": missing}, status=503 if missing else 200)


def _database() -> list[str]:
    try:
        executor = MigrationExecutor(connection)
        behind = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error:
        return ["the database can't be reached"]
    return ["migrations: run manage.py migrate"] if behind else []


def _keys() -> list[str]:
    return [] if (settings.KEYS / LOG_PUBLIC).exists() else ["keys: run manage.py make_keys"]

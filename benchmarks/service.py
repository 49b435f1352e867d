"""A service of its own for a benchmark: a private PostgreSQL and keys in a folder that is gone afterwards."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def own_service() -> Iterator[None]:
    """Set Django up on a fresh folder; call it before anything of Django is imported."""
    with TemporaryDirectory(prefix="fedshare-bench-") as folder:
        # The server runs as a user of its own, who has to reach its files.
        Path(folder).chmod(0o755)
        os.environ["FEDSHARE_VAR"] = folder
        for name in ("FEDSHARE_KEYS", "DATABASE_URL"):
            os.environ.pop(name, None)
        join_service()
        from django.core.management import call_command

        from audits.keys import make_keys

        call_command("migrate", verbosity=0)
        make_keys()
        yield


def join_service() -> None:
    """Set Django up on the folder that the environment names."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "fedshare_site.settings"
    import django

    django.setup()

"""A service of its own for a benchmark: a private PostgreSQL and keys in a folder that is gone afterwards."""

import atexit
import os
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp


def begin_service() -> None:
    """Set Django up on a fresh folder; call it before anything of Django is imported."""
    folder = mkdtemp(prefix="fedshare-bench-")
    # What is registered first is done last: PostgreSQL, which starts below, has stopped by then.
    atexit.register(rmtree, folder)
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


def join_service() -> None:
    """Set Django up on the folder that the environment names."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "fedshare_site.settings"
    import django

    django.setup()

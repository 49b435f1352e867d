"""Settings of the tests: for each worker a private PostgreSQL and a folder of its own, under var/test."""

import os
from pathlib import Path

os.environ["FEDSHARE_VAR"] = str(
    Path(__file__).resolve().parent.parent / "var" / "test" / os.environ.get("PYTEST_XDIST_WORKER", "alone")
)
os.environ.pop("FEDSHARE_KEYS", None)

from fedshare_site.settings import *  # noqa: F403
from fedshare_site.settings import MIDDLEWARE, STORAGES

# Static files are not collected for tests.
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
MIDDLEWARE = [name for name in MIDDLEWARE if "whitenoise" not in name]

# What secrets are hashed with is slow on purpose; tests make hundreds.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

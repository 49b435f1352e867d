"""The Celery application."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fedshare_site.settings")

app = Celery("fedshare")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks([f"unlearning.{name}" for name in ("jobs", "webhooks", "connectors", "api")])

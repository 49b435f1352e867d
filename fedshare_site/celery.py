"""The Celery application."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fedshare_site.settings")

app = Celery("fedshare")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["unlearning.jobs", "unlearning.webhooks", "unlearning.connectors"])

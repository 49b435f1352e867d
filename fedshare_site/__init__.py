"""Settings, addresses and processes: glue only."""

from fedshare_site.celery import app as celery_app

__all__ = ["celery_app"]

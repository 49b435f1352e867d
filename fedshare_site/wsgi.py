"""WSGI entry point."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from fedshare_site import tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fedshare_site.settings")
tracing.start("fedshare-web")
application = get_wsgi_application()
get_resolver().check()  # loads every view now, so that no request has to wait for it
# Hundreds of thousands of objects that stay: the collector need not look at them again with every request.
gc.collect()
gc.freeze()

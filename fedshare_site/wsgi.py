"""WSGI entry point."""

import os

from django.core.wsgi import get_wsgi_application

from fedshare_site import tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fedshare_site.settings")
tracing.start("fedshare-web")
application = get_wsgi_application()

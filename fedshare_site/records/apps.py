"""Django's admin with our site, and which tables it shows."""

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.apps import SimpleAdminConfig

_APPS = ("unlearning", "audits", "models_engine")

_HIDDEN = {
    "ConnectorSecret", "ConsentEvent", "ConsentState", "Delivery", "Exclusion", "Identifier", "IdempotentAnswer",
    "Interaction", "RecommendationSample", "RequestSubject", "SealedForgetSet", "Subject", "Suppression",
}  # fmt: skip
"""Tables that hold digests of identities, secrets, or what is about a single customer: their pages keep a record of
who looks."""


class Records(SimpleAdminConfig):
    """Every table of ours but the hidden ones; none of other packages, whose pages would write."""

    default_site = "fedshare_site.records.site.RecordsSite"

    def ready(self) -> None:
        """Register the tables."""
        super().ready()
        from fedshare_site.records.site import ReadOnly  # needs the models, which are loaded by now

        for name in _APPS:
            for model in apps.get_app_config(name).get_models():
                if model.__name__ not in _HIDDEN and not model._meta.auto_created:
                    admin.site.register(model, ReadOnly)

"""Django's admin with our site, and which tables it shows."""

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.apps import AdminConfig

_APPS = ("unlearning", "audits", "models_engine")

_HIDDEN = {"Identifier", "Suppression", "SealedForgetSet", "ConnectorSecret", "IdempotentAnswer", "Interaction"}
"""Tables that hold digests of identities, secrets, or what a single customer did."""


class Records(AdminConfig):
    """Every table but the hidden ones."""

    default_site = "fedshare_site.records.site.RecordsSite"

    def ready(self) -> None:
        """Register the tables."""
        super().ready()
        from fedshare_site.records.site import ReadOnly  # needs the models, which are loaded by now

        for name in _APPS:
            for model in apps.get_app_config(name).get_models():
                if model.__name__ not in _HIDDEN and not model._meta.auto_created:
                    admin.site.register(model, ReadOnly)

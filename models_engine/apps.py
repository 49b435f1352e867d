"""Django's view of the models engine."""

from django.apps import AppConfig


class ModelsEngineConfig(AppConfig):
    name = "models_engine"
    verbose_name = "Models"

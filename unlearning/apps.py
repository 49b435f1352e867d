"""Django's view of unlearning."""

from django.apps import AppConfig


class UnlearningConfig(AppConfig):
    name = "unlearning"
    verbose_name = "Unlearning"

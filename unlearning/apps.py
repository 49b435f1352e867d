"""Django's view of unlearning."""

from django.apps import AppConfig


class UnlearningConfig(AppConfig):
    name = "unlearning"
    verbose_name = "Unlearning"

    def ready(self) -> None:
        """Make the lookups known."""
        from unlearning import lookups  # noqa: F401

"""Those who sign in to the dashboard, and the record of what they looked at."""

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models

from audits.evidence.append_only import append_only
from unlearning.officers.roles import ALLOWED, May, Role


class Officer(models.Model):
    """Somebody's role. Who has none sees nothing."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="officer")
    role = models.CharField(max_length=20, choices=Role)

    def __str__(self) -> str:
        return f"{self.user.get_username()} ({self.role})"


class AccessRecord(models.Model):
    """Who looked at a subject, or changed a setting. Append-only (GDPR art. 5(2), 32(1)(b))."""

    class What(models.TextChoices):
        VIEW = "view", "viewed"
        SEARCH = "search", "looked up by identity"
        EXPORT = "export", "exported"
        LINK = "link", "made a link to their page"
        TAKE_IN = "take_in", "took a request of theirs in"
        SETTING = "setting", "changed a setting"

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    by = models.CharField(max_length=150, help_text="User name")
    what = models.CharField(max_length=10, choices=What)
    subject = models.UUIDField(null=True, db_index=True, help_text="The subject's id here; it names nobody")
    detail = models.CharField(max_length=200, blank=True, help_text="Of a setting: which; never a value")

    class Meta:
        ordering = ["-at", "-pk"]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.by} {self.what} {self.subject or self.detail}"


def role_of(user: AbstractBaseUser) -> Role | None:
    """A user's role; a superuser is an administrator."""
    if user.is_superuser:
        return Role.ADMINISTRATOR
    officer = Officer.objects.filter(user_id=user.pk).first()
    return Role(officer.role) if officer else None


def allowed(role: Role | None) -> frozenset[May]:
    """What a role may do."""
    return ALLOWED[role] if role else frozenset()

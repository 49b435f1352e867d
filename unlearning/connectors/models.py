"""What connectors keep: secrets, and whom to tell of a request's status."""

from django.db import models


class ConnectorSecret(models.Model):
    """A secret that a sender signs with, encrypted. Several are valid at once, until one is removed."""

    connector = models.CharField(max_length=20)
    account = models.CharField(max_length=200, help_text="Shop, portal or agent; empty: every one")
    sealed = models.BinaryField(help_text="The secret, under a key that is wrapped")
    wrapped_key = models.BinaryField(max_length=40)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["connector", "account"])]

    def __str__(self) -> str:
        return f"secret {self.pk} of {self.connector}"


class Callback(models.Model):
    """An address that is told each change of a request's status, in the sender's own format."""

    request = models.ForeignKey("unlearning.Request", on_delete=models.CASCADE, related_name="callbacks")
    connector = models.CharField(max_length=20)
    url = models.URLField(max_length=500)
    source = models.CharField(max_length=100, blank=True)
    external_id = models.CharField(max_length=100, blank=True, help_text="The sender's id of the request")
    told = models.CharField(max_length=20, blank=True, help_text="Status that was told last")
    tries = models.PositiveSmallIntegerField(default=0, help_text="For the present status")
    next_at = models.DateTimeField(help_text="Not to be tried before")
    ended = models.BooleanField(default=False, help_text="The last status was told, or nobody answered for three days")

    class Meta:
        constraints = [
            # Several submissions of one sender can have been merged into a request; each is answered.
            models.UniqueConstraint(fields=["request", "url", "source", "external_id"], name="callback_once")
        ]
        indexes = [models.Index(fields=["next_at"], name="callback_due", condition=models.Q(ended=False))]

    def __str__(self) -> str:
        return f"callback {self.pk}"

"""OAuth2 clients."""

from oauth2_provider.generators import generate_client_secret
from oauth2_provider.models import Application


def give_credentials(name: str) -> tuple[str, str]:
    """Make a client, or give it a new secret. Returns its id and the secret, which is stored only as a hash."""
    secret = generate_client_secret()
    application, _ = Application.objects.get_or_create(
        name=name,
        defaults={
            "client_id": name,
            "client_type": Application.CLIENT_CONFIDENTIAL,
            "authorization_grant_type": Application.GRANT_CLIENT_CREDENTIALS,
        },
    )
    application.client_secret = secret
    application.save()
    return application.client_id, secret

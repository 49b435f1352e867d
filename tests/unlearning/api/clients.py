"""OAuth2 clients for tests."""

from django.conf import settings
from django.test import Client

from unlearning.api.clients import give_credentials, usual_scopes

EVERY_SCOPE = " ".join(settings.OAUTH2_PROVIDER["SCOPES"])
SCOPES = " ".join(usual_scopes())


def token(name: str = "crm", scope: str = SCOPES, **more) -> str:
    """A token of a client that may have every scope."""
    client_id, secret = give_credentials(name, scopes=EVERY_SCOPE.split(), **more)
    body = {"grant_type": "client_credentials", "scope": scope, "client_id": client_id, "client_secret": secret}
    return Client(enforce_csrf_checks=True).post("/oauth/token/", body).json()["access_token"]


def client(name: str = "crm", scope: str = SCOPES, **more) -> Client:
    """A client with such a token."""
    return Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {token(name, scope, **more)}"})


def post(with_client: Client, path: str, body=None, **headers):
    """POST JSON under `/api/v1`."""
    return with_client.post(
        f"/api/v1/{path}", {} if body is None else body, content_type="application/json", headers=headers
    )

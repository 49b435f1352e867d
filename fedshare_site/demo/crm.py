"""A CRM as FedShare sees one: an OAuth2 client that sends requests over HTTP and follows them."""

from typing import Any

import httpx

SCOPES = "consents:write requests:read requests:write"


class Crm:
    """Talks to the API."""

    def __init__(self, address: str, client_id: str, secret: str):
        # A connection of its own for each request: one that idles may be closed just as it is used again.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._http = httpx.Client(base_url=address, timeout=30, limits=limits)
        answer = self._http.post(
            "/oauth/token/",
            data={"grant_type": "client_credentials", "scope": SCOPES},
            auth=(client_id, secret),
        )
        token = answer.raise_for_status().json()["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def move_slider(self, subject: str, share_percent: int, external_id: str) -> dict[str, Any]:
        """Record a new share ratio. Returns the unshare request that it opened."""
        body = {"subject": subject, "share_percent": share_percent, "external_id": external_id}
        answer = self._http.post("/api/v1/consents", json=body)
        return answer.raise_for_status().json()["request"]

    def erase(self, subjects: list[str], external_id: str) -> dict[str, Any]:
        """Open an erasure. Returns the request."""
        body = {"kind": "erase", "subjects": subjects, "external_id": external_id}
        return self._http.post("/api/v1/requests", json=body).raise_for_status().json()

    def follow(self, request_id: str) -> dict[str, Any]:
        """The request as it is now."""
        return self._http.get(f"/api/v1/requests/{request_id}").raise_for_status().json()

    def download(self, address: str) -> bytes:
        """A report."""
        return self._http.get(address).raise_for_status().content

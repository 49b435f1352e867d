"""Whoever sends us webhooks."""

from django.test import Client


def outsider() -> Client:
    """No browser of ours, and no cookie: what demands a CSRF token refuses it."""
    return Client(enforce_csrf_checks=True)

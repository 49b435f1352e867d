"""Asking once more before something that can't be undone."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def asks(http: HttpRequest, title: str, says: str, submit: str, back: str) -> HttpResponse | None:
    """The page that says what will be done; None once somebody sent it.

    Args:
        back: address of where to go instead.
    """
    if http.method == "POST":
        return None
    context = {"title": title, "says": says, "submit": submit, "back": back}
    return render(http, "dashboard/settings/ask.html", context)

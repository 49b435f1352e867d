"""Marking texts for translators; who shows them translates them."""


def gettext_noop(text: str) -> str:
    """The text itself. The name is the one that translators' tools look for."""
    return text

"""What keeps a request from being opened or acted upon. No message holds an identity."""


class UnknownSubjects(ValueError):
    """Some identities are not known here. Names their places, never themselves."""

    def __init__(self, places: list[int]):
        super().__init__(f"unknown at places {places}")
        self.places = places


class IdTaken(ValueError):
    """A sender used an id a second time, for something else."""


class NotAllowed(ValueError):
    """An action that the request's state does not allow; the message says what would."""


class BadField(ValueError):
    """A value that does not fit; names the field and the remedy."""

    def __init__(self, field: str, remedy: str):
        super().__init__(f"{field}: {remedy}")
        self.field, self.remedy = field, remedy

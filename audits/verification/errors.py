"""What an audit refuses."""


class AuditError(ValueError):
    """An audit that can't give a verdict; the message says which input is at fault."""

"""The pages on requests: the list, one of them, and what can be done about it."""

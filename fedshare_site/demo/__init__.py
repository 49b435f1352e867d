"""The demonstration: the whole way from a file of interactions to verified reports."""

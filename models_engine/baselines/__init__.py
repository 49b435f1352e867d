"""Peers' ways to forget, to be compared with. None of them serves a request."""

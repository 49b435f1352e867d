"""Interactions from files: reading (`reading`) and storing (`loading`) are apart."""

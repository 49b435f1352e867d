"""Data Rights Protocol 1.0: deletions from authorised agents."""

"""The recommender: how it learns and how it forgets."""

__version__ = "0.1.0"

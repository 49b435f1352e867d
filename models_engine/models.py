"""Gathers the engine's tables for Django."""

from models_engine.registry.models import ModelVersion, Recommender

__all__ = ["ModelVersion", "Recommender"]

"""Representation distance: is the neighbourhood of the data where retraining would have put it?

Two trainings give tables that differ by a rotation at least, so nothing here depends on one.
"""

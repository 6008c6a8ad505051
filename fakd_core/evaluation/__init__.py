"""Metrics, evaluation protocol, and results."""

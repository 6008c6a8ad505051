"""Metrics, the evaluation protocol, reports, and the diagnosis of model files."""

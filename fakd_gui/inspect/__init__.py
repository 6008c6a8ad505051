"""Inspect: what teacher and student relate a pixel to."""

from fakd_gui.inspect.panel import InspectPanel

__all__ = ["InspectPanel"]

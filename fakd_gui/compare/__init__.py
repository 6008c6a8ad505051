"""Compare: one image through every model, side by side."""

from fakd_gui.compare.panel import ComparePanel

__all__ = ["ComparePanel"]

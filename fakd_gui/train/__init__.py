"""Train: set a run up, watch it, look back at past ones."""

from fakd_gui.train.panel import TrainPanel

__all__ = ["TrainPanel"]

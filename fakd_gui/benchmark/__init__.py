"""Benchmark: models by sets of images, as a table."""

from fakd_gui.benchmark.panel import BenchmarkPanel

__all__ = ["BenchmarkPanel"]

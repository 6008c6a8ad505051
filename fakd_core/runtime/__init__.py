"""Devices, processes, CPU tuning and cancellation."""

"""Devices, processes, memory and cancellation."""

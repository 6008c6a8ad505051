"""Enlarging images of any size."""

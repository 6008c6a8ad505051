"""Figures for papers, described by a recipe file that makes them again."""

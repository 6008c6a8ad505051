"""Figures for papers, described by a recipe file that makes them again."""

from __future__ import annotations

from fakd_core.figures.drawing import compose, draw
from fakd_core.figures.materials import Materials
from fakd_core.figures.recipe import AffinityRecipe, Box, CropRecipe, Query, Recipe, Shown
from fakd_core.figures.recipe_file import read_recipe, recipe_text, write_recipe

__all__ = [
    "AffinityRecipe",
    "Box",
    "CropRecipe",
    "Materials",
    "Query",
    "Recipe",
    "Shown",
    "compose",
    "draw",
    "read_recipe",
    "recipe_text",
    "write_recipe",
]

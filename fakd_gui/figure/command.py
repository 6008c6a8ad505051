"""The command line that makes a figure again."""

from __future__ import annotations

import shlex

from fakd_core.figures.spec import AffinityFigure, CropFigure, FigureModel, FigureSpec


def command_line(recipe: FigureSpec) -> str:
    """As a shell takes it; what is at its default is left out."""
    words = [str(recipe.image)]
    if isinstance(recipe, CropFigure):
        words = ["fakd", "figure", *words]
        for shown in recipe.models:
            words += ["--model", _named(shown)]
        for box in recipe.regions:
            words += ["--roi", ",".join(map(str, box))]
        if recipe.metrics is not None:
            words += ["--metrics", ",".join(recipe.metrics) or "none"]
        if recipe.metrics_of != "image":
            words += ["--metrics-of", recipe.metrics_of]
        if recipe.columns is not None:
            words += ["--columns", str(recipe.columns)]
    else:
        words = ["fakd", "affinity", *words, "--teacher", _named(recipe.teacher)]
        for shown in recipe.students:
            words += ["--student", _named(shown)]
        words += ["--layer", str(recipe.layer), "--at", ",".join(map(str, recipe.query))]
        words += _changed(recipe, ("difference_range", "opacity"))
    words += ["--scale", str(recipe.scale)] + ["--lr"] * (recipe.image_is == "lr")
    words += _changed(recipe, ("width", "dpi", "font", "font_size"))
    return shlex.join([*words, "--out", f"{recipe.image.stem}-figure.png"])


def _named(shown: FigureModel) -> str:
    return f"{shown.label}={shown.ref}" if shown.label else shown.ref


def _changed(recipe: CropFigure | AffinityFigure, names: tuple[str, ...]) -> list[str]:
    words: list[str] = []
    for name in names:
        value = getattr(recipe, name)
        if value != type(recipe).model_fields[name].default:
            text = f"{value:g} mm" if name == "width" else str(value)
            words += [f"--{name.replace('_', '-')}", text]
    return words

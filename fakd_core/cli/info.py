"""`fakd info`: facts about a model."""

from __future__ import annotations

import json
import re
from typing import Any

import typer
from rich.table import Table

from fakd_core.cli import completion
from fakd_core.cli.console import output
from fakd_core.errors import ConfigError


def info(
    model: str | None = typer.Argument(
        None,
        metavar="M",
        help="Bundled name, preset, checkpoint or run folder.",
        autocompletion=completion.models,
    ),
    size: str = typer.Option("36x64", metavar="HxW", help="LR size for the GMACs."),
    scale: int = typer.Option(4, help="Scale of a preset: 2, 3, 4 or 8."),
    as_json: bool = typer.Option(False, "--json", help="Print as JSON."),
    list_models: bool = typer.Option(False, "--list", help="List the bundled models and the presets."),
) -> None:
    """Describe one model, or list those that come with the program."""
    if list_models:
        from fakd_core.models.factory import list_architectures
        from fakd_core.models.presets import PRESETS
        from fakd_core.runs.references import bundled_models

        models = {"bundled": list(bundled_models()), "presets": list(PRESETS)}
        _print({**models, "architectures": list_architectures()}, as_json)
    elif model is None:
        raise ConfigError("name a model, or use --list to see those that come with the program")
    else:
        from fakd_core.evaluation.diagnose import diagnose_model

        sides = re.fullmatch(r"([1-9]\d{0,8})x([1-9]\d{0,8})", size)
        if sides is None:
            raise ConfigError(
                f"--size: expected height x width in LR pixels, such as 36x64, found {size[:40]!r}"
            )
        diagnosis = diagnose_model(model, lr_size=(int(sides[1]), int(sides[2])), scale=scale)
        if diagnosis.error is None:
            _print(diagnosis.rows, as_json)
            return
        _print({**diagnosis.rows, **({"error": str(diagnosis.error)} if as_json else {})}, as_json)
        raise diagnosis.error


def _print(rows: dict[str, Any], as_json: bool) -> None:
    if not rows:
        return
    if as_json:
        typer.echo(json.dumps(rows))
        return
    from fakd_core.evaluation.diagnose import format_row

    table = Table(show_header=False, box=None)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name in rows:
        table.add_row(name, format_row(rows, name))
    output.print(table, soft_wrap=False)

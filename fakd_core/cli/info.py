"""`fakd info`: what a model is."""

from __future__ import annotations

import json
import re
from typing import Any

import typer
from rich.table import Table

from fakd_core.cli import completion
from fakd_core.cli.console import output
from fakd_core.errors import ConfigError, FakdError


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
        rows = _list()
    elif model is None:
        raise ConfigError("name a model, or use --list to see those that come with the program")
    else:
        lr_size = _size(size)
        try:
            rows = _describe(model, lr_size, scale)
        except FakdError:
            _show(_diagnose(model), as_json)
            raise
    _show(rows, as_json)


def _show(rows: dict[str, Any], as_json: bool) -> None:
    if not rows:
        return
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table(show_header=False, box=None)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, ", ".join(map(str, value)) if isinstance(value, list) else str(value))
    output.print(table, soft_wrap=False)


def _describe(ref: str, lr_size: tuple[int, int], scale: int) -> dict[str, Any]:
    from fakd_core.catalogue import has_weights, load_model, model_file, resolve_spec
    from fakd_core.config import check_scale
    from fakd_core.doctor import describe_file, next_step, value_range
    from fakd_core.models.checkpoint import stored_as
    from fakd_core.profiling import profile

    network = load_model(ref) if has_weights(ref) else None
    spec = network.spec if network is not None else resolve_spec(ref, check_scale(scale))
    measured = profile(spec, lr_size)
    rows: dict[str, Any] = {"model": ref}
    if network is not None:
        path = model_file(ref)
        rows |= {"file": str(path), **describe_file(path, usable=True), "key format": stored_as(path, spec)}
        rows |= {"value range": value_range(network), "next": next_step(path, spec)}
    else:
        rows |= {"file": "none: a preset, with no weights"}
    sizes = spec.model_dump(exclude={"taps", "tap_widths"})
    return {
        **rows,
        **sizes,
        "taps": [f"{index}: {name}" for index, name in enumerate(spec.tap_names)] or "none",
        "parameters": measured.parameters,
        "gmacs": round(measured.gmacs, 3),
        "gmacs_lr_size": f"{lr_size[0]}x{lr_size[1]}",
    }


def _diagnose(ref: str) -> dict[str, Any]:
    """What can be said of a file that is no usable model; nothing where there is no such file."""
    from fakd_core.catalogue import model_file
    from fakd_core.doctor import describe_file

    try:
        path = model_file(ref)
        return {"file": str(path), **describe_file(path, usable=False)} if path.is_file() else {}
    except (FakdError, OSError):
        return {}


def _list() -> dict[str, Any]:
    from fakd_core.catalogue import bundled_models
    from fakd_core.models import list_architectures
    from fakd_core.models.presets import PRESETS

    return {
        "bundled": list(bundled_models()),
        "presets": list(PRESETS),
        "architectures": list_architectures(),
    }


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d{0,8})x([1-9]\d{0,8})", text)
    if match is None:
        raise ConfigError(f"--size: height x width in LR pixels, such as 36x64 (found {text[:40]!r})")
    return int(match[1]), int(match[2])

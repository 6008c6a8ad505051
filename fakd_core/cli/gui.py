"""`fakd gui`: open the workbench."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

import typer

from fakd_core.cli import completion
from fakd_core.errors import ConfigError


def gui(
    images: list[Path] | None = typer.Argument(None, metavar="IMAGE", help="Images to open in Compare."),
    run: Path | None = typer.Option(None, "--run", help="Run folder to show."),
    device: str | None = typer.Option(
        None, help="auto, cpu, cuda, mps. [default: the last choice]", autocompletion=completion.devices
    ),
) -> None:
    """Open the window through its entry point: the core imports no GUI."""
    found = entry_points(group="gui_scripts", name="fakd-gui")
    if not found:
        raise ConfigError(
            "the window is not installed; install the whole package: pip install fakd-workbench"
        )
    main = next(iter(found)).load()
    arguments = [str(image) for image in images or []]
    arguments += ["--run", str(run)] if run else []
    raise typer.Exit(main(arguments + (["--device", device] if device else [])))

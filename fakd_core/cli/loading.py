"""The option --device of commands that run networks, and the loading of networks onto that device."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from fakd_core.cli import completion
from fakd_core.cli.console import errors, one_line

if TYPE_CHECKING:
    from fakd_core.models.layers import SRNetwork

DEVICE = typer.Option("auto", help="auto, cpu, cuda, mps.", autocompletion=completion.devices)


def loader_onto(device: str) -> Callable[[str], SRNetwork]:
    """A function that loads a model onto `device`; without enough memory there, onto the CPU with a note.

    Raises `ConfigError` for a device that can't be used.
    """
    from fakd_core.runs.references import load_model
    from fakd_core.runtime.device import choose_device, move_network

    chosen = choose_device(device)

    def notify(text: str) -> None:
        errors.print(f"note: {one_line(text)}", style="yellow", soft_wrap=True)

    return lambda ref: move_network(load_model(ref), chosen, notify, ref)

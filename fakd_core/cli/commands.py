"""All commands in one application, started with Ctrl+C caught; an error ends it with one clear line."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from io import TextIOWrapper
from types import FrameType

import typer

from fakd_core import __version__
from fakd_core.cli import affinity, evaluate, export, figure, gui, info, train, upscale
from fakd_core.cli.command import Command
from fakd_core.cli.console import errors, one_line
from fakd_core.cli.exit_status import DONE, STOPPED, WRONG_USAGE, exit_status
from fakd_core.events import CancelToken
from fakd_core.runtime.cpu_tuning import limit_openmp_spinning
from fakd_core.system.platforms import STOP_SIGNALS

app = typer.Typer(
    name="fakd",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Rich would treat "[default: 4]" as markup and drop it.
    rich_markup_mode=None,
    help="Distil image super-resolution networks by feature affinity, and evaluate the results.",
)
app.command("gui", cls=Command, help="Open the workbench.")(gui.gui)
app.command("train", cls=Command, help="Train a student, or resume a run.")(train.train)
app.command("evaluate", cls=Command, help="Compute PSNR and SSIM of models on datasets.")(evaluate.evaluate)
app.command("upscale", cls=Command, help="Enlarge images with a model.")(upscale.upscale)
app.command("figure", cls=Command, help="Make a figure for a paper: crops with scores.")(figure.figure)
app.command("affinity", cls=Command, help="Make a figure of feature affinities.")(affinity.affinity)
app.command("export", cls=Command, help="Export a model for other tools: safetensors, .pth, ONNX.")(
    export.export
)
app.command(
    "info", cls=Command, help="Show a model's sizes, parameters, GMACs, feature taps and key format."
)(info.info)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"fakd {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of a failure."),
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """Options of every command."""


def run(argv: Sequence[str]) -> int:
    """Run the command in `argv`.

    Ctrl+C, Ctrl+Break or SIGTERM stop after the current step, a second Ctrl+C at once.
    """
    arguments = list(argv)
    debug = "--debug" in arguments
    arguments = ["--debug"] * debug + [argument for argument in arguments if argument != "--debug"]
    limit_openmp_spinning()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # File names may not be encodable in the terminal's encoding.
            stream.reconfigure(errors="backslashreplace")
    token = CancelToken()

    def stop(signal_number: int, frame: FrameType | None) -> None:
        # torchrun sends SIGTERM to the remaining processes, even if they are stopping already.
        if token.cancelled and signal_number != signal.SIGTERM:
            raise KeyboardInterrupt
        token.cancel()

    before = {number: signal.signal(number, stop) for number in STOP_SIGNALS}
    try:
        # The final message is printed completely before a second signal takes effect.
        return _status(arguments, token, debug)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _status(arguments: list[str], token: CancelToken, debug: bool) -> int:
    try:
        app(arguments, prog_name="fakd", obj=token)
    except SystemExit as end:
        # Older versions of click end with 0 after the help; the shell's completion has no arguments either.
        if end.code == DONE and not arguments and "_FAKD_COMPLETE" not in os.environ:
            return WRONG_USAGE
        return end.code if isinstance(end.code, int) else DONE
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - one clear line, never a traceback
        status, message = exit_status(error)
        if status == STOPPED:
            errors.print(message)
        else:
            errors.print(f"error: {one_line(message)}", style="red", soft_wrap=True)
            if debug:
                traceback.print_exc()
        return status
    return DONE

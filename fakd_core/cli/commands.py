"""The commands together, and what their ends mean: exit 0, 1, 2 or 130."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from types import FrameType

import typer

from fakd_core import __version__
from fakd_core.cli import affinity, evaluate, export, figure, gui, info, train, upscale
from fakd_core.cli.console import errors
from fakd_core.cli.exit_status import STOPPED
from fakd_core.errors import ConfigError, FakdError
from fakd_core.events import Cancelled, CancelToken
from fakd_core.runtime.cpu_tuning import limit_openmp_spinning

app = typer.Typer(
    name="fakd",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Rich would take "[default: 4]" for markup and leave it out.
    rich_markup_mode=None,
    help="Distil image super-resolution networks by feature affinity, and measure what came of it.",
)
app.command("gui", help="Open the workbench.")(gui.gui)
app.command("train", help="Train a student, or continue a run.")(train.train)
app.command("evaluate", help="PSNR and SSIM of models on sets of images.")(evaluate.evaluate)
app.command("upscale", help="Enlarge images with a model.")(upscale.upscale)
app.command("figure", help="A paper's figure: crops with scores.")(figure.figure)
app.command("affinity", help="A figure of feature affinities.")(affinity.affinity)
app.command("export", help="A model as files that other tools open: safetensors, .pth, ONNX.")(export.export)
app.command("info", help="What a model is: sizes, parameters, GMACs, taps, key format.")(info.info)


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
    """Run the command in `argv`. Ctrl+C or SIGTERM stops after the current step; a second Ctrl+C, at once."""
    arguments = list(argv)
    debug = "--debug" in arguments
    arguments = ["--debug"] * debug + [argument for argument in arguments if argument != "--debug"]
    limit_openmp_spinning()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # Any name of a file can be told of, whatever the terminal's letters.
            stream.reconfigure(errors="backslashreplace")
    token = CancelToken()
    # What is told at the end is told in full before a second signal counts.
    with _stopped_by_signals(token):
        return _status(arguments, token, debug)


def _status(arguments: list[str], token: CancelToken, debug: bool) -> int:
    try:
        app(arguments, prog_name="fakd", obj=token)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except (Cancelled, KeyboardInterrupt):
        errors.print("stopped")
        return STOPPED
    except FakdError as error:
        return _failed(str(error), 2 if isinstance(error, ConfigError) else 1, debug)
    except OSError as error:
        # A full disk, a folder without permission: the system says what, only a person can help.
        where = f"{error.filename}: " if error.filename else ""
        return _failed(f"{where}{error.strerror or error}", 1, debug)
    except Exception as error:  # noqa: BLE001 - the last line of defence: one clear line, never a traceback
        from fakd_core.runtime.device import is_out_of_memory

        if is_out_of_memory(error):
            return _failed("not enough memory; use a smaller batch, patch, tile or network", 1, debug)
        return _failed(f"unexpected {type(error).__name__}: {error} (--debug shows where)", 1, debug)
    return 0


def _failed(reason: str, status: int, debug: bool) -> int:
    # Names of files may hold line ends and escape codes: the reason stays one line, and harmless.
    shown = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in reason)
    errors.print(f"error: {shown}", style="red", soft_wrap=True)
    if debug:
        traceback.print_exc()
    return status


@contextmanager
def _stopped_by_signals(token: CancelToken) -> Iterator[None]:
    def stop(signal_number: int, frame: FrameType | None) -> None:
        # torchrun sends SIGTERM to the processes that are left, whether they are stopping already or not.
        if token.cancelled and signal_number == signal.SIGINT:
            raise KeyboardInterrupt
        token.cancel()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""The commands together, and what their ends mean: exit 0, 1, 2 or 130."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import typer

from fakd_core import __version__
from fakd_core.cli import evaluate, gui, info, train, upscale
from fakd_core.cli.console import STOPPED, errors
from fakd_core.errors import ConfigError, FakdError
from fakd_core.events import Cancelled, CancelToken
from fakd_core.threads import share_cores

app = typer.Typer(
    name="fakd",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Rich would take "[default: 4]" for markup and leave it out.
    rich_markup_mode=None,
    help="Distil image super-resolution networks by feature affinity, and measure what came of it.",
)
app.command("gui", help="Open the workbench.")(gui.gui)
app.command("train", help="Train a student, or continue a run.")(train.train)
app.command("evaluate", help="PSNR and SSIM of models on sets of images.")(evaluate.evaluate)
app.command("upscale", help="Enlarge images with a model.")(upscale.upscale)
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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in `argv`. Ctrl+C stops after the current step; a second one, at once."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    arguments = ["--debug"] * debug + [argument for argument in arguments if argument != "--debug"]
    token = CancelToken()
    share_cores()
    try:
        with _stopped_by_signals(token):
            app(arguments, prog_name="fakd", obj=token)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except (Cancelled, KeyboardInterrupt):
        errors.print("stopped")
        return STOPPED
    except FakdError as error:
        errors.print(f"error: {error}", style="red", soft_wrap=True)
        if debug:
            traceback.print_exc()
        return 2 if isinstance(error, ConfigError) else 1
    except OSError as error:
        # A full disk, a folder without permission: the system says what, only a person can help.
        where = f"{error.filename}: " if error.filename else ""
        errors.print(f"error: {where}{error.strerror or error}", style="red", soft_wrap=True)
        if debug:
            traceback.print_exc()
        return 1
    except Exception as error:  # noqa: BLE001 - the last line of defence: one clear line, never a traceback
        message = f"error: unexpected {type(error).__name__}: {error} (--debug shows where)"
        errors.print(message, style="red", soft_wrap=True)
        if debug:
            traceback.print_exc()
        return 1
    return 0


@contextmanager
def _stopped_by_signals(token: CancelToken) -> Iterator[None]:
    def stop(signal_number: int, frame: FrameType | None) -> None:
        if token.cancelled:
            raise KeyboardInterrupt
        token.cancel()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

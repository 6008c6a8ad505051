"""The consoles that the commands print to, and their progress bars."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fakd_core.system.platforms import is_closed_pipe

# Output to a file or a pipe is not wrapped: another program reads it. File names may look like markup, and
# must be printed as they are.
_UNWRAPPED = 10_000


class _Output(Console):
    """The console of stdout. A closed pipe (`| head`) must not end a training."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does, which knows a closed pipe on Linux and macOS only."""
        try:
            super().print(*objects, **options)
        except OSError as error:
            if not is_closed_pipe(error):
                raise
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


output = _Output(
    # sys.stdout is None if it was closed.
    width=None if sys.stdout and sys.stdout.isatty() else _UNWRAPPED,
    markup=False,
    highlight=False,
    soft_wrap=True,
)
errors = Console(stderr=True, markup=False, highlight=False)


class _Bar(Progress):
    def stop(self) -> None:
        # Disabled, rich before 14.3 still ends it with an empty line.
        if not self.disable:
            super().stop()


def progress_bar() -> Progress:
    """A bar on stderr, so that stdout holds results only; invisible if stderr is not a terminal."""
    return _Bar(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )


def print_above(bar: Progress, text: str) -> None:
    """Print `text` to stdout; above the bar if both are on the terminal."""
    (bar.console if output.is_terminal else output).print(text)


def print_remarks(name: str, remarks: Iterable[str]) -> None:
    """Print a line to stderr for each choice or guess that was made when the model `name` was read."""
    for remark in remarks:
        errors.print(f"note: {one_line(name)}: {one_line(remark)}", style="yellow", soft_wrap=True)


def one_line(text: str) -> str:
    """`text` as one harmless line: names of files may contain line ends and escape codes."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)

"""Where the commands print to, and the token that Ctrl+C cancels."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fakd_core.events import Progress as Done

# Where stdout is a file or a pipe nothing is wrapped: another program reads it. Names of files may look
# like markup, and must stay as they are.
_UNWRAPPED = 10_000


class _Output(Console):
    """A reader that leaves early, as `head` does, ends no training: the rest is told to nobody."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


output = _Output(
    # Of a closed stdout Python makes None.
    width=None if sys.stdout and sys.stdout.isatty() else _UNWRAPPED,
    markup=False,
    highlight=False,
    soft_wrap=True,
)
errors = Console(stderr=True, markup=False, highlight=False)


def progress_bar() -> Progress:
    """A bar on stderr, so that stdout holds results alone; none where stderr is no terminal."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )


def print_above(bar: Progress, text: str) -> None:
    """Print `text` to stdout; where that is the terminal the bar is on, above the bar and not into it."""
    (bar.console if output.is_terminal else output).print(text)


@contextmanager
def reported_progress(what: str) -> Iterator[Callable[[Done], None]]:
    """A bar driven by the core's `Progress` events."""
    with progress_bar() as bar:
        task = bar.add_task(what, total=None)

        def report(done: Done) -> None:
            description = f"{what} {done.what}".rstrip()
            bar.update(task, completed=done.done, total=done.total, description=description)

        yield report

"""Where the commands print to, and the token that Ctrl+C cancels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fakd_core.events import Progress as Done

STOPPED = 130

output = Console()
errors = Console(stderr=True)


def progress_bar() -> Progress:
    """A bar on stderr, so that stdout holds results alone."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
    )


@contextmanager
def reported_progress(what: str) -> Iterator[Callable[[Done], None]]:
    """A bar driven by the core's `Progress` events."""
    with progress_bar() as bar:
        task = bar.add_task(what, total=None)

        def report(done: Done) -> None:
            description = f"{what} {done.what}".rstrip()
            bar.update(task, completed=done.done, total=done.total, description=description)

        yield report

"""Export in a child process: torch's tracing can't be interrupted, and affects networks on other threads."""

from __future__ import annotations

import multiprocessing
import sys
import traceback
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from fakd_core.errors import ExportError
from fakd_core.events import CancelToken
from fakd_core.export.checkpoints import Exported, ExportEvent, export_model
from fakd_core.files import remove_unfinished

POLL_SECONDS = 0.1
MAX_STOP_SECONDS = 3.0
"""Time that a process gets to end by itself, and then once it is terminated; after that it is killed."""


def export_file(
    ref: str, path: Path, options: Mapping[str, Any], *, cancel: CancelToken
) -> Iterator[ExportEvent]:
    """`export_model` with `options`, ONNX in a child process: torch may crash while it traces a network.

    Yields and raises what `export_in_process` does.
    """
    if path.suffix.lower() != ".onnx":
        return export_model(ref, path, **options, cancel=cancel)
    if getattr(sys, "frozen", False):
        raise ExportError("the one-folder app writes no ONNX; export with fakd from an installed package")
    return export_in_process(ref, path, options, cancel=cancel)


def export_in_process(
    ref: str, path: Path, options: Mapping[str, Any], *, cancel: CancelToken
) -> Iterator[ExportEvent]:
    """`export_model` with `options` in a child process, which is stopped as soon as `cancel` is cancelled.

    Yields and raises what `export_model` does; also raises `ExportError` if the process ends unexpectedly.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_export, args=(sender, ref, path, options), daemon=True)
    process.start()
    sender.close()
    try:
        event: ExportEvent | None = None
        while not isinstance(event, Exported):
            cancel.raise_if_cancelled()
            if not receiver.poll(POLL_SECONDS):
                continue
            try:
                received = receiver.recv()
            except EOFError:
                process.join(MAX_STOP_SECONDS)
                raise ExportError(f"the export ended unexpectedly (exit code {process.exitcode})") from None
            if isinstance(received, Exception):
                raise received
            event = received
            yield received
        # What it wrote is complete: a process that doesn't end by itself is ended below.
        process.join(MAX_STOP_SECONDS)
    finally:
        process.terminate()
        process.join(MAX_STOP_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
        process.close()
        receiver.close()
        remove_unfinished(path)


def _export(sender: Connection, ref: str, path: Path, options: Mapping[str, Any]) -> None:
    try:
        for event in export_model(ref, path, **options):
            sender.send(event)
    except Exception as error:  # noqa: BLE001 - sent to the parent, with the traceback
        error.add_note(traceback.format_exc())
        try:
            sender.send(error)
        except (TypeError, AttributeError):
            sender.send(RuntimeError(f"{type(error).__name__}: {error}"))

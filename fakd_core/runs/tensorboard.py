"""Writes a run's events for TensorBoard.

Not through torch's SummaryWriter: its thread ends with a traceback at the first failed write and loses what
it holds, and the files of a run that is resumed within a second may be read in the wrong order.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fakd_core.errors import ConfigError
from fakd_core.events import RAW, AffinityRow, Image8, RunStarted, StepEnd, TrainEvent, ValidationEnd
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.deferred_writes import AppendLog, WriteFailures
from fakd_core.runs.layout import STUDENT, RunLayout
from fakd_core.runs.metrics_files import read_metrics

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary

_COLOUR_MAP = "bids:inferno"


def check_installed() -> None:
    """Raise `ConfigError` that says what to install if TensorBoard is missing."""
    try:
        import torch.utils.tensorboard.summary  # noqa: F401 - only whether it can be imported
    except ImportError as error:
        raise ConfigError(
            f"tensorboard can't be used here ({error}): "
            'pip install "fakd-workbench[tensorboard]", or drop tensorboard'
        ) from None


def follow(events: Generator[TrainEvent, None, None], config: TrainConfig) -> Iterator[TrainEvent]:
    """Yield the `events` of a run, each after it is written for TensorBoard.

    A notice reports when writing starts to fail and when it recovers; nothing is lost meanwhile.
    """
    log, failures = _EventLog(config), WriteFailures()
    with closing(events):
        for event in events:
            failures.attempt("TensorBoard", partial(log.write, event))
            yield event
            yield from failures.notices()


class _EventLog:
    """Writes one event file each time the run is started or resumed."""

    def __init__(self, config: TrainConfig) -> None:
        self._config = config
        self._folder = RunLayout(config.run).tensorboard
        # TensorBoard reads the files of a folder in the order of their names.
        name = f"events.out.tfevents.{time.time():017.6f}.{socket.gethostname()}"
        self._log = AppendLog(self._folder / name)

    def write(self, event: TrainEvent) -> None:
        """Write what TensorBoard shows of `event`; raises `OSError` if that has to be done later."""
        match event:
            case RunStarted():
                self._log.buffer(b"".join(self._start(event)))
            case StepEnd():
                self._log.buffer(b"".join(_losses(event.step, event.losses, event.lr)))
            case ValidationEnd():
                self._log.buffer(b"".join(self._validation(event)))
        if self._log.has_pending:
            self._folder.mkdir(exist_ok=True)
            self._log.flush()

    def _start(self, event: RunStarted) -> Iterator[bytes]:
        """The first records; in a resumed run they make TensorBoard drop later steps of earlier files."""
        from tensorboard.compat.proto.event_pb2 import SessionLog

        yield _record(file_version="brain.Event:2")
        step, resumed = event.first_step, self._folder.is_dir()
        if resumed:
            last = [line for line in read_metrics(self._config.run) if line["step"] == step]
            validated = any(line["event"] == "validation" for line in last)
            start = SessionLog(status=SessionLog.START)
            yield _record(session_log=start, step=step + 1 if validated else step)
            for line in last:
                if line["event"] == "step" and not validated:
                    yield from _losses(step, line["losses"], line["lr"])
        if not resumed or step == 0:
            yield from self._settings()
            yield from _image(step, "preview/bicubic", event.preview.bicubic)
            yield from _image(step, "preview/hr", event.preview.hr)
            yield from _image(step, "preview/teacher", event.preview.teacher)
            yield from _image(step, "affinity/teacher", self._colour(event.teacher_affinity))

    def _settings(self) -> Iterator[bytes]:
        """The run's settings, and the score that belongs to them."""
        from torch.utils.tensorboard.summary import hparams

        values = {
            name: ", ".join(map(str, value)) if isinstance(value, list) else value
            for name, value in self._config.model_dump(mode="json", exclude_none=True).items()
        }
        settings, start, _ = hparams(values, {"validation/psnr": 0.0})  # type: ignore[no-untyped-call]
        yield from (_record(summary=settings), _record(summary=start))

    def _validation(self, event: ValidationEnd) -> Iterator[bytes]:
        for name, scores in {STUDENT: event.student, **event.others}.items():
            suffix = "" if name == STUDENT else f" {name}"
            yield _scalar(event.step, f"validation/psnr{suffix}", scores.psnr)
            yield _scalar(event.step, f"validation/ssim{suffix}", scores.ssim)
        for name, image in {STUDENT: event.preview, **event.other_previews}.items():
            yield from _image(event.step, f"preview/{name}", image)
        yield from _image(event.step, f"affinity/{STUDENT}", self._colour(event.affinity))

    def _colour(self, row: AffinityRow | None) -> Image8 | None:
        """Colour affinities from 0, dark, to 1; each position is as large as in the preview."""
        from cmap import Colormap

        if row is None:
            return None
        colours = Colormap(_COLOUR_MAP)(np.clip(row, 0, 1))[..., :3]
        pixels = np.rint(255 * colours).astype(np.uint8)
        enlarged: Image8 = pixels.repeat(self._config.scale, axis=0).repeat(self._config.scale, axis=1)
        return enlarged


def _losses(step: int, losses: Mapping[str, float | None], lr: float) -> Iterator[bytes]:
    for name, loss in losses.items():
        if loss is not None:
            group = "loss unweighted" if name.startswith(RAW) else "loss"
            yield _scalar(step, f"{group}/{name.removeprefix(RAW)}", loss)
    yield _scalar(step, "learning rate", lr)


def _scalar(step: int, tag: str, value: float) -> bytes:
    from torch.utils.tensorboard.summary import scalar

    summary: Summary = scalar(tag, value)  # type: ignore[no-untyped-call]
    return _record(step=step, summary=summary)


def _image(step: int, tag: str, pixels: Image8 | None) -> Iterator[bytes]:
    from torch.utils.tensorboard.summary import image

    if pixels is not None:
        summary: Summary = image(tag, pixels, dataformats="HWC")  # type: ignore[no-untyped-call]
        yield _record(step=step, summary=summary)


def _record(**content: Any) -> bytes:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    record = io.BytesIO()
    RecordWriter(record).write(Event(wall_time=time.time(), **content).SerializeToString())
    return record.getvalue()

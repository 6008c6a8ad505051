"""A run as TensorBoard shows it: event files in the run folder, written by listening to the run's events."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from fakd_core.errors import ConfigError
from fakd_core.events import AffinityRow, Image8, RunStarted, StepEnd, TrainEvent, ValidationEnd
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.deferred_writes import AppendLog, WriteFailures
from fakd_core.runs.layout import STUDENT, RunLayout
from fakd_core.runs.metrics_files import read_metrics

if TYPE_CHECKING:
    from collections.abc import Generator

    from tensorboard.compat.proto.summary_pb2 import Summary

_HEAT = "bids:inferno"


def check_installed() -> None:
    """Raise `ConfigError` that says what to install where TensorBoard is missing."""
    try:
        import torch.utils.tensorboard.summary  # noqa: F401 - it is only found out whether it is there
    except ImportError as error:
        raise ConfigError(
            f"tensorboard can't be used here ({error}): "
            'pip install "fakd-workbench[tensorboard]", or drop tensorboard'
        ) from None


def followed(events: Generator[TrainEvent, None, None], config: TrainConfig) -> Iterator[TrainEvent]:
    """`events` themselves, each written down before it is passed on.

    What can't be written is told of once by a `Notice`, and written when that is possible again.
    """
    log, troubles = _TensorBoardLog(config), WriteFailures()
    with closing(events):
        for event in events:
            troubles.attempt("TensorBoard's files", partial(log.write, event))
            yield event
            yield from troubles.notices()


class _TensorBoardLog:
    """Writes one file of events each time that the run is started or resumed."""

    def __init__(self, config: TrainConfig) -> None:
        self._config = config
        self._folder = RunLayout(config.run).tensorboard
        # TensorBoard reads the files of a folder in the order of their names.
        self._file = AppendLog(
            self._folder / f"events.out.tfevents.{time.time():017.6f}.{socket.gethostname()}"
        )

    def write(self, event: TrainEvent) -> None:
        """Write what `event` tells; raises `OSError` where it has to wait."""
        match event:
            case RunStarted():
                self._file.hold(b"".join(self._beginning(event)))
            case StepEnd():
                self._file.hold(_step(event.step, _losses(vars(event))))
            case ValidationEnd():
                self._file.hold(_step(event.step, [*_scores(event), *self._pictures(event)]))
        if self._file.waits:
            self._folder.mkdir(exist_ok=True)
            self._file.flush()

    def _beginning(self, event: RunStarted) -> Iterator[bytes]:
        """Of a run that goes on: TensorBoard is told from which step on it comes again."""
        from tensorboard.compat.proto.event_pb2 import SessionLog

        yield _record(file_version="brain.Event:2")
        step = event.first_step
        again = self._folder.is_dir()
        if again:
            last = [line for line in read_metrics(self._config.run) if line["step"] == step > 0]
            validated = any(line["event"] == "validation" for line in last)
            start = SessionLog(status=SessionLog.START)
            yield _record(session_log=start, step=step + 1 if validated else step)
            if not validated:
                yield from (_step(step, _losses(line)) for line in last if line["event"] == "step")
        if not again or step == 0:
            yield from (_record(summary=summary) for summary in self._settings())
            pictures = {"bicubic": event.preview.bicubic, "hr": event.preview.hr}
            if event.preview.teacher is not None:
                pictures["teacher"] = event.preview.teacher
            shown = [_picture(f"preview/{name}", image) for name, image in pictures.items()]
            yield _step(step, [*shown, *self._affinity("teacher", event.teacher_affinity)])

    def _settings(self) -> tuple[Summary, Summary]:
        """The run's options, and the score that belongs to them."""
        from torch.utils.tensorboard.summary import hparams

        values = self._config.model_dump(mode="json", exclude_none=True)
        texts = {
            name: ", ".join(map(str, value)) if isinstance(value, list) else value
            for name, value in values.items()
        }
        described, begun, _ = hparams(texts, {"validation/psnr": 0.0})  # type: ignore[no-untyped-call]
        return described, begun

    def _pictures(self, event: ValidationEnd) -> Iterator[Summary.Value]:
        for name, image in {STUDENT: event.preview, **event.other_previews}.items():
            yield _picture(f"preview/{name}", image)
        yield from self._affinity(STUDENT, event.affinity)

    def _affinity(self, name: str, row: AffinityRow | None) -> Iterator[Summary.Value]:
        """From 0, dark, to 1, each low-resolution position as large as it is in the preview."""
        from cmap import Colormap

        if row is not None:
            colours = Colormap(_HEAT)(np.clip(row, 0, 1))[..., :3]
            side = np.ones((self._config.scale, self._config.scale, 1))
            yield _picture(f"affinity/{name}", np.kron(np.rint(255 * colours), side).astype(np.uint8))


def _step(step: int, values: list[Summary.Value]) -> bytes:
    from tensorboard.compat.proto.summary_pb2 import Summary

    return _record(step=step, summary=Summary(value=values))


def _record(**what: Any) -> bytes:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    record = io.BytesIO()
    RecordWriter(record).write(Event(wall_time=time.time(), **what).SerializeToString())
    return record.getvalue()


def _losses(step: Mapping[str, Any]) -> list[Summary.Value]:
    """Of a step, as its event or its line in the metrics tells them."""
    named = {"loss/total": step["total"], "learning rate": step["lr"], "loss/baseline": step.get("baseline")}
    named |= {f"loss/{name}": value for name, value in step["parts"].items()}
    named |= {f"loss unweighted/{name}": value for name, value in step["raw"].items()}
    return [_number(name, value) for name, value in named.items() if value is not None]


def _scores(event: ValidationEnd) -> Iterator[Summary.Value]:
    for name, scores in {STUDENT: event.student, **event.others}.items():
        suffix = "" if name == STUDENT else f" {name}"
        yield _number(f"validation/psnr{suffix}", scores.psnr)
        yield _number(f"validation/ssim{suffix}", scores.ssim)


def _number(tag: str, value: float) -> Summary.Value:
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary.Value(tag=tag, simple_value=value)


def _picture(tag: str, image: Image8) -> Summary.Value:
    from tensorboard.compat.proto.summary_pb2 import Summary

    png = io.BytesIO()
    Image.fromarray(image).save(png, format="PNG")
    height, width = image.shape[:2]
    picture = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=png.getvalue())
    return Summary.Value(tag=tag, image=picture)

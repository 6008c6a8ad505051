"""Whole trainings of a few steps, and their losses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from fakd_core.events import Notice, Progress, StepEnd, TrainEvent
from fakd_core.runs.config import TrainConfig
from fakd_core.training.trainer import train

STUDENT = "rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4"


def run(settings: dict[str, Any], **changes: Any) -> list[TrainEvent]:
    """The events of a whole run, without progress."""
    return without_progress(train(TrainConfig.build(**{**settings, **changes})))


def without_progress(events: Iterator[TrainEvent]) -> list[TrainEvent]:
    return [event for event in events if not isinstance(event, Progress)]


def losses(events: Iterable[TrainEvent]) -> list[float]:
    return [event.losses["total"] for event in events if isinstance(event, StepEnd)]


def notices(events: Iterable[TrainEvent]) -> list[str]:
    """The notices, but for the warning of the teacher, which has random weights."""
    texts = [event.text for event in events if isinstance(event, Notice)]
    return [text for text in texts if "less than bicubic" not in text]

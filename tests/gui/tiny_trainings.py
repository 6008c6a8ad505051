"""Trainings of two steps in the window."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot

from fakd_core.runs.config import TrainConfig
from fakd_gui.session.jobs import JobEnd
from fakd_gui.session.session import Session


def make_config(run: Path, teacher: Path, photos: Path, **changes: object) -> TrainConfig:
    sizes = {"steps": 2, "batch": 1, "patch": 12, "val_images": 1, **changes}
    student = "rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4"
    return TrainConfig.build(teacher=str(teacher), student=student, train_data=photos, run=run, **sizes)


def train_to_the_end(qtbot: QtBot, session: Session, config: TrainConfig) -> JobEnd:
    with qtbot.waitSignal(session.training_finished) as ended:
        session.start_training(config)
    end = ended.args[0]
    assert isinstance(end, JobEnd)
    return end

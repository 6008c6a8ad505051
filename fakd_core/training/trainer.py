"""Training a student by feature-affinity distillation, as a generator of events."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fakd_core.errors import RunError
from fakd_core.events import CancelToken, Notice, TrainEvent
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.layout import read_config, read_metrics
from fakd_core.runs.tensorboard import check_installed, followed
from fakd_core.runs.writer import ForeignRecord, RunRecord
from fakd_core.runtime.cpu_tuning import freed_memory_kept
from fakd_core.runtime.distributed import ALONE, LostPeerError, World
from fakd_core.training.loop import TrainingRun, described
from fakd_core.training.setup import TrainingSetup, anchored, prepare


def train(
    config: TrainConfig, token: CancelToken | None = None, world: World = ALONE
) -> Iterator[TrainEvent]:
    """Start the run `config` describes. Nothing is written before everything is loaded and checked.

    Cancelling `token` ends the run after the current step with a checkpoint and a `RunEnd` that says
    "stopped"; leaving the generator does not write one. Where several processes train together, `batch`
    is shared by them, each gets the same events, and the first alone writes; a token cancelled in one of
    them ends all after the same step.

    Raises:
        FakdError: a setting, model, image or the run folder can't be used, or the loss is not finite.
        Cancelled: the token was cancelled before everything was loaded.
    """
    token = token or CancelToken()
    world.from_first(lambda: RunRecord.check_free(config.run))
    config = anchored(config)
    if config.tensorboard:
        world.from_first(check_installed)
    with world.together():
        setup = yield from prepare(config, token, world)
    yield from setup.lessons.prepare(token, world)
    device = described(setup, world)
    world.from_first(lambda: RunRecord.create(config, device, setup.data_fingerprint))
    record = _record(config.run, world)
    with _locked(record, world), freed_memory_kept():
        active = TrainingRun(config, setup, record, token, world)
        yield from _followed(active.events(), config, world)


def resume_training(
    run: Path, token: CancelToken | None = None, world: World = ALONE
) -> Iterator[TrainEvent]:
    """Continue the run in folder `run` from its last checkpoint, exactly as it would have gone on.

    It may go on with another number of processes; see `train`.

    Raises:
        FakdError: as `train`; `RunError` if the training images have changed since, or while another
            process goes on with the same run.
        Cancelled: as `train`.
    """
    token = token or CancelToken()
    config = world.from_first(lambda: read_config(run))
    if config.tensorboard:
        world.from_first(check_installed)
    record = _record(run, world)
    with _locked(record, world):
        with world.together():
            setup = yield from prepare(config, token, world)
        world.from_first(lambda: _check_same_images(config, record, setup))
        yield from setup.lessons.prepare(token, world)
        active = TrainingRun(config, setup, record, token, world)
        state, damaged = world.from_first(record.load_checkpoint)
        if state is None and world.from_first(lambda: bool(read_metrics(run))):
            yield Notice("no checkpoint was saved yet; the run begins anew")
        with world.together():
            active.restore(state)
        if damaged:
            yield Notice(_from_before(damaged, active.step))
        with freed_memory_kept():
            yield from _followed(active.events(), config, world)


def _followed(
    events: Generator[TrainEvent, None, None], config: TrainConfig, world: World
) -> Iterator[TrainEvent]:
    return followed(events, config) if config.tensorboard and world.leads else events


def _record(run: Path, world: World) -> RunRecord:
    return RunRecord(run) if world.leads else ForeignRecord(run)


@contextmanager
def _locked(record: RunRecord, world: World) -> Iterator[None]:
    with ExitStack() as held:
        with world.together():
            held.enter_context(record.locked())
        try:
            yield
        except LostPeerError as error:
            raise LostPeerError(f"{error}; continue with --resume {record.folder}") from error


def _from_before(damaged: list[Path], step: int) -> str:
    names = " and ".join(path.name for path in damaged)
    return f"{names}: damaged; going on from the checkpoint before, after step {step}"


def _check_same_images(config: TrainConfig, record: RunRecord, setup: TrainingSetup) -> None:
    if record.fingerprint() != setup.data_fingerprint:
        raise RunError(
            f"{config.train_data}: the training images changed since the run {record.folder} began; "
            "start a new run"
        )

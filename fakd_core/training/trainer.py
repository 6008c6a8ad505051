"""Training a student by feature-affinity distillation, as a generator of events."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fakd_core.errors import RunError
from fakd_core.events import CancelToken, Notice, TrainEvent
from fakd_core.runs.config import TrainConfig, read_config
from fakd_core.runs.metrics_files import read_metrics
from fakd_core.runs.tensorboard import check_installed, followed
from fakd_core.runs.writer import NullRunWriter, RunWriter
from fakd_core.runtime.cpu_tuning import retain_freed_memory
from fakd_core.runtime.distributed import SINGLE_PROCESS, LostPeerError, World
from fakd_core.training.loop import TrainingRun, described
from fakd_core.training.setup import TrainingSetup, anchored, prepare


def train(
    config: TrainConfig, token: CancelToken | None = None, world: World = SINGLE_PROCESS
) -> Iterator[TrainEvent]:
    """Start the run `config` describes. Nothing is written before everything is loaded and checked.

    Cancelling `token` ends the run after the current step with a checkpoint and a `RunEnd` that says
    "stopped"; leaving the generator does not write one. Where several processes train together, `batch`
    is shared by them, each gets the same events, and the first alone writes; a token cancelled in one of
    them ends all after the same step.

    Raises:
        FakdError: a setting, model, image or the run folder can't be used, or the loss is not finite.
        Cancelled: the token was cancelled before everything was loaded.

    Example:
        >>> from fakd_core import TrainConfig, train
        >>> config = TrainConfig.build(
        ...     teacher="rcan-g5-r1-c32-x4-fakd",
        ...     student="rcan:n_resgroups=2,n_resblocks=1,n_feats=8,reduction=4",
        ...     train_data="samples", run="runs/first", steps=2, batch=2, patch=12, val_images=1,
        ... )
        >>> *_, end = train(config)
        >>> end.outcome, end.step, end.student_file.name
        ('completed', 2, 'best.safetensors')
    """
    token = token or CancelToken()
    world.broadcast_from_main(lambda: RunWriter.check_free(config.run))
    config = anchored(config)
    if config.tensorboard:
        world.broadcast_from_main(check_installed)
    with world.all_or_none():
        setup = yield from prepare(config, token, world)
    yield from setup.lessons.prepare(token, world)
    device = described(setup, world)
    world.broadcast_from_main(lambda: RunWriter.create(config, device, setup.data_fingerprint))
    record = _record(config.run, world)
    with _locked(record, world), retain_freed_memory():
        active = TrainingRun(config, setup, record, token, world)
        yield from _followed(active.events(), config, world)


def resume_training(
    run: Path, token: CancelToken | None = None, world: World = SINGLE_PROCESS
) -> Iterator[TrainEvent]:
    """Continue the run in folder `run` from its last checkpoint, exactly as it would have gone on.

    It may go on with another number of processes; see `train`.

    Raises:
        FakdError: as `train`; `RunError` if the training images have changed since, or while another
            process goes on with the same run.
        Cancelled: as `train`.

    Example:
        >>> from pathlib import Path
        >>> from fakd_core import TrainConfig, resume_training, train
        >>> events = train(TrainConfig.build(
        ...     student="edsr:n_resblocks=2,n_feats=8", train_data="samples", run="runs/second",
        ...     steps=2, batch=2, patch=12, val_images=1,
        ... ))
        >>> any(event.step == 1 for event in events if hasattr(event, "lr"))  # leaves after the first step
        True
        >>> events.close()
        >>> *_, end = resume_training(Path("runs/second"))
        >>> end.outcome, end.step
        ('completed', 2)
    """
    token = token or CancelToken()
    config = world.broadcast_from_main(lambda: read_config(run))
    if config.tensorboard:
        world.broadcast_from_main(check_installed)
    record = _record(run, world)
    with _locked(record, world):
        with world.all_or_none():
            setup = yield from prepare(config, token, world)
        world.broadcast_from_main(lambda: _check_same_images(config, record, setup))
        yield from setup.lessons.prepare(token, world)
        active = TrainingRun(config, setup, record, token, world)
        state, damaged = world.broadcast_from_main(record.load_checkpoint)
        if state is None and world.broadcast_from_main(lambda: bool(read_metrics(run))):
            yield Notice("no checkpoint was saved yet; the run begins anew")
        with world.all_or_none():
            active.restore(state)
        if damaged:
            yield Notice(_from_before(damaged, active.step))
        with retain_freed_memory():
            yield from _followed(active.events(), config, world)


def _followed(
    events: Generator[TrainEvent, None, None], config: TrainConfig, world: World
) -> Iterator[TrainEvent]:
    return followed(events, config) if config.tensorboard and world.is_main else events


def _record(run: Path, world: World) -> RunWriter:
    return RunWriter(run) if world.is_main else NullRunWriter(run)


@contextmanager
def _locked(record: RunWriter, world: World) -> Iterator[None]:
    with ExitStack() as held:
        with world.all_or_none():
            held.enter_context(record.locked())
        try:
            yield
        except LostPeerError as error:
            raise LostPeerError(f"{error}; continue with --resume {record.layout.folder}") from error


def _from_before(damaged: list[Path], step: int) -> str:
    names = " and ".join(path.name for path in damaged)
    return f"{names}: damaged; going on from the checkpoint before, after step {step}"


def _check_same_images(config: TrainConfig, record: RunWriter, setup: TrainingSetup) -> None:
    if record.fingerprint() != setup.data_fingerprint:
        raise RunError(
            f"{config.train_data}: the training images changed since the run {record.layout.folder} began; "
            "start a new run"
        )

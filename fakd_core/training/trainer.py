"""Training a student by feature-affinity distillation, as a generator of events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fakd_core.data.folders import resolve_all
from fakd_core.errors import ConfigError, DataError, RunError
from fakd_core.events import CancelToken, Notice, TrainEvent
from fakd_core.runs.config import TrainConfig, read_config
from fakd_core.runs.metrics_files import read_metrics
from fakd_core.runs.tensorboard import check_installed, follow
from fakd_core.runs.writer import NullRunWriter, RunWriter
from fakd_core.runtime.cpu_tuning import retain_freed_memory
from fakd_core.runtime.device import DTYPES, choose_device, choose_precision
from fakd_core.runtime.distributed import SINGLE_PROCESS, LostPeerError, World
from fakd_core.system.platforms import quote
from fakd_core.training.images import VALIDATION_FINGERPRINT
from fakd_core.training.loop import TrainingLoop
from fakd_core.training.setup import prepare, with_absolute_paths


def train(
    config: TrainConfig, token: CancelToken | None = None, world: World = SINGLE_PROCESS
) -> Iterator[TrainEvent]:
    """Start the run that `config` describes. Nothing is written before everything is loaded and checked.

    Cancelling `token` ends the run after the current step with a checkpoint and a `RunEnd` whose outcome is
    "stopped"; leaving the generator saves no checkpoint. If several processes train together, they share
    `batch`, each gets the same events, and only the first writes; cancelling the token of one of them stops
    all after the same step.

    Raises:
        FakdError: A setting, model, image or the run folder can't be used, or the loss is not finite.
        Cancelled: The token was cancelled before everything was loaded.

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
    config = with_absolute_paths(config)
    if config.tensorboard:
        world.broadcast_from_main(check_installed)
    with world.all_or_none():
        setup = yield from prepare(config, token, world)
    config = config.model_copy(update={"precision": setup.precision})
    setup.remember_images(world)
    yield from setup.batches.prepare(token, world)
    world.broadcast_from_main(lambda: RunWriter.create(config, setup.device, setup.images.fingerprints))
    writer = _writer(config, world)
    with _locked(writer, world), retain_freed_memory():
        loop = TrainingLoop(setup=setup, writer=writer, token=token, world=world)
        yield from _events(loop, config, world)


def resume_training(
    run: Path,
    token: CancelToken | None = None,
    world: World = SINGLE_PROCESS,
    *,
    train_data: Sequence[Path] = (),
    val_data: Sequence[Path] = (),
) -> Iterator[TrainEvent]:
    """Continue the run in the folder `run` from its last checkpoint, as if it had not been interrupted.

    The number of processes may differ from before; see `train`. `train_data` and `val_data` are the folders
    of its images if they were moved: they must hold the same images, and stand in the run's settings then.

    Raises:
        FakdError: As for `train`; `RunError` if the training images have changed, or if another process
            trains the same run.
        Cancelled: As for `train`.

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
    moved = {"train_data": train_data, "val_data": val_data}
    moved = {name: folders for name, folders in moved.items() if folders}
    config = world.broadcast_from_main(lambda: _read_moved(run, moved))
    if config.tensorboard:
        world.broadcast_from_main(check_installed)
    writer = _writer(config, world)
    with _locked(writer, world):
        with world.all_or_none():
            setup = yield from prepare(config, token, world)
        world.broadcast_from_main(lambda: _check_same_images(config, writer, setup.images.fingerprints))
        if moved and world.is_main:
            writer.change_settings(config, moved)
        setup.remember_images(world)
        yield from setup.batches.prepare(token, world)
        loop = TrainingLoop(setup=setup, writer=writer, token=token, world=world)
        state, damaged = world.broadcast_from_main(writer.load_checkpoint)
        if state is None and world.broadcast_from_main(lambda: bool(read_metrics(run))):
            yield Notice("no checkpoint was found; the run starts again from its first step")
        with world.all_or_none():
            notice = loop.restore(state)
        if notice:
            yield Notice(notice)
        if damaged:
            names = " and ".join(path.name for path in damaged)
            yield Notice(f"{names}: damaged; resuming from the checkpoint before, after step {loop.step}")
        with retain_freed_memory():
            yield from _events(loop, config, world)


def _events(loop: TrainingLoop, config: TrainConfig, world: World) -> Iterator[TrainEvent]:
    return follow(loop.events(), config) if config.tensorboard and world.is_main else loop.events()


def _writer(config: TrainConfig, world: World) -> RunWriter:
    return (RunWriter if world.is_main else NullRunWriter)(config.run, config.checkpoint_every)


@contextmanager
def _locked(writer: RunWriter, world: World) -> Iterator[None]:
    with ExitStack() as held:
        with world.all_or_none():
            held.enter_context(writer.locked())
        try:
            yield
        except LostPeerError as error:
            raise LostPeerError(
                f"{error}; continue with --resume {quote(str(writer.layout.folder))}"
            ) from error


def _read_moved(run: Path, moved: Mapping[str, Sequence[Path]]) -> TrainConfig:
    """The settings of the run, whose images were `moved`, if at all, by option."""
    config = read_config(run)
    if "val_data" in moved and not config.val_data:
        raise ConfigError(
            f"{run}: this run validates on images held out of its training images; drop --val-data"
        )
    if moved:
        config = with_absolute_paths(TrainConfig.build(**{**config.model_dump(), **moved}))
    for name in ("train_data", "val_data"):
        for folder in resolve_all(getattr(config, name)):
            if not folder.exists():
                raise DataError(
                    f"{folder}: no such folder; if its images were moved, name their folder with "
                    f"--{name.replace('_', '-')} beside --resume"
                )
    if config.precision == "auto":  # Older versions measured nothing.
        precision = DTYPES[choose_precision("auto", choose_device(config.device))]
        config = config.model_copy(update={"precision": precision})
    return config


def _check_same_images(config: TrainConfig, writer: RunWriter, found: Mapping[str, str]) -> None:
    """Raise `RunError` if a fingerprint that was taken at the start of the run is another one now."""
    for name, expected in writer.fingerprints().items():
        if name in found and found[name] != expected:
            folders, kind = config.train_data, "training"
            if name == VALIDATION_FINGERPRINT:
                folders, kind = config.val_data, "validation"
            raise RunError(
                f"{', '.join(map(str, folders))}: the {kind} images have changed since the run "
                f"{writer.layout.folder} was started; name the folder that has them, or start a new run"
            )

"""`fakd train`: start or continue a run, with its progress."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from fakd_core.cli import STOPPED
from fakd_core.cli.console import errors, output, print_above, progress_bar
from fakd_core.config import TrainConfig, read_toml
from fakd_core.errors import ConfigError
from fakd_core.events import (
    Cancelled,
    CancelToken,
    Progress,
    RunEnd,
    RunStarted,
    Scores,
    StepEnd,
    TrainEvent,
    ValidationEnd,
)

if TYPE_CHECKING:
    from fakd_core.distributed import World

LOG_LINES = 20
"""Where there is no terminal, a run prints about this many lines of losses."""


def train(
    context: typer.Context,
    teacher: list[str] | None = typer.Option(
        None,
        help="Bundled name, checkpoint or run folder; one of several is drawn per step. Default: none.",
    ),
    student: str | None = typer.Option(None, help="Preset, 'rcan:n_feats=32,...', or a model to start from."),
    train_data: str | None = typer.Option(None, help="Folder of images, or 'samples' for the bundled ones."),
    val_data: str | None = typer.Option(None, help="Validation images; default: held out from --train-data."),
    scale: int | None = typer.Option(None, help="2, 3, 4 or 8. [default: 4]"),
    run: Path | None = typer.Option(None, help="New folder for settings, metrics and checkpoints."),
    alpha: float | None = typer.Option(None, help="Share of the teacher's output, 0..1. [default: 0.5]"),
    distill: str | None = typer.Option(None, help="Recipe of feature terms. [default: 10*SA]"),
    layers: str | None = typer.Option(None, help="Taps compared, of 0..3. [default: 1,2,3]"),
    init_from_teacher: bool | None = typer.Option(
        None, "--init-from-teacher/--no-init-from-teacher", help="Start from the teacher's matching layers."
    ),
    twin: bool | None = typer.Option(
        None, "--twin/--no-twin", help="Train a second student without the teacher, on the same batches."
    ),
    steps: int | None = typer.Option(None, help="Optimiser steps. [default: 200000]"),
    batch: int | None = typer.Option(None, help="Patches per step, over all processes. [default: 16]"),
    patch: int | None = typer.Option(None, help="Patch side in LR pixels. [default: 48]"),
    lr: float | None = typer.Option(None, help="Adam's learning rate. [default: 1e-4]"),
    schedule: str | None = typer.Option(None, help="milestones or cosine. [default: milestones]"),
    milestones: str | None = typer.Option(None, help="Steps at which the rate halves. [default: 150000]"),
    validate_every: int | None = typer.Option(
        None, help="Steps between validations. [default: a tenth, at most 1000]"
    ),
    val_images: int | None = typer.Option(
        None, help="Validation images. [default: all of --val-data, or 5 held out]"
    ),
    ema: float | None = typer.Option(
        None, help="Decay of a moving average of the student, such as 0.999. Default: none."
    ),
    teacher_cache: Path | None = typer.Option(
        None, help="Folder to keep the teacher's answers in, so that it runs once. Default: none."
    ),
    cache_patches: int | None = typer.Option(None, help="Patches in that folder; every step draws of them."),
    precision: str | None = typer.Option(None, help="auto, fp32, bf16 or fp16. [default: auto]"),
    compile: bool | None = typer.Option(
        None, "--compile/--no-compile", help="Compile the networks first: minutes, for faster steps on a GPU."
    ),
    device: str | None = typer.Option(None, help="auto, cpu, cuda, cuda:1, mps. [default: auto]"),
    seed: int | None = typer.Option(None, help="Seed of weights, patches and draws. [default: 0]"),
    config: Path | None = typer.Option(
        None, help="TOML file with any of these options; the command line wins."
    ),
    resume: Path | None = typer.Option(
        None, help="Continue the run in this folder exactly; takes no other option."
    ),
) -> None:
    """Build the configuration from the file and the options, and follow the run's events."""
    from fakd_core.distributed import joined

    given = {
        "teacher": tuple(teacher) if teacher else None,
        "student": student,
        "train_data": train_data,
        "val_data": val_data,
        "scale": scale,
        "run": run,
        "alpha": alpha,
        "distill": distill,
        "layers": _numbers("--layers", layers),
        "init_from_teacher": init_from_teacher,
        "twin": twin,
        "steps": steps,
        "batch": batch,
        "patch": patch,
        "lr": lr,
        "schedule": schedule,
        "milestones": _numbers("--milestones", milestones),
        "validate_every": validate_every,
        "val_images": val_images,
        "ema": ema,
        "teacher_cache": teacher_cache,
        "cache_patches": cache_patches,
        "precision": precision,
        "compile": compile,
        "device": device,
        "seed": seed,
    }
    options = {name: value for name, value in given.items() if value is not None}
    with joined() as world, _one_voice(world):
        events = _events(resume, config, options, context.obj, world)
        end = _follow(events) if world.leads else _await(events)
        if end is not None and end.outcome == "stopped":
            raise typer.Exit(STOPPED)


@contextmanager
def _one_voice(world: World) -> Iterator[None]:
    """Of an error that several processes meet, one tells; the others end with the same status in silence."""
    from fakd_core.distributed import PeerFailedError

    try:
        yield
    except PeerFailedError:
        raise typer.Exit(1) from None
    except (typer.Exit, KeyboardInterrupt):
        raise
    except Cancelled:
        if world.leads:
            raise
        raise typer.Exit(STOPPED) from None
    except Exception:
        if world.speaks_first():
            raise
        raise typer.Exit(1) from None


def _events(
    resume: Path | None, config: Path | None, given: dict[str, Any], token: CancelToken, world: World
) -> Iterator[TrainEvent]:
    from fakd_core import trainer

    if resume is None:
        values = {**(read_toml(config.expanduser()) if config else {}), **given}
        return trainer.train(TrainConfig.build(**values), token, world)
    if given or config:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in [*given, *(["config"] if config else [])])
        raise ConfigError(
            f"--resume continues a run with its own settings and takes no other option (found {named})"
        )
    return trainer.resume_training(resume.expanduser(), token, world)


def _numbers(option: str, text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ConfigError(
            f"{option}: whole numbers with commas between them, such as 1,2,3 (found {text!r})"
        ) from None


def _await(events: Iterator[TrainEvent]) -> RunEnd | None:
    """Work through `events` in silence: another process tells of them."""
    end = None
    for event in events:
        if isinstance(event, RunEnd):
            end = event
    return end


def _follow(events: Iterator[TrainEvent]) -> RunEnd | None:
    end = None
    with progress_bar() as bar:
        task = bar.add_task("loading", total=None)
        for event in events:
            match event:
                case Progress():
                    if event.note:
                        print_above(bar, event.note)
                    bar.update(task, total=event.total, completed=event.done, description=event.what)
                case RunStarted():
                    print_above(bar, _introduction(event))
                    bar.update(task, total=event.steps, completed=event.first_step, description="training")
                case StepEnd():
                    bar.update(task, completed=event.step, description=f"loss {event.total:.3f}")
                    if not errors.is_terminal and event.step % max(event.steps // LOG_LINES, 1) == 0:
                        print_above(bar, _loss_line(event))
                case ValidationEnd():
                    print_above(bar, _scores_line(event))
                case RunEnd():
                    end = event
    if end is None:
        return None
    if end.outcome == "stopped":
        run = _run_of(end.student_file.parent)
        output.print(
            f"stopped after step {end.step}; continue with: fakd train --resume {shlex.quote(str(run))}"
        )
    else:
        output.print(f"done in {end.seconds:.0f} s of training: {end.student_file}")
    return end


def _run_of(folder: Path) -> Path:
    return folder.parent if folder.name == "checkpoints" else folder


def _introduction(event: RunStarted) -> str:
    teachers = ", ".join(event.teacher_names) or "none (ground truth alone)"
    levels = f"bicubic {event.bicubic.psnr:.3f} dB"
    if event.teacher:
        levels += f", teacher {event.teacher.psnr:.3f} dB"
    copied = f", {event.copied_tensors} tensors copied from the teacher" if event.copied_tensors else ""
    return (
        f"run {event.run} on {event.device}\n"
        f"teacher {teachers}; student with {event.student_parameters:,} parameters{copied}\n"
        f"{event.train_images} training images, {event.validation_images} for validation: {levels}"
    )


def _loss_line(event: StepEnd) -> str:
    parts = "  ".join(f"{name} {value:.3f}" for name, value in event.parts.items())
    plain = f"  plain {event.plain:.3f}" if event.plain is not None else ""
    return f"step {event.step}/{event.steps}: loss {event.total:.3f}  {parts}{plain}"


def _scores_line(event: ValidationEnd) -> str:
    def written(scores: Scores) -> str:
        return f"PSNR {scores.psnr:.3f} dB, SSIM {scores.ssim:.4f}"

    best = " (best)" if event.best else ""
    others = "".join(f"; {name} {written(scores)}" for name, scores in event.others.items())
    return f"step {event.step}: validation {written(event.student)}{best}{others}"

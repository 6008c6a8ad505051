"""`fakd train`: start or resume a run, and show its progress."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from fakd_core.cli import completion
from fakd_core.cli.console import errors, output, print_above, progress_bar
from fakd_core.cli.exit_status import STOPPED
from fakd_core.cli.train_settings import check_resume_options, read_settings
from fakd_core.errors import ConfigError
from fakd_core.events import (
    Cancelled,
    CancelToken,
    Notice,
    Progress,
    RunEnd,
    RunStarted,
    Scores,
    StepEnd,
    TrainEvent,
    ValidationEnd,
    format_score,
    weighted_parts,
)
from fakd_core.files import expand_home
from fakd_core.runs.config import TrainConfig, to_toml
from fakd_core.runs.layout import RunLayout, run_of
from fakd_core.runs.option_help import Option, training_options
from fakd_core.runs.presets import PRESETS
from fakd_core.system.platforms import quote

if TYPE_CHECKING:
    from fakd_core.runtime.distributed import World

LOG_LINES = 20
"""About how many lines of losses a run prints without a terminal."""

_METAVARS = {
    **{"whole": "INTEGER", "wholes": "INTEGERS", "number": "NUMBER", "choice": "VALUE"},
    **{"model": "MODEL", "models": "MODEL", "images": "DIR", "folder": "DIR"},
    **{"recipe": "RECIPE", "taps": "LAYERS", "device": "DEVICE"},
}
"""Placeholders for values in the help; `TrainConfig` validates the values."""


def train(
    context: typer.Context,
    preset: str | None = typer.Option(
        None,
        metavar="NAME",
        help=f"Use the settings of a preset: {', '.join(PRESETS)}, or one that was saved in the window. "
        "All other options override it.",
        autocompletion=completion.training_presets,
    ),
    config: Path | None = typer.Option(
        None, help="TOML file with any of these options; the command line overrides it."
    ),
    from_fakd: str | None = typer.Option(
        None,
        metavar="COMMAND",
        help="A quoted command line of FAKD's own code: prints how its options translate, and uses them. "
        "All other options override it.",
    ),
    print_config: bool = typer.Option(
        False, "--print-config", help="Print the settings as a TOML file, and exit."
    ),
    estimate: bool = typer.Option(
        False, "--estimate", help="Print the time, memory and disk space that the run takes, and exit."
    ),
    resume: Path | None = typer.Option(
        None,
        help="Resume the run in this folder exactly. Takes --train-data and --val-data if its images were "
        "moved, and no other option.",
    ),
    continued: Path | None = typer.Option(
        None,
        "--continue",
        metavar="RUN",
        help="Start a new run from the best student of this run, with its settings and a new schedule of "
        "--steps. All other options override the settings.",
    ),
    **given: Any,
) -> None:
    """Start or resume a run with the given options, or print what they mean."""
    from fakd_core.runtime.distributed import join_world

    # A repeatable option that isn't given is an empty list.
    options = {name: _value(name, value) for name, value in given.items() if value not in (None, [])}
    with join_world() as world, _report_errors_once(world):
        events = _events(options, context.params, context.obj, world)
        end = _follow(events, silent=not world.is_main) if events else None
        if end is not None and end.outcome == "stopped":
            raise typer.Exit(STOPPED)


def _events(
    options: dict[str, Any], command: dict[str, Any], token: CancelToken, world: World
) -> Iterator[TrainEvent] | None:
    """The events of the run with `options`; None if the `command` only prints something."""
    if command["resume"] is not None:
        check_resume_options(options, command)
        from fakd_core.training import trainer

        moved = {name: tuple(map(Path, folders)) for name, folders in options.items()}
        return trainer.resume_training(expand_home(Path(command["resume"])), token, world, **moved)
    values = read_settings(options, command, world)
    if command["estimate"]:
        if world.is_main:
            typer.echo(_estimate(values, token))
        return None
    settings = TrainConfig.build(**values)
    if command["print_config"]:
        typer.echo(to_toml(settings) if world.is_main else "", nl=False)
        return None
    from fakd_core.training import trainer

    return trainer.train(settings, token, world)


def _parameter(option: Option) -> Parameter:
    """The command's parameter for an option of `TrainConfig`."""
    name = option.name.replace("_", "-")
    given = typer.Option(
        None,
        f"--{name}/--no-{name}" if option.kind == "switch" else f"--{name}",
        help=_help(option),
        metavar=_METAVARS.get(option.kind),
        autocompletion=lambda: completion.values_of(option),
    )
    kind = Parameter.POSITIONAL_OR_KEYWORD
    return Parameter(option.name, kind, default=given, annotation=_annotation(option))


def _annotation(option: Option) -> object:
    """The type that typer parses; text if `TrainConfig` validates it better than typer."""
    if option.kind == "choice" and isinstance(option.choices[0], int):
        return int | None
    return {"models": list[str] | None, "images": list[str] | None, "switch": bool | None}.get(
        option.kind, str | None
    )


def _help(option: Option) -> str:
    """The description, the choices and the default."""
    choices = f" One of {', '.join(map(str, option.choices))}." if option.choices else ""
    if option.unset or option.default in (None, False):
        default = f" Default: {option.unset}." if option.unset else ""
    else:
        value = option.default
        default = f" [default: {','.join(map(str, value)) if isinstance(value, tuple) else value}]"
    return f"{option.description}{choices}{default}"


def _value(name: str, given: Any) -> Any:
    kind = training_options()[name].kind
    if kind not in ("wholes", "taps"):
        return tuple(given) if kind in ("models", "images") else given
    try:
        return tuple(int(part) for part in given.split(",") if part.strip())
    except ValueError:
        raise ConfigError(
            f"--{name}: must be whole numbers separated by commas, such as 1,2,3 (found {given[:40]!r})"
        ) from None


# typer reads the signature with `inspect`: the options of `TrainConfig` take the place of `given`.
_CONTEXT, *_OWN, _GIVEN = signature(train, eval_str=True).parameters.values()
train.__signature__ = Signature(  # type: ignore[attr-defined]
    [_CONTEXT, *map(_parameter, training_options().values()), *_OWN]
)


@contextmanager
def _report_errors_once(world: World) -> Iterator[None]:
    """Only one rank reports an error that all of them hit; the others exit silently with the same status."""
    from fakd_core.runtime.distributed import PeerFailedError

    try:
        yield
    except PeerFailedError:
        raise typer.Exit(1) from None
    except (typer.Exit, KeyboardInterrupt):
        raise
    except Cancelled:
        if world.is_main:
            raise
        raise typer.Exit(STOPPED) from None
    except Exception:
        if world.claim_error_report():
            raise
        raise typer.Exit(1) from None


def _estimate(values: dict[str, Any], token: CancelToken) -> str:
    """Check the settings, and describe the time, memory and disk space that the run would take."""
    from fakd_core.runs.references import load_model
    from fakd_core.training.check import SettingsChecker

    # The run folder doesn't matter for an estimate, and may exist.
    check = SettingsChecker(load_model).check({**values, "run": None}, measure=True, token=token)
    if check.estimate is None:
        raise ConfigError("; ".join(f"{name}: {problem}" for name, problem in check.problems.items()))
    layers = check.facts.get("layers", "")
    return f"{check.estimate.report()}\nlayers:  {layers}" if layers else check.estimate.report()


def _follow(events: Iterator[TrainEvent], *, silent: bool) -> RunEnd | None:
    """Run to the end; print the events unless `silent`, because another process prints them."""
    if silent:
        ends = [event for event in events if isinstance(event, RunEnd)]
        return ends[-1] if ends else None
    end = None
    trained = False
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
                    trained = event.first_step < event.steps
                case StepEnd(skipped=str(reason)):
                    print_above(bar, f"step {event.step} skipped, the weights are unchanged: {reason}")
                    bar.update(task, completed=event.step)
                case StepEnd():
                    bar.update(task, completed=event.step, description=f"loss {event.losses['total']:.3f}")
                    if not errors.is_terminal and event.step % max(event.steps // LOG_LINES, 1) == 0:
                        print_above(bar, _loss_line(event))
                case ValidationEnd():
                    trained = True
                    print_above(bar, _scores_line(event))
                case Notice(text):
                    print_above(bar, text)
                case RunEnd():
                    end = event
    if end is not None:
        output.print(_conclusion(end, trained))
    return end


def _introduction(event: RunStarted) -> str:
    teachers = ", ".join(event.teacher_names) or "none (ground truth alone)"
    levels = f"bicubic {format_score(event.bicubic.psnr, '.3f')} dB"
    if event.teacher:
        levels += f", teacher {format_score(event.teacher.psnr, '.3f')} dB"
    copied = f", {event.copied_tensors} tensors copied from the teacher" if event.copied_tensors else ""
    return (
        f"run {event.run} on {event.device}\n"
        f"teacher {teachers}; student with {event.student_parameters:,} parameters{copied}\n"
        f"{event.train_images} training images, {event.validation_images} for validation: {levels}\n"
        f"LR images {event.lr_origin}"
    )


def _loss_line(event: StepEnd) -> str:
    losses = event.losses
    shown = {**weighted_parts(losses), **({"baseline": losses["baseline"]} if "baseline" in losses else {})}
    parts = "  ".join(f"{name} {loss:.3f}" for name, loss in shown.items())
    return f"step {event.step}/{event.steps}: loss {losses['total']:.3f}  {parts}"


def _scores_line(event: ValidationEnd) -> str:
    def format_scores(scores: Scores) -> str:
        return f"PSNR {format_score(scores.psnr, '.3f')} dB, SSIM {scores.ssim:.4f}"

    best = " (best)" if event.best else ""
    others = "".join(f"; {name} {format_scores(scores)}" for name, scores in event.others.items())
    return f"step {event.step}: validation {format_scores(event.student)}{best}{others}"


def _conclusion(end: RunEnd, trained: bool) -> str:
    run = run_of(end.student_file)
    assert run is not None
    if end.outcome == "stopped":
        return f"stopped after step {end.step}; continue with: fakd train --resume {quote(str(run))}"
    if trained:
        return f"done in {end.seconds:.0f} s of training: {end.student_file}"
    return (
        f"complete already, after step {end.step}; its student: {end.student_file}; to train it longer, "
        f"increase steps in {RunLayout(run).config} and resume it again, or start a new schedule with: "
        f"fakd train --continue {quote(str(run))} --steps N"
    )

"""Translates a command line of FAKD's own code (`python train.py --teacher [RCAN] ...`) into our options.

The options and their defaults follow its `option.py`, their effects its `train.py`.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from fakd_core.errors import ConfigError
from fakd_core.models.spec import TAP_COUNT, check_scale
from fakd_core.system.platforms import split_command

_NETWORKS = ("RCAN", "SAN", "EDSR")
_SCRIPTS = ("train.py", "main.py")
_DEFAULTS = {
    "teacher": "[RCAN]",
    "model": "RCAN",
    "alpha": 0.5,
    "feature_distilation_type": "1*SA",
    "feature_loss_used": 1,
    "features": "[1,2,3]",
    "scale": "4",
    "patch_size": 192,
    "batch_size": 16,
    "epochs": 700,
    "test_every": 1000,
    "lr": 1e-4,
    "decay": "150-300-450-600",
    "data_train": "DIV2K",
    "pool_size": 2,
    "pool_type": "max",
    "P": 2,
    "rbf_gamma": 5.0,
    "precision": "single",
}
"""FAKD's default values."""

_OUTPUT = "only affects what it prints and saves"
_IGNORED = {
    "n_GPUs": "several GPUs: torchrun --nproc-per-node K -m -- fakd_core.cli train ...",
    "n_threads": "images are decoded once, before the training",
    "data_test": "the best student is not selected on test sets; give --val-data, and use fakd evaluate",
    "data_range": "validation images are held out by --val-images, or given by --val-data",
    "ext": "decoded images are cached automatically",
    "rgb_range": "images are always 0..255",
    "n_colors": "images are always RGB",
    "print_every": _OUTPUT,
    "resume": "a run is resumed by --resume RUN",
    "template": "templates of its option.py are not read; give the options that they set",
    "optimizer": "always Adam",
    "momentum": "of SGD; the optimiser is always Adam",
    "betas": "always 0.9 and 0.999",
    "epsilon": "always 1e-8",
    "weight_decay": "always 0",
    "gamma": "the learning rate always halves",
    "loss": "the outputs are always compared by L1",
    "feature_loss_type": "feature maps are always compared by L1",
    "coef_sloss": "all layers have the same weight",
    **dict.fromkeys(
        ("student_n_resblocks", "n_resblocks", "n_resgroups", "reduction", "n_feats", "res_scale"),
        "its train.py always uses the paper's sizes; other sizes: --student rcan:n_resblocks=...",
    ),
    **dict.fromkeys(("G0", "RDNkSize", "RDNconfig"), "for RDN, which is not supported"),
    **dict.fromkeys(("ckp_path", "TS"), "only used by its test.py"),
}
_IGNORED_FLAGS = {
    "no_augment": "patches are always flipped and transposed",
    "chop": "large images are always upscaled in tiles if needed",
    **dict.fromkeys(("save_models", "save_gt", "save_results"), _OUTPUT),
    "reset": "a new run has a new folder",
}


@dataclass(frozen=True)
class Translation:
    """The options of `TrainConfig`, and a note on each option of FAKD's command line."""

    values: dict[str, Any]
    notes: tuple[str, ...]


def translate_command(
    command: str, overridden: Collection[str] = (), scale: int | None = None
) -> Translation:
    """Translate FAKD's command line into options of `TrainConfig`.

    Those in `overridden` are given elsewhere. So is `scale`, if it isn't None: values that depend on it are
    derived from this one.

    Raises:
        ConfigError: Something in it can't be parsed, or has no counterpart.
    """
    words, shell = _split_command(command)
    found, rest = _parser().parse_known_args(words)
    given: dict[str, Any] = vars(found)
    if given.get("test_only"):
        raise _error("--test_only tests a model; use fakd evaluate --model M --data DIR")
    if rest and not rest[0].startswith("-"):
        raise _error(f"{rest[0][:40]!r} belongs to no option; put quotation marks around values with spaces")
    values: dict[str, Any] = {}
    notes = []
    for field in _fields(given, overridden, scale):
        sources = ", ".join(_format_option(name, given) for name in field.sources)
        if field.name in overridden:
            if any(name in given for name in field.sources):
                notes.append(f"{sources}: ignored, --{field.name.replace('_', '-')} is given")
            continue
        value = values[field.name] = field.value()
        shown = list(value) if isinstance(value, tuple) else value
        notes.append(f"{sources}: {field.name} = {shown}{field.remark}")
    ignored = {**_IGNORED, **_IGNORED_FLAGS}
    notes += [f"{_format_option(name, given)}: ignored; {ignored[name]}" for name in given if name in ignored]
    notes += [f"{unknown}: ignored; unknown to FAKD's code" for unknown in _group_by_option(rest)]
    notes += [f"{shell}: ignored; it is for the shell"] if shell else []
    return Translation(values, tuple(notes))


@dataclass(frozen=True)
class _Field:
    """An option of `TrainConfig`, the options of FAKD that it comes from, and how to compute it."""

    name: str
    sources: tuple[str, ...]
    value: Callable[[], Any]
    remark: str = ""


def _fields(given: dict[str, Any], overridden: Collection[str], scale: int | None) -> Iterator[_Field]:
    options = {**_DEFAULTS, **given}
    remark = " (its place in FAKD's code; another file: --teacher FILE)"
    yield _Field(
        "teacher", ("teacher",), lambda: _teachers(options["teacher"], scale or _scale(options)), remark
    )
    yield _Field("student", ("model",), lambda: _student(options["model"]))
    yield _Field("scale", ("scale",), lambda: _scale(options))
    yield _Field("alpha", ("alpha",), lambda: options["alpha"])
    terms = [
        name for name in ("pool_size", "pool_type", "P", "rbf_gamma", "feature_loss_used") if name in given
    ]
    yield _Field("distill", ("feature_distilation_type", *terms), lambda: _recipe(options))
    yield _Field("layers", ("features",), lambda: _layers(options["features"]))
    patch = ("patch_size", "scale") if scale is None else ("patch_size",)
    remark = " (low-resolution pixels)" if scale is None else f" (low-resolution pixels at scale {scale})"
    yield _Field("patch", patch, lambda: options["patch_size"] // (scale or _scale(options)), remark)
    yield _Field("batch", ("batch_size",), lambda: options["batch_size"])
    yield _Field("steps", ("epochs", "test_every"), lambda: options["epochs"] * options["test_every"])
    yield _Field("validate_every", ("test_every",), lambda: options["test_every"])
    yield _Field("lr", ("lr",), lambda: options["lr"])
    yield _Field("milestones", ("decay", "test_every"), lambda: _milestones(options), " (steps)")
    yield _Field("precision", ("precision",), lambda: "fp16" if options["precision"] == "half" else "fp32")
    if "dir_data" in given:
        yield _Field("train_data", ("dir_data", "data_train"), lambda: _images(options))
    elif "train_data" not in overridden:
        raise _error("it has no training images (--dir_data); give them by --train-data DIR")
    if "ckp_dir" in given:
        yield _Field("run", ("ckp_dir",), lambda: str(Path(given["ckp_dir"])))
    elif "run" not in overridden:
        raise _error("it has no folder for the run (--ckp_dir); give one by --run DIR")
    if device := tuple(name for name in ("cpu", "gpu_id") if name in given):
        yield _Field("device", device, lambda: "cpu" if "cpu" in given else f"cuda:{given['gpu_id']}")


def _split_command(command: str) -> tuple[list[str], str]:
    """The words after the script's name, and those that are for the shell."""
    try:
        words = split_command(command.replace("\\\r\n", " ").replace("\\\n", " "))
    except ValueError as error:
        reason = "missing quotation mark" if "quotation" in str(error) else str(error).lower()
        raise _error(f"can't be parsed: {reason}") from None
    script = next((place for place, word in enumerate(words) if word.endswith(".py")), -1)
    if script < 0 and not (words and words[0].startswith("--")):
        raise _error(f"expected a command such as 'python train.py --scale 4', found {command[:60]!r}")
    if script >= 0 and Path(words[script]).name not in _SCRIPTS:
        raise _error(f"expected {' or '.join(_SCRIPTS)}, which train; found {words[script][:60]!r}")
    before, after = words[: script + 1], words[script + 1 :]
    end = next((at for at, word in enumerate(after) if re.match(r"[12&]?>|[|&;<]|.*;$", word)), len(after))
    options, rest = after[:end], after[end:]
    if rest and len(rest[0]) > 1 and rest[0].endswith(";"):
        options.append(rest.pop(0).removesuffix(";"))
    if any(word.endswith(".py") for word in rest):
        raise _error("it contains several commands; give the one that trains")
    dash = next((word for word in options if word.startswith(("\u2013", "\u2014", "\u2212"))), None)
    if dash is not None:
        raise _error(f"{dash[:60]}: starts with a long dash, as in a printed text; type --")
    variable = next((word for word in options if "$" in word), None)
    if variable is not None:
        raise _error(f"{variable[:60]}: a shell variable; give its value instead")
    shell = [word for word in before if "=" in word or word == "nohup"] + rest
    return options, " ".join(shell)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _error(message.removeprefix("argument "))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    for name, default in {**_DEFAULTS, "gpu_id": 0}.items():
        parser.add_argument(f"--{name}", type=_KINDS[type(default)])
    for name in ("dir_data", "ckp_dir", *_IGNORED):
        parser.add_argument(f"--{name}")
    for flag in ("cpu", "test_only", *_IGNORED_FLAGS):
        parser.add_argument(f"--{flag}", action="store_true")
    return parser


def _parse(kind: type, meaning: str, text: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be {meaning} (found {text[:40]!r})") from None


_KINDS: dict[type, Callable[[str], Any]] = {
    int: partial(_parse, int, "a whole number"),
    float: partial(_parse, float, "a number"),
    str: str,
}


def _scale(options: dict[str, Any]) -> int:
    if not re.fullmatch(r"[0-9]{1,2}", options["scale"]):
        raise _error(f"--scale: must be one scale, such as 4 (found {options['scale'][:40]!r})")
    return check_scale(int(options["scale"]))


def _teachers(text: str, scale: int) -> tuple[str, ...]:
    """The paths of FAKD's teachers, relative to the folder of its code."""
    names = re.findall(r"\w+", text)
    if not names or any(name not in _NETWORKS for name in names):
        raise _error(f"--teacher: must name some of {', '.join(_NETWORKS)}, as [RCAN] (found {text[:40]!r})")
    return tuple(f"../teacher_checkpoint/{name}_BIX{scale}.pt" for name in names)


def _student(name: str) -> str:
    if name not in _NETWORKS:
        raise _error(
            f"--model: must be one of {', '.join(_NETWORKS)} (found {name[:40]!r}); "
            "give another student by --student"
        )
    return f"{name.lower()}-paper-student"


def _recipe(options: dict[str, Any]) -> str:
    if not options["feature_loss_used"]:
        return "none"
    from fakd_core.distillation.recipe import parse_recipe

    pooled = f"k={options['pool_size']},pool={options['pool_type']}"
    parameters = {
        "PSA": pooled,
        "MMD": pooled,
        "RBF": f"{pooled},P={options['P']},gamma={options['rbf_gamma']:g}",
    }
    terms = []
    for term in options["feature_distilation_type"].split("+"):
        name = term.rpartition("*")[2].strip()
        terms.append(f"{term.strip()}({parameters[name]})" if name in parameters else term.strip())
    return str(parse_recipe("+".join(terms)))


def _layers(text: str) -> tuple[int, ...]:
    taps = r"\s*-?\d{1,3}(\s*,\s*-?\d{1,3})*\s*,?\s*"
    if not re.fullmatch(rf"\s*(\[{taps}\]|\({taps}\)|{taps})\s*", text):
        raise _error(f"--features: must be a list of taps, such as [1,2,3] (found {text[:40]!r})")
    # Negative taps count from the end, as in Python.
    return tuple(tap + TAP_COUNT if tap < 0 else tap for tap in map(int, re.findall(r"-?\d+", text)))


def _milestones(options: dict[str, Any]) -> tuple[int, ...]:
    if not re.fullmatch(r"\d{1,9}(-\d{1,9})*", options["decay"]):
        raise _error(f"--decay: must be epochs, such as 150-300 (found {options['decay'][:40]!r})")
    epochs = [int(epoch) for epoch in options["decay"].split("-")]
    return tuple(epoch * options["test_every"] for epoch in epochs if epoch < options["epochs"])


def _images(options: dict[str, Any]) -> str | tuple[str, ...]:
    """The folder of training images, or several of them, which FAKD joins with +."""
    folders = tuple(str(Path(options["dir_data"]) / name) for name in options["data_train"].split("+"))
    return folders if len(folders) > 1 else folders[0]


def _format_option(name: str, given: dict[str, Any]) -> str:
    if name not in given:
        return f"--{name} {_DEFAULTS[name]} (FAKD's default)"
    return f"--{name}" if given[name] is True else f"--{name} {given[name]}"


def _group_by_option(words: list[str]) -> list[str]:
    """Unknown options, each with the words that follow it."""
    groups: list[str] = []
    for word in words:
        if word.startswith("-") or not groups:
            groups.append(word)
        else:
            groups[-1] += f" {word}"
    return groups


def _error(reason: str) -> ConfigError:
    return ConfigError(f"--from-fakd: {reason}")

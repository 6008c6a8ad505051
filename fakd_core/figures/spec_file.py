"""Figure recipes: the TOML form of a figure's spec, with paths relative to its file where possible."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import tomlkit

from fakd_core.data.folders import SAMPLES, resolve_data
from fakd_core.errors import ConfigError
from fakd_core.figures.rendering import read_embedded
from fakd_core.figures.spec import BICUBIC, HR, AffinityFigure, CropFigure, FigureModel, FigureSpec
from fakd_core.files import write_text
from fakd_core.models.presets import PRESETS
from fakd_core.models.spec import WEIGHT_SUFFIXES
from fakd_core.runs.references import bundled_models, split_taps, with_taps
from fakd_core.settings import parse_toml, read_toml_text
from fakd_core.system.platforms import quote_all

FIGURE_SUFFIXES = (".png", ".pdf")
_HEADING = "A figure of FAKD Workbench. Make it again: fakd figure --recipe THIS_FILE"
_KINDS: dict[object, type[FigureSpec]] = {"crops": CropFigure, "affinity": AffinityFigure}


def read_spec(path: Path) -> FigureSpec:
    """Read a recipe from a TOML file, or from a figure (PNG, PDF) drawn by one; paths become absolute.

    Raises:
        ConfigError: The file has no recipe, or an option in it is at fault.
    """
    if path.is_dir() or not path.exists():
        found = "a folder" if path.is_dir() else "no such file"
        raise ConfigError(f"{path}: expected a figure's recipe, found {found}")
    is_figure = path.suffix.lower() in FIGURE_SUFFIXES
    text = read_embedded(path) if is_figure else read_toml_text(path)
    if text is None or (is_figure and "kind" not in text):
        raise ConfigError(
            f"{path}: no recipe in this picture; give a figure that fakd figure has drawn, or its TOML file"
        )
    try:
        return parse_spec(text, path.absolute().parent)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def parse_spec(text: str, folder: Path) -> FigureSpec:
    """Parse a recipe whose paths are relative to `folder`. Raises as `read_spec`."""
    values = parse_toml(text)
    kind = values.get("kind")
    if kind not in list(_KINDS):
        found = "nothing" if kind is None else repr(kind)
        raise ConfigError(f"kind: must be one of crops, affinity (found {found})")
    spec = _KINDS[kind].build(**values)

    def absolute(*models: FigureModel) -> tuple[FigureModel, ...]:
        return tuple(one.model_copy(update={"ref": _absolute_ref(one.ref, folder)}) for one in models)

    changes: dict[str, object] = {"image": Path(os.path.normpath(find_image(spec.image, folder)))}
    if isinstance(spec, CropFigure):
        changes["models"] = absolute(*spec.models)
    else:
        changes |= {"teacher": absolute(spec.teacher)[0], "students": absolute(*spec.students)}
    return spec.model_copy(update=changes)


def spec_text(spec: FigureSpec, folder: Path) -> str:
    """The recipe of `spec`, as TOML for a file in `folder`."""
    folder = folder.absolute()
    values = {"kind": spec.kind, **spec.model_dump(mode="json", exclude_none=True)}
    document = tomlkit.document()
    document.add(tomlkit.comment(_HEADING))
    for name, value in {**values, "image": _relative(spec.image, folder)}.items():
        document.add(name, _toml(value, folder))
    return tomlkit.dumps(document)


def spec_command(spec: FigureSpec) -> str:
    """The command line that draws `spec`, quoted for a shell; what is at its default is left out."""

    def repeated(option: str, *models: FigureModel) -> list[tuple[str, str]]:
        return [(option, f"{one.label}={one.ref}" if one.label else one.ref) for one in models]

    if isinstance(spec, CropFigure):
        command, own = "figure", ("metrics_of", "columns")
        options = repeated("model", *spec.models)
        options += [("roi", ",".join(map(str, box))) for box in spec.regions]
        if spec.metrics is not None:
            options.append(("metrics", ",".join(spec.metrics) or "none"))
    else:
        command, own = "affinity", ("difference_range", "opacity")
        options = repeated("teacher", spec.teacher) + repeated("student", *spec.students)
        options += [("layer", str(spec.layer)), ("at", ",".join(map(str, spec.query)))]
    for name in (*own, "scale", "width", "dpi", "font", "font_size"):
        value = getattr(spec, name)
        if name == "scale" or value != type(spec).model_fields[name].default:
            options.append((name.replace("_", "-"), f"{value:g} mm" if name == "width" else str(value)))
    options.append(("out", f"{spec.image.stem}-figure.png"))
    words = [word for option, value in options for word in (f"--{option}", value)]
    return quote_all(["fakd", command, str(spec.image), *["--lr"] * (spec.image_is == "lr"), *words])


def write_spec(spec: FigureSpec, path: Path) -> None:
    """Write the recipe to `path`; a file with an equal recipe is left as it is, with its comments.

    Raises:
        ConfigError: Another file than a recipe is there.
        OSError: The file can't be written.
    """
    check_replaceable(path)
    if not has_recipe(path, spec):
        write_text(path, spec_text(spec, path.parent))


def has_recipe(path: Path, spec: FigureSpec) -> bool:
    """True if the file at `path` is a recipe equal to that of `spec`."""
    folder = Path.cwd()
    try:
        return read_spec(path) == parse_spec(spec_text(spec, folder), folder)
    except ConfigError:
        return False


def check_replaceable(path: Path) -> None:
    """Raise `ConfigError` if `path` is a file other than a recipe: it must not be overwritten."""
    try:
        values = parse_toml(path.read_text(encoding="utf-8-sig")) if path.exists() else {"kind": "crops"}
    except (ConfigError, UnicodeDecodeError):
        values = {}
    if values.get("kind") not in list(_KINDS):
        raise ConfigError(
            f"{path}: the recipe would go there, but this file is no figure's recipe; "
            "choose another name for the figure"
        )


def find_image(ref: str | Path, folder: Path = Path()) -> Path:
    """`ref` in `folder`, or for `samples/NAME` the bundled image if there is no such file."""
    path = folder / os.path.expanduser(ref)
    if not os.path.exists(path) and Path(ref).parent == Path(SAMPLES):
        bundled = resolve_data(SAMPLES) / path.name
        return bundled if os.path.exists(bundled) else path
    return path


def _toml(value: Any, folder: Path) -> Any:
    """A model without a label as its reference alone; lists of models and of regions with a line for each."""
    if isinstance(value, dict):
        ref = _relative_ref(value["ref"], folder)
        if not value["label"]:
            return ref
        table = tomlkit.inline_table()
        table.update({"ref": ref, "label": value["label"]})
        return table
    if isinstance(value, list):
        items = tomlkit.array()
        items.extend([_toml(item, folder) for item in value])
        return items.multiline(bool(value) and isinstance(value[0], (dict, list)))
    return value


def _relative(path: Path, folder: Path) -> str:
    """`path` relative to `folder`, or absolute if they share nothing but the root."""
    path = Path(os.path.abspath(os.path.expanduser(path)))
    if path.parent == resolve_data(SAMPLES).absolute():
        return f"{SAMPLES}/{path.name}"
    if path.parts[:2] != folder.parts[:2]:
        return path.as_posix()
    return Path(os.path.relpath(path, folder)).as_posix()


def _relative_ref(ref: str, folder: Path) -> str:
    name, taps = split_taps(ref)
    if _is_known_name(name) or not os.path.exists(name):
        return ref
    path = _relative(Path(name), folder)
    return with_taps(f"./{path}" if _is_known_name(path) else path, taps)


def _absolute_ref(ref: str, folder: Path) -> str:
    name, taps = split_taps(ref)
    if _is_known_name(name):
        return ref
    path = folder / name
    is_path = os.path.exists(path) or path.name != name or path.suffix.lower() in WEIGHT_SUFFIXES
    return with_taps(os.path.normpath(path), taps) if is_path else ref


def _is_known_name(ref: str) -> bool:
    return ref in (BICUBIC, HR) or ref in bundled_models() or ref in PRESETS

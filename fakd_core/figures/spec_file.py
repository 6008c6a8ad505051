"""Recipes to and from TOML; what a recipe names is kept relative to the file, where that is possible."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import tomlkit

from fakd_core.data.folders import SAMPLES, resolve_data
from fakd_core.errors import ConfigError
from fakd_core.figures.embedded import embedded_recipe
from fakd_core.figures.spec import BICUBIC, HR, AffinityRecipe, CropRecipe, Recipe
from fakd_core.files import write_text
from fakd_core.models.presets import PRESETS
from fakd_core.models.references import bundled_models, split_taps, with_taps
from fakd_core.models.spec import WEIGHT_SUFFIXES
from fakd_core.settings import parse_toml, read_toml_text

FIGURE_SUFFIXES = (".png", ".pdf")
_HEADING = "A figure of FAKD Workbench. Make it again: fakd figure --recipe THIS_FILE"
_KINDS: dict[str, type[CropRecipe] | type[AffinityRecipe]] = {
    "crops": CropRecipe,
    "affinity": AffinityRecipe,
}


def read_recipe(path: Path) -> Recipe:
    """The recipe in a TOML file, or in a figure (PNG, PDF) that was drawn from one.

    Its paths become absolute. Raises `ConfigError` for what is no recipe, with the option at fault.
    """
    if path.is_dir() or not path.exists():
        found = "a folder" if path.is_dir() else "no such file"
        raise ConfigError(f"{path}: expected a figure's recipe, found {found}")
    text = embedded_recipe(path) if path.suffix.lower() in FIGURE_SUFFIXES else read_toml_text(path)
    try:
        return parse_recipe(text, path.absolute().parent)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def parse_recipe(text: str, folder: Path) -> Recipe:
    """The recipe in `text`; paths are relative to `folder`. Raises as `read_recipe`."""
    values = parse_toml(text)
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        found = "nothing" if kind is None else repr(kind)
        raise ConfigError(f"kind: must be one of {', '.join(_KINDS)} (found {found})")
    return _with_paths(_KINDS[kind].build(**values), lambda ref: _found(ref, folder), folder)


def recipe_text(recipe: Recipe, folder: Path) -> str:
    """`recipe` as TOML for a file in `folder`."""
    folder = folder.absolute()
    values = recipe.model_dump(mode="json", exclude_none=True)
    document = tomlkit.document()
    document.add(tomlkit.comment(_HEADING))
    document.add("kind", values.pop("kind"))
    document.add("image", _kept(recipe.image, folder))
    del values["image"]
    for name, value in values.items():
        document.add(name, _toml(value, folder))
    return tomlkit.dumps(document)


def write_recipe(recipe: Recipe, path: Path) -> None:
    """Write `recipe` to `path`; a file that says the same already stays as it is, with its comments.

    Raises `ConfigError` if another file than a recipe is there, `OSError` if it can't be written.
    """
    if path.exists():
        if _same(path, recipe):
            return
        check_replaceable(path)
    write_text(path, recipe_text(recipe, path.parent))


def check_replaceable(path: Path) -> None:
    """Raise `ConfigError` if `path` is a file other than a recipe: it is not ours to replace."""
    try:
        values = parse_toml(path.read_text(encoding="utf-8-sig")) if path.exists() else {"kind": "crops"}
    except (ConfigError, UnicodeDecodeError):
        values = {}
    if values.get("kind") not in _KINDS:
        raise ConfigError(
            f"{path}: the recipe would go there, but this file is no figure's recipe; "
            "choose another name for the figure"
        )


def find_image(ref: str | Path) -> Path:
    """`ref` itself, or `samples/NAME` among the bundled images where there is no such file."""
    path = Path(os.path.expanduser(ref))
    if not os.path.exists(path) and len(path.parts) == 2 and path.parts[0] == SAMPLES:
        bundled = resolve_data(SAMPLES) / path.name
        return bundled if os.path.exists(bundled) else path
    return path


def _same(path: Path, recipe: Recipe) -> bool:
    try:
        return read_recipe(path) == _absolute(recipe)
    except ConfigError:
        return False


def _absolute(recipe: Recipe) -> Recipe:
    return parse_recipe(recipe_text(recipe, Path.cwd()), Path.cwd())


def _toml(value: Any, folder: Path) -> Any:
    """A model as its name alone where it has no label of its own; lists of models a line each."""
    if isinstance(value, dict):
        ref = _kept_model(value["ref"], folder)
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


def _kept(path: Path, folder: Path) -> str:
    """`path` as a file in `folder` names it: relative, unless the two share nothing but the root."""
    path = Path(os.path.abspath(os.path.expanduser(path)))
    if path.parent == resolve_data(SAMPLES).absolute():
        return f"{SAMPLES}/{path.name}"
    try:
        shared = Path(os.path.commonpath([path, folder]))
    except ValueError:  # Two drives.
        return path.as_posix()
    if shared == Path(shared.anchor):
        return path.as_posix()
    return Path(os.path.relpath(path, folder)).as_posix()


def _kept_model(ref: str, folder: Path) -> str:
    name, taps = split_taps(ref)
    if _is_name(name) or not os.path.exists(os.path.expanduser(name)):
        return ref
    kept = _kept(Path(name), folder)
    return with_taps(f"./{kept}" if _is_name(kept) else kept, taps)


def _found(ref: str, folder: Path) -> str:
    name, taps = split_taps(ref)
    if _is_name(name):
        return ref
    path = folder / os.path.expanduser(name)
    is_path = os.path.exists(path) or path.name != name or path.suffix.lower() in WEIGHT_SUFFIXES
    return with_taps(os.path.normpath(path), taps) if is_path else ref


def _is_name(ref: str) -> bool:
    return ref in (BICUBIC, HR) or ref in bundled_models() or ref in PRESETS


def _with_paths(recipe: Recipe, found: Any, folder: Path) -> Recipe:
    image = folder / os.path.expanduser(recipe.image)
    changes: dict[str, Any] = {
        "image": Path(os.path.normpath(image)) if os.path.exists(image) else _bundled_or(recipe.image, image)
    }
    if isinstance(recipe, CropRecipe):
        changes["models"] = tuple(s.model_copy(update={"ref": found(s.ref)}) for s in recipe.models)
    else:
        changes["teacher"] = recipe.teacher.model_copy(update={"ref": found(recipe.teacher.ref)})
        changes["students"] = tuple(s.model_copy(update={"ref": found(s.ref)}) for s in recipe.students)
    return recipe.model_copy(update=changes)


def _bundled_or(named: Path, otherwise: Path) -> Path:
    bundled = find_image(named)
    return bundled if os.path.exists(bundled) else Path(os.path.normpath(otherwise))

"""The widgets of options, chosen by the meaning of the value, with one way to read and one to show it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from os.path import expanduser
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QMargins, Signal, SignalInstance
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLineEdit, QSizePolicy, QSpinBox, QWidget

from fakd_core.data.folders import SAMPLES
from fakd_core.models.presets import PRESETS as STUDENT_PRESETS
from fakd_core.models.spec import TAP_COUNT
from fakd_core.runs.option_help import Option
from fakd_core.runs.references import bundled_models
from fakd_gui.train import options
from fakd_gui.train.recipe_editor import RecipeEditor
from fakd_gui.widgets.input_fields import ReferenceField, ignore_wheel

NO_TEACHER = "none"
REFERENCES: Mapping[str, tuple[Iterable[str], Literal["model", "folder", "nothing"], str]] = {
    "model": (STUDENT_PRESETS, "model", "preset, sizes or file"),
    "folder": ([], "folder", "a new folder"),
    "device": (("auto", "cpu", "cuda", "mps"), "nothing", "auto"),
}
"""Suggestions, what a button chooses, and the placeholder, by the kind of an option."""
MAX_SPIN = 2**31 - 1
PARSERS = {"number": options.parse_number, "wholes": options.parse_whole_numbers}


@dataclass(frozen=True)
class Editor:
    """The widget of one option.

    `read` returns the value as `TrainConfig` takes it, or the typed text if that is no such value; `show`
    takes either. `marked` are the parts of `widget` that show a problem.
    """

    widget: QWidget
    changed: SignalInstance
    read: Callable[[], object]
    show: Callable[[object], None]
    marked: Sequence[QWidget] = ()


def make_editor(option: Option) -> Editor:
    """Make the widget of `option`; left empty, an option that may be left out is None."""
    match option.kind:
        case "models":
            return _teachers()
        case "images":
            return _folders(option)
        case "model" | "folder" | "device":
            return _reference(option)
        case "recipe":
            recipe = RecipeEditor()
            return Editor(recipe, recipe.changed, recipe.text, recipe.setText, marked=[recipe.edit])
        case "taps":
            boxes = LayerBoxes()
            return Editor(boxes, boxes.changed, boxes.value, boxes.set_value)
        case "switch":
            box = QCheckBox(option.title)
            return Editor(box, box.toggled, box.isChecked, box.setChecked)
        case "choice":
            box = choice([str(entry) for entry in option.choices])
            kind = type(option.choices[0])
            return Editor(
                box,
                box.currentTextChanged,
                read=lambda: kind(box.currentText()),
                show=lambda value: box.setCurrentText(str(value)),
            )
        case "whole":
            is_large = option.high is not None and option.high > MAX_SPIN
            return _typed(option, options.parse_whole_number) if is_large else _spin(option)
    return _typed(option, PARSERS.get(option.kind, str))


class LayerBoxes(QWidget):
    """Check boxes of the four feature taps, of which the checked ones are compared."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        layout = QHBoxLayout(self, contentsMargins=QMargins(), spacing=2)
        self.boxes = [QCheckBox(str(layer)) for layer in range(TAP_COUNT)]
        for layer, box in enumerate(self.boxes):
            where = {0: "after the head", TAP_COUNT - 1: "after the body"}.get(layer, "between")
            box.setAccessibleName(f"Layer {layer}, {where}")
            box.toggled.connect(lambda _: self.changed.emit())
            layout.addWidget(box)
        layout.addStretch()
        self.setFocusProxy(self.boxes[0])

    def value(self) -> tuple[int, ...]:
        return tuple(layer for layer, box in enumerate(self.boxes) if box.isChecked())

    def set_value(self, layers: Sequence[int]) -> None:
        for layer, box in enumerate(self.boxes):
            box.setChecked(layer in layers)


def choice(entries: Sequence[str]) -> QComboBox:
    """A combo box of `entries`, which doesn't react to the wheel."""
    box = QComboBox()
    box.addItems(entries)
    box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    ignore_wheel(box)
    return box


def _teachers() -> Editor:
    field = ReferenceField([*bundled_models(), NO_TEACHER], "model", placeholder="name or checkpoint file")

    def read() -> tuple[str, ...]:
        text = field.text()
        if text.lower() == NO_TEACHER:
            return ()
        return _split(text) or ("",)

    def show(names: Iterable[str]) -> None:
        if isinstance(names, str):
            raise TypeError("one name stands in a tuple")
        field.set_text("; ".join(names) if names else NO_TEACHER)

    return Editor(field, field.changed, read, show, marked=_parts(field))


def _folders(option: Option) -> Editor:
    """Folders of images; an empty field is ("",) if there must be some."""
    field = ReferenceField([SAMPLES], "folder", placeholder=option.unset or "folder of images")

    def read() -> tuple[str, ...]:
        text = field.text()
        folders = (text,) if ";" in text and Path(text).is_dir() else _split(text)
        return folders or (("",) if option.required else ())

    def show(folders: str | Path | Iterable[str | Path] | None) -> None:
        given = (folders,) if isinstance(folders, str | Path) else folders or ()
        field.set_text("; ".join(map(str, given)))

    return Editor(field, field.changed, read, show, marked=_parts(field))


def _split(text: str) -> tuple[str, ...]:
    """The names in `text`, which ; separates."""
    return tuple(part.strip() for part in text.split(";") if part.strip())


def _reference(option: Option) -> Editor:
    suggestions, choose, empty = REFERENCES[option.kind]
    field = ReferenceField(suggestions, choose, placeholder=option.unset or empty)

    def read() -> object:
        text = field.text()
        if option.kind == "folder":
            return Path(expanduser(text)) if text else None
        if option.kind == "device":
            return text or option.default
        return text if text or option.default is not None or option.required else None

    def show(value: object) -> None:
        field.set_text("" if value is None else str(value))

    return Editor(field, field.changed, read, show, marked=_parts(field))


def _parts(field: ReferenceField) -> list[QWidget]:
    return [field.combo, field.combo.lineEdit()]


def _spin(option: Option) -> Editor:
    """A spin box; its lowest value is None if the option may be left out."""
    may_be_none = option.default is None and not option.required
    low = int(option.low or 0)
    box = QSpinBox(
        minimum=low - may_be_none,
        maximum=int(option.high or MAX_SPIN),
        groupSeparatorShown=True,
        suffix=f" {option.unit}" if option.unit else "",
        specialValueText=option.unset if may_be_none else "",
        stepType=QSpinBox.StepType.AdaptiveDecimalStepType,
        keyboardTracking=False,
        minimumWidth=90,
        # Fusion draws spin boxes lower than its other fields.
        minimumHeight=QLineEdit().sizeHint().height(),
    )
    box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    ignore_wheel(box)

    def read() -> int | None:
        return None if may_be_none and box.value() < low else box.value()

    def show(value: object) -> None:
        if isinstance(value, int):
            box.setValue(value)
        elif value is None and may_be_none:
            box.setValue(low - 1)

    return Editor(box, box.valueChanged, read, show)


def _typed(option: Option, parse: Callable[[str], object]) -> Editor:
    edit = QLineEdit(placeholderText=option.unset, acceptDrops=False)
    return Editor(
        edit,
        edit.textChanged,
        read=lambda: parse(edit.text()),
        show=lambda value: edit.setText(options.format_value(value)),
    )

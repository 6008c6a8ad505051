"""The state of the Benchmark workspace: what to measure, and what the table shows of the results."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path

from pydantic import Field
from PySide6.QtCore import QObject, Signal

from fakd_core.data.folders import SAMPLES, hr_folder, resolve_data, set_folder
from fakd_core.data.resize import BICUBIC
from fakd_core.evaluation.published import SETS, published_set
from fakd_core.evaluation.report import Column, Kind, Report, Row, format_value
from fakd_core.evaluation.report_export import image_deltas
from fakd_core.evaluation.results import Cell, EvalSet, ImageResult
from fakd_gui.session.session import Session
from fakd_gui.session.user_files import Memory

LOWER_IS_BETTER = frozenset({Kind.PARAMETERS, Kind.GMACS, Kind.SECONDS})
RANKED_KINDS = (Kind.PSNR, Kind.SSIM, Kind.DELTA, Kind.SECONDS)


def show_value(kind: Kind, value: float | None) -> str:
    """A value as `format_value` has it, with a true minus."""
    return format_value(kind, value).replace("-", "−")


@dataclass(frozen=True)
class Order:
    """The rows' order: by a column, or by the models' names (None)."""

    column: Column | None
    descending: bool


@dataclass(frozen=True)
class RankedImage:
    """One image of a cell; `delta` is its PSNR minus the teacher's in dB (None: no teacher)."""

    result: ImageResult
    delta: float | None

    @property
    def name(self) -> str:
        return self.result.name

    @property
    def label(self) -> str:
        """Its caption in a filmstrip."""
        delta = "" if self.delta is None else f" ({show_value(Kind.DELTA, self.delta)})"
        return f"{self.name} {show_value(Kind.PSNR, self.result.psnr_y)} dB{delta}"

    def value(self, kind: Kind) -> float | None:
        values = {Kind.SSIM: self.result.ssim_y, Kind.DELTA: self.delta, Kind.SECONDS: self.result.seconds}
        return values.get(kind, self.result.psnr_y)

    def quality(self, kind: Kind) -> float:
        """The worst image has the lowest: PSNR, SSIM or difference, or minus the time."""
        value = self.value(kind)
        return inf if value is None else -value if kind in LOWER_IS_BETTER else value


class BenchmarkMemory(Memory):
    """The choices that the next start restores; folders that are gone are left out."""

    folders: list[Path] = Field(default_factory=list)
    checked: dict[str, bool] = Field(default_factory=dict)
    columns: list[Kind] = Field(default_factory=lambda: list(Kind))
    published: bool = True
    baseline: str = BICUBIC
    chooser: bool = True
    order: Order | None = None


class BenchmarkState(QObject):
    """The chosen models, sets, columns and order, and the report.

    The library says which models are measured; sets are folders, the samples first.
    """

    choices_changed = Signal()
    """Other models are to be measured, or other sets are on offer or checked."""
    report_changed = Signal()
    """Another report is shown."""
    results_changed = Signal()
    """The report has other sets or results."""
    view_changed = Signal()
    """Other columns or rows are shown, in another order, or relative to another teacher or baseline."""
    images_changed = Signal()
    """The images of another cell are listed, in another order, or none."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self.session = session
        self.folders: list[Path] = []
        self.user_choices: dict[str, bool] = {}
        """Checked or not, by folder, where the user changed it."""
        self.report = Report()
        self.source = ""
        """The file or the reference that the report is from."""
        self.kinds = set(Kind)
        self.published_shown = True
        self.order: Order | None = None
        self.image_cell: Cell | None = None
        """The cell whose images are listed."""
        self.images: list[RankedImage] = []
        """The images of that cell, the worst first by `ranked_by`."""
        self.ranked_by = Kind.PSNR
        self._ranking = Kind.PSNR
        """The kind that the user chose: without it, as without a teacher, the images are ranked by PSNR."""
        session.teacher_changed.connect(lambda _: self.choices_changed.emit())
        session.library.shown_changed.connect(
            lambda workspace: self.choices_changed.emit() if workspace == "Benchmark" else None
        )
        samples = resolve_data(SAMPLES)
        if samples.is_dir():
            self.add_folder(samples)

    # -- what to measure -----------------------------------------------------------------------------

    @property
    def models(self) -> dict[str, str]:
        """The models to measure with their names, in the order of a table's rows: the teacher last."""
        library = self.session.library
        refs = sorted(library.shown("Benchmark"), key=lambda ref: ref != BICUBIC)
        if library.teacher and library.is_shown(library.teacher, "Benchmark"):
            refs.append(library.teacher)
        return library.labels(refs)

    @property
    def checked_folders(self) -> list[Path]:
        return [folder for folder in self.folders if self.user_choices.get(str(folder), True)]

    @property
    def is_ready(self) -> bool:
        """True if there is a model to measure and a set is checked."""
        return bool(self.models and self.checked_folders)

    def set_checked(self, key: str, checked: bool) -> None:
        """Check or uncheck a folder."""
        self.user_choices[key] = checked
        self.choices_changed.emit()

    def add_model(self, ref: str) -> None:
        """Add the file, run folder or bundled model `ref` to the library, to be measured."""
        library = self.session.library
        library.show([library.add(ref)], ["Benchmark"])

    def add_folder(self, folder: Path) -> None:
        """Offer `folder` (HR images, or a DIV2K or benchmark layout), or every set in it, checked."""
        for found in _sets_in(folder.absolute()):
            if found not in self.folders:
                self.folders.append(found)
            self.user_choices.pop(str(found), None)
        self.choices_changed.emit()

    def remove_folder(self, folder: Path) -> None:
        place = self.folders.index(folder)
        self.folders.remove(folder)
        self.choices_changed.emit()

        def undo() -> None:
            # It may have been added again meanwhile.
            if folder not in self.folders:
                self.folders.insert(place, folder)
                self.choices_changed.emit()

        def redo() -> object:
            return self.remove_folder(folder) if folder in self.folders else False

        self.session.offer_undo(f"Removed {folder.name} from the list of sets", undo, redo)

    # -- the table -----------------------------------------------------------------------------------

    def new_report(self) -> Report:
        """Show, and return, a report with a row for every checked model and no results."""
        labels, last = self.models, self.report
        refs = list(labels)
        teacher = self.session.teacher if self.session.teacher in refs else last.teacher
        baseline = last.baseline if last.baseline in refs and last.baseline != teacher else BICUBIC
        self.show_report(Report((Row(ref, labels[ref]) for ref in refs), teacher, baseline))
        return self.report

    def show_report(self, report: Report, source: str = "") -> None:
        if not report.teacher and self.session.teacher in report.rows:
            report.teacher = self.session.teacher
        self.report, self.source = report, source
        self.list_images(None)
        self.report_changed.emit()

    def set_teacher(self, ref: str) -> None:
        """Choose the model that differences are relative to."""
        self.report.teacher = ref
        if self.report.baseline == ref:
            self.report.baseline = BICUBIC
        self.view_changed.emit()
        self.list_images(self.image_cell, self._ranking)

    def set_baseline(self, ref: str) -> None:
        """Choose the model where the gap to the teacher begins."""
        self.report.baseline = ref
        self.view_changed.emit()

    def show_kind(self, kind: Kind, on: bool) -> None:
        """Show or hide the columns of `kind`."""
        if (kind in self.kinds) != on:
            self.kinds ^= {kind}
            self.view_changed.emit()

    def show_published(self, on: bool) -> None:
        if on != self.published_shown:
            self.published_shown = on
            self.view_changed.emit()

    def set_order(self, order: Order | None) -> None:
        self.order = order
        self.view_changed.emit()

    def sort_by(self, column: Column | None) -> None:
        """Sort by a column, the best first; again to reverse, a third time in the order of the models."""
        descending = column is not None and column.kind not in LOWER_IS_BETTER
        first, reverse = Order(column, descending), Order(column, not descending)
        self.set_order({first: reverse, reverse: None}.get(self.order, first))

    def arrow(self, column: Column | None) -> str:
        """The direction in which the rows are sorted by `column`; empty if they aren't."""
        if self.order is None or self.order.column != column:
            return ""
        return " ▾" if self.order.descending else " ▴"

    # -- the images of a cell ------------------------------------------------------------------------

    def list_images(self, cell: Cell | None, kind: Kind = Kind.PSNR) -> None:
        """List the images of a cell that has a result, the worst by `kind` first; None closes the list."""
        if cell is not None and cell not in self.report.results:
            return
        deltas = image_deltas(self.report, cell.ref, cell.eval_set) if cell else {}
        self._ranking = kind
        kind = Kind.DELTA if kind is Kind.GAP else kind
        self.ranked_by = kind if kind in RANKED_KINDS and (kind is not Kind.DELTA or deltas) else Kind.PSNR
        per_image = self.report.results[cell].per_image if cell else ()
        images = [RankedImage(image, deltas.get(image.name)) for image in per_image]
        self.images = sorted(images, key=lambda image: image.quality(self.ranked_by))
        self.image_cell = cell
        self.images_changed.emit()

    def local_folder(self, eval_set: EvalSet) -> Path:
        """Its folder, or that of the same name here if there is none: results may be from elsewhere."""
        own, name = Path(eval_set.data), self.report.sets[eval_set].name.lower()
        here = [folder for folder in self.folders if folder.name.lower() == name]
        return own if own.is_dir() or not here else here[0]

    # -- from one start to the next ------------------------------------------------------------------

    def memory(self, *, chooser: bool) -> BenchmarkMemory:
        offered = set(map(str, self.folders))
        return BenchmarkMemory(
            folders=self.folders,
            checked={key: checked for key, checked in self.user_choices.items() if key in offered},
            columns=sorted(self.kinds),
            published=self.published_shown,
            baseline=self.report.baseline,
            order=self.order,
            chooser=chooser,
        )

    def restore(self, memory: BenchmarkMemory) -> None:
        self.user_choices |= memory.checked
        self.folders += [one for one in memory.folders if one.is_dir() and one not in self.folders]
        self.report.baseline = memory.baseline
        self.kinds = {Kind.PSNR, *memory.columns}
        self.published_shown, self.order = memory.published, memory.order
        self.choices_changed.emit()
        self.view_changed.emit()


def _sets_in(folder: Path) -> list[Path]:
    """The benchmark sets in `folder`, in the papers' order; `folder` itself if there are none."""
    if set_folder(folder) != folder and published_set(folder.parent.name):
        return [folder.parent]
    try:
        inside = [path for path in folder.iterdir() if path.is_dir() and hr_folder(path)]
    except OSError:
        return [folder]
    places = {name: place for place, name in enumerate(SETS)}
    inside.sort(key=lambda path: (places.get(published_set(path.name), len(SETS)), path.name.lower()))
    return inside or [folder]

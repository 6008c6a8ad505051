"""How images get into the session: a dialog, a sample, a drop; reduced first or as they are."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from fakd_core.errors import FakdError
from fakd_core.events import CancelToken
from fakd_core.models.spec import WEIGHT_SUFFIXES
from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.opened_image import OpenedImage
from fakd_gui.session.run_folders import has_student, is_run
from fakd_gui.session.session import Session

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".gif")
SOON_MS = 50


class ImageOpener(QObject):
    """One per session (see `opener_of`), so that every panel opens images the same way.

    The scale follows the teacher's: an image opened for another scale is opened anew.
    """

    mode_changed = Signal(bool)
    """True: images are low resolution and are upscaled as they are."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.session = session
        self.is_lr = False
        self.scale = 4
        self._folder = ""
        self._reading = LatestWins("read the teacher's scale", self)
        self._reading.result.connect(self._follow_scale)
        # Once the window shows: a thread that loads torch would hold up its first picture.
        self._soon = QTimer(self, singleShot=True, interval=SOON_MS)
        self._soon.timeout.connect(self._read_scale)
        session.teacher_changed.connect(lambda _: self._soon.start())
        session.image_changed.connect(self._follow_image)
        self._soon.start()

    def open(self, path: Path) -> None:
        self.session.open_image(path, self.scale, self.is_lr)

    def choose(self, parent: QWidget) -> None:
        pattern = " ".join(f"*{suffix}" for suffix in IMAGE_SUFFIXES)
        kinds = f"Images ({pattern});;All files (*)"
        name, _ = QFileDialog.getOpenFileName(parent, "Open an image", self._folder, kinds)
        if name:
            self._folder = str(Path(name).parent)
            self.open(Path(name))

    def set_mode(self, is_lr: bool) -> None:
        """Open the current image, and those to come, as low resolution (True) or as ground truth (False)."""
        if is_lr == self.is_lr:
            return
        self.is_lr = is_lr
        self.mode_changed.emit(is_lr)
        if self.session.image is not None:
            self.open(self.session.image.path)

    def take(self, paths: list[Path]) -> bool:
        """Dropped files: images are opened, models and run folders become students. False if none fits."""
        taken = False
        for path in paths:
            if path.is_dir() and not is_run(path) and not has_student(path):
                self.session.error.emit(
                    f"{path.name}: a folder, but not a training run's (no config.toml in it); "
                    "drop folders of images on Train, Compare or Benchmark"
                )
                continue
            if path.is_dir() or path.suffix.lower() in WEIGHT_SUFFIXES:
                self.session.add_student(str(path))
            elif path.suffix.lower() in IMAGE_SUFFIXES:
                self.open(path)
            else:
                self.session.error.emit(
                    f"{path.name}: neither an image nor a model; drop an image, "
                    "a .safetensors/.pt/.pth file or a run folder"
                )
                continue
            taken = True
        return taken

    def _read_scale(self) -> None:
        models, ref = self.session.models, self.session.teacher

        def work(token: CancelToken) -> int:
            return int(models.get(ref).spec.scale)

        if ref:
            self._reading.submit(work)

    def _follow_scale(self, scale: object) -> None:
        assert isinstance(scale, int)
        self.scale = scale
        image = self.session.image
        if image is not None and image.scale != scale:
            self.open(image.path)

    def _follow_image(self, image: OpenedImage) -> None:
        is_lr = image.hr is None
        if is_lr != self.is_lr:
            self.is_lr = is_lr
            self.mode_changed.emit(is_lr)


def opener_of(session: Session) -> ImageOpener:
    """The session's opener, made on first use."""
    found = session.findChild(ImageOpener)
    return found if isinstance(found, ImageOpener) else ImageOpener(session)


def sample_paths() -> list[Path]:
    """The bundled sample images; none where they can't be found."""
    from fakd_core.data.folders import sample_images

    try:
        return list(sample_images())
    except FakdError:
        return []

"""Atomic writing, locks, and folders of the user."""

from __future__ import annotations

import errno
import glob
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from fakd_core.errors import ConfigError

if TYPE_CHECKING:
    from filelock import FileLock

CONFIG_VARIABLE = "FAKD_CONFIG"
"""The environment variable that names another folder for the user's files."""

_TEMPORARY = re.compile(r"\..*\.[0-9a-f]{8}(\.\w+)?")


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path that replaces `path` at the end of the block, or is removed after an exception.

    So a crash leaves either the old or the new content.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    temporary.touch(exist_ok=False)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def clear_unfinished(folder: Path) -> None:
    """Remove files that killed processes left in `atomic_path` below `folder`; none may be writing there."""
    for path in folder.rglob(".*"):
        if _TEMPORARY.fullmatch(path.name):
            path.unlink(missing_ok=True)


def remove_unfinished(path: Path) -> None:
    """Remove files that killed processes left in `atomic_path` of `path`."""
    for other in path.parent.glob(f".{glob.escape(path.stem)}.{'[0-9a-f]' * 8}{glob.escape(path.suffix)}"):
        other.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raise `OSError` if a file can't be written at `path`, to find out before the work is done."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a folder; name a file", str(path))
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def free_disk(folder: Path) -> int:
    """Bytes free where `folder` is or would be created."""
    folder = folder.absolute()
    return shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def config_folder() -> Path:
    """The folder of the user's files, such as presets; it may not exist yet."""
    chosen = os.environ.get(CONFIG_VARIABLE)
    return Path(chosen).expanduser().absolute() if chosen else platformdirs.user_config_path("fakd")


def file_lock(path: Path, timeout: float = 0) -> FileLock:
    """A lock between processes, which the system releases even if they are killed.

    Acquiring it raises `TimeoutError` if another process holds it, else `OSError` if it can't be locked.
    """
    from filelock import FileLock

    # Another thread than the one that acquired the lock may release it: that of a closed generator.
    return FileLock(path, timeout=timeout, thread_local=False, fallback_to_soft=False)


def expand_home(path: Path) -> Path:
    """Expand ~ in `path`; raises `ConfigError` if the user's home directory is unknown."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise ConfigError(f"{path}: no such home folder; give the full path") from None

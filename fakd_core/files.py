"""Atomic writing, locks, and folders of the user."""

from __future__ import annotations

import errno
import glob
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fakd_core.errors import ConfigError
from fakd_core.system import platforms

if TYPE_CHECKING:
    from filelock import FileLock

CONFIG_VARIABLE = "FAKD_CONFIG"
"""The environment variable that names another folder for the user's files."""
CACHE_VARIABLE = "FAKD_CACHE"
"""The environment variable that names another cache folder."""

_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_TEMPORARY = re.compile(r"\..*\.[0-9a-f]{8}(\.\w+)?")


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path that replaces `path` at the end of the block, or is removed after an exception.

    So a crash leaves either the old or the new content. A symbolic link stays: the file that it leads to is
    written. A replaced file's permissions are kept.
    """
    path = _writable_target(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    stem, suffix = _temporary_name(path)
    temporary = path.with_name(f".{stem}.{secrets.token_hex(4)}{suffix}")
    try:
        temporary.touch(exist_ok=False)
    except FileNotFoundError:
        platforms.check_length(temporary)
        raise
    try:
        yield temporary
        platforms.flush_to_disk(temporary)
        platforms.copy_permissions(path, temporary)
        platforms.replace_file(temporary, path)
    finally:
        platforms.remove_file(temporary)


def _writable_target(path: Path) -> Path:
    """The file that `path` leads to; raises `OSError` if it can't be one, as for a name that is too long."""
    platforms.check_name(path)
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    try:
        mode = target.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return target
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "a folder; name a file", str(path))
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "a pipe or a device; name a file", str(path))
    return target


def _temporary_name(path: Path) -> tuple[str, str]:
    """The stem and suffix of the temporary names of `path`."""
    # Pillow and others tell the format by the suffix, but none that is as long as this.
    stem, suffix = (path.stem, path.suffix) if len(path.suffix) < 32 else (path.name, "")
    # No longer than the name itself, which may have as many bytes as the file system allows.
    longest = max(100, len(os.fsencode(path.name)))
    while len(os.fsencode(f".{stem}.{'0' * 8}{suffix}")) > longest:
        stem = stem[:-1]
    return stem, suffix


def clear_unfinished(folder: Path) -> None:
    """Remove files that killed processes left in `atomic_path` below `folder`; none may be writing there."""
    for path in folder.rglob(".*"):
        if _TEMPORARY.fullmatch(path.name):
            platforms.remove_file(path)


def remove_unfinished(path: Path) -> None:
    """Remove files that killed processes left in `atomic_path` of `path`."""
    path = Path(os.path.realpath(path))
    stem, suffix = map(glob.escape, _temporary_name(path))
    for other in path.parent.glob(f".{stem}.{'[0-9a-f]' * 8}{suffix}"):
        platforms.remove_file(other)


def check_writable(path: Path) -> None:
    """Raise `OSError` if a file can't be written at `path`, to find out before the work is done."""
    target = _writable_target(path)
    folder = _nearest_folder(target.absolute().parent)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def refuse_existing(paths: Iterable[Path], *, advice: str = "use --force to overwrite") -> None:
    """Raise `ConfigError` if a file exists at one of `paths`, to find out before the work is done."""
    paths = list(paths)
    existing = [path for path in paths if os.path.lexists(path)]
    if not existing:
        return
    found = f"{existing[0]} already exists"
    if len(existing) > 1:
        found = f"{len(existing)} of {len(paths)} files already exist, such as {existing[0]}"
    raise ConfigError(f"{found}; choose another name, or {advice}")


def is_disk_full(error: BaseException) -> bool:
    """True if `error` says that there is no room to write."""
    return isinstance(error, OSError) and error.errno in _DISK_FULL


def free_disk(folder: Path) -> int:
    """Bytes free where `folder` is or would be created."""
    return shutil.disk_usage(_nearest_folder(folder.absolute())).free


def _nearest_folder(path: Path) -> Path:
    """The nearest that exists of `path` and its parents; raises `OSError` if there is no such drive."""
    nearest = next((one for one in (path, *path.parents) if one.exists()), None)
    if nearest is None:
        raise FileNotFoundError(errno.ENOENT, "no such drive", str(path))
    return nearest


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def config_folder() -> Path:
    """The folder of the user's files, such as presets; it may not exist yet."""
    chosen = os.environ.get(CONFIG_VARIABLE)
    return Path(chosen).expanduser().absolute() if chosen else platforms.config_folder()


def cache_folder() -> Path:
    """The folder of files that can be made again: the user's cache folder, or what $FAKD_CACHE names."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser().absolute() if chosen else platforms.cache_folder()


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

"""Facts about this machine: its disks and the modes of files."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")


@dataclass(frozen=True, slots=True)
class Disk:
    """Where a file lies, or will: its real path, the mounts of the machine, bytes that are free, bytes of the file."""

    path: str
    mounts: str
    free: int
    used: int


def disk_of(file: Path) -> Disk:
    """Return the disk of a file that need not exist yet."""
    folder = file.parent.resolve()
    while not folder.exists():
        folder = folder.parent
    used = file.stat().st_size if file.exists() else 0
    return Disk(str(file.resolve()), _mounts(), shutil.disk_usage(folder).free, used)


def _mounts() -> str:
    """Return the mounted file systems as Linux tells them; nothing elsewhere."""
    try:
        return _MOUNTS.read_text(errors="replace")
    except OSError:
        return ""


def modes(paths: Sequence[Path]) -> Mapping[str, int]:
    """Return the permission bits of those files that exist."""
    return {str(path): path.stat().st_mode & 0o777 for path in paths if path.is_file()}

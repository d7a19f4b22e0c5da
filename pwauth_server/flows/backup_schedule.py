"""Backups by the clock: made in a thread when the last one is old enough; the newest are kept."""

import asyncio
import re
import threading
from pathlib import Path

from pwauth_server.deps import Deps
from pwauth_server.errors import Conflict, PwauthError
from pwauth_server.events import Event, Occurrence
from pwauth_server.flows import backups
from pwauth_server.rules.moments import moment_of
from pwauth_server.store.archive import Manifest

HOUR = 3600.0
#: Seconds until a backup that failed is tried again.
RETRY = 600.0
#: Our own names: what else lies in the folder is neither counted nor deleted.
_NAME = re.compile(r"pwauth-(\d{8}T\d{6}Z)\.backup")


class _BrokenOffError(Exception):
    """The process ends; the backup is made by its successor."""


class BackupSchedule:
    """Knows when the next backup is due."""

    def __init__(self, deps: Deps) -> None:
        """Find out from the folder, at the first look."""
        self._deps = deps
        self._not_before = 0.0
        self._ending = threading.Event()

    async def keep(self) -> None:
        """Make a backup if one is due, and delete the oldest ones that are too many."""
        config, now = self._deps.config, self._deps.clock.now()
        if not config.backup_path or 0 < self._not_before - now <= RETRY:
            return
        folder = Path(config.backup_path)
        try:
            manifest = await asyncio.to_thread(self._made_if_due, folder, now)
        except (Conflict, _BrokenOffError):
            return  # another process of this database is at it, or we are about to end
        except Exception as error:  # noqa: BLE001 - a disk, a database, a lock: the next try may find it well
            self._not_before = now + RETRY
            await self._deps.db.record(Occurrence(Event.BACKUP_FAILED, now, facts={"problem": _problem(error)}))
            return
        if manifest is not None:
            await self._deps.db.record(Occurrence(Event.BACKUP_MADE, now, facts={"rows": sum(manifest.tables.values())}))

    def stop(self) -> None:
        """Break off what is being made; nothing of it stays."""
        self._ending.set()

    # -- in a thread

    def _made_if_due(self, folder: Path, now: float) -> Manifest | None:
        config = self._deps.config
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        age = now - max(made_in(folder), default=0.0)
        if 0 <= age < config.backup_every_hours * HOUR:
            return None
        manifest = backups.make(config, folder / backups.name_of(now), now=now, entropy=self._deps.entropy, watch=self._look_up)
        for path in sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))[: -config.backup_keep]:
            path.unlink()
        return manifest

    def _look_up(self, _doing: str, _done: int, _all: int) -> None:
        if self._ending.is_set():
            raise _BrokenOffError


def made_in(folder: Path) -> list[float]:
    """Return when each backup in a folder was made, as their names say."""
    return [moment_of(found[1]) for path in folder.iterdir() if (found := _NAME.fullmatch(path.name))]


def _problem(error: Exception) -> str:
    """Say what failed without a path or a value."""
    if isinstance(error, PwauthError):
        return error.detail
    return (isinstance(error, OSError) and error.strerror) or type(error).__name__

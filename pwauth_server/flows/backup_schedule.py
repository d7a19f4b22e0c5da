"""Backups by the clock: made in a thread when the last one is old enough; the newest are kept."""

import asyncio
import logging
import re
import threading
from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import Path

from pwauth_server.deps import Deps
from pwauth_server.errors import Conflict, PwauthError
from pwauth_server.events import Event, Occurrence
from pwauth_server.flows import backups
from pwauth_server.rules.moments import moment_of
from pwauth_server.store.archive import Manifest

_log = logging.getLogger(__name__)

HOUR = 3600.0
#: Seconds until a backup that failed is tried again.
RETRY = 600.0
#: Our own names: what else lies in the folder is neither counted nor deleted.
_NAME = re.compile(r"pwauth-(\d{8}T\d{6}Z)\.backup")
#: What a killed process left of one, and how old it must be: another one may be at work on a younger one.
_LEFT = re.compile(r"\.pwauth-(\d{8}T\d{6}Z)\.backup\.[0-9a-f]{8}")
_STALE = 24 * HOUR


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
            await asyncio.to_thread(self._tidy, folder, now)

    def stop(self) -> None:
        """Break off what is being made; nothing of it stays."""
        self._ending.set()

    # -- in a thread

    def _made_if_due(self, folder: Path, now: float) -> Manifest | None:
        config = self._deps.config
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(now - moment < config.backup_every_hours * HOUR for moment in _made_in(folder, now).values()):
            return None
        return backups.make(config, folder / backups.name_of(now), now=now, entropy=self._deps.entropy, watch=self._look_up)

    def _tidy(self, folder: Path, now: float) -> None:
        """Delete what is too much; what cannot be deleted makes the new backup no worse, and keeps nothing else from going."""
        for path in _too_many(folder, now, keep=self._deps.config.backup_keep):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                _log.warning("an old backup cannot be deleted: %s", _problem(error))

    def _look_up(self, _doing: str, _done: int, _all: int) -> None:
        if self._ending.is_set():
            raise _BrokenOffError


def _made_in(folder: Path, now: float, name: re.Pattern[str] = _NAME) -> Mapping[Path, float]:
    """Return when each backup in a folder was made, as their names say, oldest first.

    One out of the future does not count: it would be the newest one for ever, and all others be thrown away for its sake.
    """
    found = {path: moment_of(it[1]) for path in folder.iterdir() if (it := name.fullmatch(path.name)) and path.is_file()}
    return dict(sorted((it for it in found.items() if it[1] <= now), key=itemgetter(1)))


def _too_many(folder: Path, now: float, *, keep: int) -> Sequence[Path]:
    return [*list(_made_in(folder, now))[:-keep], *_made_in(folder, now - _STALE, _LEFT)]


def _problem(error: Exception) -> str:
    """Say what failed without a path or a value."""
    if isinstance(error, PwauthError):
        return error.detail
    return (isinstance(error, OSError) and error.strerror) or type(error).__name__

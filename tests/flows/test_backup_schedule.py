"""Backups by the clock: on time, a few of them, and a failure that is told (SEC-79)."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pwauth_server.config import Config
from pwauth_server.deps import Deps
from pwauth_server.events import Event
from pwauth_server.flows import backups, health
from pwauth_server.flows.backup_schedule import RETRY, BackupSchedule
from pwauth_server.wiring import make_deps
from tests.backup_fakes import quiet, with_backups
from tests.fakes import FakeClock, FakeEntropy
from tests.mail_fakes import audited

HOUR = 3600


@pytest.fixture
async def deps(sqlite_config: Config, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Deps]:
    """Return a world that makes a backup every six hours and keeps three."""
    config = with_backups(sqlite_config, backup_path=str(tmp_path / "backups"), backup_every_hours=6, backup_keep=3)
    opened = await make_deps(config, clock=clock, entropy=FakeEntropy())
    yield opened
    await opened.db.close()


def made(deps: Deps) -> list[str]:
    """Return what lies in the folder of backups."""
    return sorted(path.name for path in Path(deps.config.backup_path).iterdir())


async def test_backups_are_made_on_time(deps: Deps, clock: FakeClock) -> None:
    """The first at once, the next when it is as old as asked for, also by a process that started in between."""
    schedule = BackupSchedule(deps)
    await schedule.keep()
    clock.tick(6 * HOUR - 1)
    await schedule.keep()
    await BackupSchedule(deps).keep()
    assert made(deps) == ["pwauth-20260101T000000Z.backup"]
    clock.tick(1)
    await BackupSchedule(deps).keep()
    assert made(deps) == ["pwauth-20260101T000000Z.backup", "pwauth-20260101T060000Z.backup"]
    assert len(await audited(deps, Event.BACKUP_MADE)) == 2
    for name in made(deps):
        backups.verify(deps.config, Path(deps.config.backup_path) / name, watch=quiet)


async def test_the_newest_are_kept(deps: Deps, clock: FakeClock) -> None:
    """The oldest go, and nothing that has another name."""
    schedule = BackupSchedule(deps)
    folder = Path(deps.config.backup_path)
    folder.mkdir()
    (folder / "by hand.backup").write_text("keep me")
    for _ in range(5):
        await schedule.keep()
        clock.tick(6 * HOUR)
    hours = ("20260101T120000Z", "20260101T180000Z", "20260102T000000Z")
    assert made(deps) == ["by hand.backup", *[f"pwauth-{hour}.backup" for hour in hours]]


async def test_a_clock_that_was_set_back_makes_no_gap(deps: Deps, clock: FakeClock) -> None:
    """A backup out of the future does not keep the next one from being made."""
    schedule = BackupSchedule(deps)
    await schedule.keep()
    clock.tick(-48 * HOUR)
    await schedule.keep()
    assert made(deps) == ["pwauth-20251230T000000Z.backup", "pwauth-20260101T000000Z.backup"]


async def test_one_out_of_the_future_costs_no_other(deps: Deps, clock: FakeClock) -> None:
    """It neither counts as the newest, which would make a backup every minute, nor pushes real ones out of the folder."""
    folder = Path(deps.config.backup_path)
    folder.mkdir()
    (folder / "pwauth-29991231T000000Z.backup").write_text("by a clock that was wrong")
    (folder / "pwauth-20251231T000000Z.backup").write_text("old, and dear")
    schedule = BackupSchedule(deps)
    for _ in range(5):
        await schedule.keep()
        clock.tick(60)
    days = ("20251231T000000Z", "20260101T000000Z", "29991231T000000Z")
    assert made(deps) == [f"pwauth-{day}.backup" for day in days]


async def test_what_killed_processes_left_is_cleared_away(deps: Deps, clock: FakeClock) -> None:
    """Half a backup would stay for ever, and one after the other fill the disk; what may be under way stays."""
    folder = Path(deps.config.backup_path)
    folder.mkdir()
    for name in (".pwauth-20251230T000000Z.backup.0a1b2c3d", ".pwauth-20251231T120000Z.backup.0a1b2c3d", ".other.backup.0a1b2c3d"):
        (folder / name).write_text("half")
    (folder / "pwauth-20251201T000000Z.backup").mkdir()
    await BackupSchedule(deps).keep()
    clock.tick(6 * HOUR)
    await BackupSchedule(deps).keep()
    assert made(deps)[:2] == [".other.backup.0a1b2c3d", ".pwauth-20251231T120000Z.backup.0a1b2c3d"]
    assert len(made(deps)) == 5, "a folder with such a name is no backup"
    assert await audited(deps, Event.BACKUP_FAILED) == []


async def test_a_failure_is_told_and_tried_again_later(deps: Deps, clock: FakeClock) -> None:
    """Not every minute, and none of the older backups goes."""
    folder = Path(deps.config.backup_path)
    folder.write_text("no folder")
    schedule = BackupSchedule(deps)
    await schedule.keep()
    await schedule.keep()
    assert len(await audited(deps, Event.BACKUP_FAILED)) == 1
    folder.unlink()
    clock.tick(RETRY)
    await schedule.keep()
    assert len(made(deps)) == 1
    text = (await health.exposition(deps)).decode()
    assert 'pwauth_backups_total{outcome="failed"} 1.0' in text
    assert 'pwauth_backups_total{outcome="made"} 1.0' in text
    (shown,) = [line for line in text.splitlines() if line.startswith("pwauth_backup_timestamp_seconds")]
    assert float(shown.split()[1]) == clock.now()


@contextmanager
def undeletable(name: str) -> Iterator[None]:
    """Let the system refuse to delete files of a name, as it does with those of somebody else; root is refused nothing else."""
    refused = {name}

    def judge(event: str, arguments: tuple[object, ...]) -> None:
        if event == "os.remove" and Path(str(arguments[0])).name in refused:
            raise PermissionError(1, "Operation not permitted")

    sys.addaudithook(judge)  # for good: there is no way to take one away
    yield
    refused.clear()


async def test_an_old_one_that_cannot_be_deleted_makes_the_new_one_no_failure(
    deps: Deps, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """It lies there, whole and read back: that is said, and that an old one stays beside it."""
    schedule = BackupSchedule(deps)
    for _ in range(3):
        await schedule.keep()
        clock.tick(6 * HOUR)
    oldest = made(deps)[0]
    with undeletable(oldest), caplog.at_level("WARNING"):
        await schedule.keep()
    assert made(deps)[0] == oldest
    assert (len(await audited(deps, Event.BACKUP_MADE)), await audited(deps, Event.BACKUP_FAILED)) == (4, [])
    assert caplog.messages == ["an old backup cannot be deleted: Operation not permitted"]
    clock.tick(6 * HOUR)
    await schedule.keep()
    assert len(made(deps)) == 3


async def test_without_a_folder_none_is_made(deps: Deps) -> None:
    """Nobody asked for them."""
    await BackupSchedule(replace(deps, config=deps.config.model_copy(update={"backup_path": ""}))).keep()
    assert not Path(deps.config.backup_path).exists()


async def test_the_loop_goes_on_meanwhile_and_the_end_breaks_it_off(deps: Deps) -> None:
    """A backup that takes long delays no request and no end; nothing of it stays, and nobody is alarmed."""
    schedule = BackupSchedule(deps)
    reached, go_on = threading.Event(), threading.Event()
    look_up = schedule._look_up

    def held(doing: str, done: int, of_all: int) -> None:
        reached.set()
        go_on.wait(10)
        look_up(doing, done, of_all)

    schedule._look_up = held  # type: ignore[assignment,method-assign]
    running = asyncio.create_task(schedule.keep())
    await asyncio.to_thread(reached.wait, 10)
    assert await health.is_ready(deps)
    schedule.stop()
    go_on.set()
    await running
    assert made(deps) == []
    assert await audited(deps, Event.BACKUP_FAILED) == []

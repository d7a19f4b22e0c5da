"""What a check-up found, and the judgement over facts of the host, the address and the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from pwauth_server.rules import weak_secrets
from pwauth_server.rules.moments import rfc3339

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
MIB, GIB = 1 << 20, 1 << 30

#: Kinds of file systems over a network or a translator: SQLite's locks and log do not hold there.
NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph", "glusterfs", "fuse.glusterfs", "virtiofs"})
#: Clocks that differ by more than this confuse people, by more than that break tokens, in seconds.
NOTICEABLE, BREAKING = 5.0, 30.0


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about one subject, and what to do if all is not well."""

    subject: str
    level: Level
    sentence: str
    remedy: str = ""


def ok(subject: str, sentence: str) -> Finding:
    """Return a finding that needs nothing."""
    return Finding(subject, Level.OK, sentence)


def warn(subject: str, sentence: str, remedy: str) -> Finding:
    """Return a finding that should be looked at."""
    return Finding(subject, Level.WARN, sentence, remedy)


def fail(subject: str, sentence: str, remedy: str) -> Finding:
    """Return a finding that keeps people from signing in, or will."""
    return Finding(subject, Level.FAIL, sentence, remedy)


def clock(source: str, ahead: float | None) -> Finding:
    """Judge how many seconds this machine is ahead of another clock; None if that could not be read."""
    if ahead is None:
        return warn("clock", f"{source} tells no time to compare with.", "Make sure that this machine keeps its clock by NTP.")
    if abs(ahead) <= NOTICEABLE:
        return ok("clock", f"This machine and {source} agree within {NOTICEABLE:.0f} seconds.")
    words = f"This machine is {abs(ahead):.0f} seconds {'ahead of' if ahead > 0 else 'behind'} {source}."
    return (fail if abs(ahead) > BREAKING else warn)("clock", words, "Let NTP set both clocks.")


def kind_of_disk(kind: str) -> Finding:
    """Judge the file system under the SQLite file; empty if nobody knows it."""
    if kind in NETWORK:
        return fail("disk", f"The database lies on a network file system ({kind}), where SQLite can lose or break it.",
                    "Put database_path on a local disk, or use PostgreSQL (pwauth copy-database).")  # fmt: skip
    return ok("disk", f"The database lies on a local file system ({kind})." if kind else "The file system of the database is unknown.")


def mounted_as(mountinfo: str, path: str) -> str:
    """Return the kind of file system that a path lies on, from the text of /proc/self/mountinfo; empty if it tells none."""
    best, kind = "", ""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        words = before.split()
        if len(words) < 5 or not after:  # noqa: PLR2004 - the mount point is the fifth
            continue
        point = words[4].replace("\\040", " ")
        if len(point) >= len(best) and PurePosixPath(path).is_relative_to(point):
            best, kind = point, after.split()[0]
    return kind


def free_space(free: int, database: int) -> Finding:
    """Judge the free bytes of the disk against the bytes of the database."""
    words = f"{free / GIB:.1f} GiB are free where the database lies, which takes {database / GIB:.2f} GiB."
    if free < 64 * MIB:
        return fail("space", words, "Free some space: a full disk ends every sign-in.")
    if free < 2 * database or free < GIB // 2:
        return warn("space", words, "Free some space: a backup needs as much again as the database takes.")
    return ok("space", words)


def secrets(named: Mapping[str, str]) -> list[Finding]:
    """Judge secrets that are set: what is short, published or guessable."""
    weak = [(name, why) for name, secret in named.items() if secret and (why := weak_secrets.problem(secret))]
    if not weak:
        return [ok("secrets", "No secret that is set is short, published or easy to guess.")]
    return [warn("secrets", f"{name} {why}.", "Make another one: openssl rand -base64 48.") for name, why in weak]


def modes(found: Mapping[str, int]) -> list[Finding]:
    """Judge the modes of files that hold secrets."""
    open_ones = [name for name, mode in found.items() if mode & 0o077]
    if not open_ones:
        return [ok("files", "Files with secrets are readable by their owner alone.")]
    return [warn("files", f"{name} can be read by others on this machine.", f"chmod 600 {name}") for name in open_ones]


def backups(now: float, backed_up_at: float, *, every: float | None) -> Finding:
    """Judge the age of the last backup; ``every`` is the seconds between two scheduled ones, None if none are."""
    if not backed_up_at:
        return warn("backup", "There has never been a backup.", "Set backup_path and backup_passphrase, or run pwauth backup PATH.")
    words = f"The last backup was made at {rfc3339(backed_up_at)}."
    patience = 7 * DAY if every is None else 2 * every
    if now - backed_up_at <= patience:
        return ok("backup", words)
    remedy = "Run pwauth backup PATH, or set backup_path." if every is None else "Look for backup.failed in the log."
    return warn("backup", words, remedy)


def no_database(place: str) -> Finding:
    """Return what is to be told where the SQLite file is not."""
    return fail("database", f"There is no database at {place}.", "Name the configuration with --config, or start the server first.")


def migrations(missing: Sequence[str]) -> Finding:
    """Judge what the schema lacks."""
    if missing:
        words = f"The database lacks {len(missing)} migrations, first {missing[0]}."
        return warn("schema", words, "Run pwauth migrate, or start the server.")
    return ok("schema", "The database has the schema of this version.")


def queue(oldest: float, dead: int) -> list[Finding]:
    """Judge the age in seconds of the oldest letter that waits, and the number of dead ones."""
    words = f"The oldest letter waits since {oldest / MINUTE:.0f} minutes."
    remedy = "Look at pwauth mail list for the reason."
    found = [ok("queue", "No letter waits for long.")]
    if oldest > 5 * MINUTE:
        found = [(fail if oldest > 30 * MINUTE else warn)("queue", words, remedy)]
    if dead:
        words = f"{dead} letter{'' if dead == 1 else 's'} could not be delivered."
        found.append(warn("queue", words, "Look at pwauth mail list, then requeue or purge."))
    return found

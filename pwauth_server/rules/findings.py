"""What a check-up found, and the judgement over facts of the host, the address and the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath

from pwauth_server.rules import weak_secrets
from pwauth_server.rules.moments import DAY, MINUTE, rfc3339

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
    """One sentence about one subject, and what to do if all is not well.

    Both are kept as they are written here, with gaps: so another language finds its own words for them.
    """

    subject: str
    level: Level
    written: str
    advice: str = ""
    #: What fills the gaps.
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """Return the sentence with its gaps filled."""
        return self.written.format(**self.facts)

    @property
    def remedy(self) -> str:
        """Return what to do, with the gaps filled; empty if nothing is."""
        return self.advice.format(**self.facts)


def ok(subject: str, written: str, **facts: str) -> Finding:
    """Return a finding that needs nothing."""
    return Finding(subject, Level.OK, written, "", facts)


def warn(subject: str, written: str, advice: str, **facts: str) -> Finding:
    """Return a finding that should be looked at."""
    return Finding(subject, Level.WARN, written, advice, facts)


def fail(subject: str, written: str, advice: str, **facts: str) -> Finding:
    """Return a finding that keeps people from signing in, or will."""
    return Finding(subject, Level.FAIL, written, advice, facts)


def unknown(subject: str, reason: str) -> Finding:
    """Return what is to be told of a subject that could not be looked at."""
    return warn(subject, "Could not be looked at: {reason}.", "Try again.", reason=reason)


def clock(source: str, ahead: float | None) -> Finding:
    """Judge how many seconds this machine is ahead of another clock; None if that could not be read."""
    if ahead is None:
        advice = "Make sure that this machine keeps its clock by NTP."
        return warn("clock", "There is no time to compare with ({source}).", advice, source=source)
    if abs(ahead) <= NOTICEABLE:
        return ok("clock", "This machine and {source} agree within {seconds} seconds.", source=source, seconds=f"{NOTICEABLE:.0f}")
    written = "This machine is {seconds} seconds ahead of {source}." if ahead > 0 else "This machine is {seconds} seconds behind {source}."
    judge = fail if abs(ahead) > BREAKING else warn
    return judge("clock", written, "Let NTP set both clocks.", source=source, seconds=f"{abs(ahead):.0f}")


def kind_of_disk(kind: str) -> Finding:
    """Judge the file system under the SQLite file; empty if nobody knows it."""
    if kind in NETWORK:
        return fail("disk", "The database lies on a network file system ({kind}), where SQLite can lose or break it.",
                    "Put database_path on a local disk, or use PostgreSQL (pwauth copy-database).", kind=kind)  # fmt: skip
    if not kind:
        return ok("disk", "The file system of the database is unknown.")
    return ok("disk", "The database lies on a local file system ({kind}).", kind=kind)


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
    written = "{free} GiB are free where the database lies, which takes {used} GiB."
    facts = {"free": f"{free / GIB:.1f}", "used": f"{database / GIB:.2f}"}
    if free < 64 * MIB:
        return fail("space", written, "Free some space: a full disk ends every sign-in.", **facts)
    if free < 2 * database or free < GIB // 2:
        return warn("space", written, "Free some space: a backup needs as much again as the database takes.", **facts)
    return ok("space", written, **facts)


def secrets(named: Mapping[str, str]) -> list[Finding]:
    """Judge secrets that are set: what is short, published or guessable."""
    weak = [(name, why) for name, secret in named.items() if secret and (why := weak_secrets.problem(secret))]
    if not weak:
        return [ok("secrets", "No secret that is set is short, published or easy to guess.")]
    return [warn("secrets", "{name} {why}.", "Make another one: openssl rand -base64 48.", name=name, why=why) for name, why in weak]


def apps_of_older_keys(apps: Mapping[bytes, int], ring: Sequence[bytes]) -> list[Finding]:
    """Judge how many apps have their secret sealed under which key, by the ids of the keys in ``secret_key``."""
    found = []
    if older := sum(apps.get(key_id, 0) for key_id in ring[1:]):
        written = "Authenticator apps that need an older key of secret_key, which must stay in the list: {number}."
        found.append(ok("secrets", written, number=str(older)))
    if lost := sum(number for key_id, number in apps.items() if key_id not in ring):
        written = "Authenticator apps that need a key which is not in secret_key: {number}; the server will not start."
        found.append(fail("secrets", written, "Add the older key to the end of secret_key.", number=str(lost)))
    return found


def modes(found: Mapping[str, int]) -> list[Finding]:
    """Judge the modes of files that hold secrets."""
    open_ones = {name: mode for name, mode in found.items() if mode & 0o077}
    if not open_ones:
        return [ok("files", "Files with secrets are readable by their owner alone.")]
    advice = "chmod 600 {name}"
    return [
        fail("files", "{name} can be changed by others on this machine.", advice, name=name)
        if mode & 0o022
        else warn("files", "{name} can be read by others on this machine.", advice, name=name)
        for name, mode in open_ones.items()
    ]


def empty_files(names: Sequence[str]) -> list[Finding]:
    """Judge settings whose file holds nothing: the server takes them for not set."""
    advice = "Put it into the file, or do not name the file."
    return [warn("secrets", "{name} is not set: the file for it is empty.", advice, name=name) for name in names]


def backups(now: float, backed_up_at: float, *, every: float | None) -> Finding:
    """Judge the age of the last backup; ``every`` is the seconds between two scheduled ones, None if none are."""
    if not backed_up_at:
        return warn("backup", "There has never been a backup.", "Set backup_path and backup_passphrase, or run pwauth backup PATH.")
    written, at = "The last backup was made at {at}.", rfc3339(backed_up_at)
    patience = 7 * DAY if every is None else 2 * every
    if now - backed_up_at <= patience:
        return ok("backup", written, at=at)
    advice = "Run pwauth backup PATH, or set backup_path." if every is None else "Look for backup.failed in the log."
    return warn("backup", written, advice, at=at)


def no_database(place: str) -> Finding:
    """Return what is to be told where the SQLite file is not."""
    advice = "Name the configuration with --config, or start the server first."
    return fail("database", "There is no database at {place}.", advice, place=place)


def broken_database(reason: str) -> Finding:
    """Return what is to be told of a database that cannot be opened."""
    return fail("database", "The database cannot be used: {reason}.", "Look at database_path or database_url.", reason=reason)


def shared_limits(problem: str) -> Finding:
    """Judge the Redis of redis_url; ``problem`` is empty if it answers."""
    if problem:
        advice = "Look at redis_url and at Redis; limits are shared again as soon as it answers."
        return warn("limits", "Redis does not answer ({problem}), so each node counts limits alone.", advice, problem=problem)
    return ok("limits", "Redis answers; all nodes that use it share their limits.")


def limits_of_nodes(nodes: int) -> list[Finding]:
    """Judge how many servers without a common Redis there are."""
    if nodes < 2:  # noqa: PLR2004 - one node has all limits to itself
        return []
    written = "{nodes} nodes serve this database, and each counts limits alone."
    return [warn("limits", written, "Set the same redis_url on all of them.", nodes=str(nodes))]


def migrations(missing: Sequence[str]) -> Finding:
    """Judge what the schema lacks."""
    if missing:
        written = "The database lacks migrations: {number}, first {first}."
        return warn("schema", written, "Run pwauth migrate, or start the server.", number=str(len(missing)), first=missing[0])
    return ok("schema", "The database has the schema of this version.")


def queue(oldest: float, dead: int) -> list[Finding]:
    """Judge the age in seconds of the oldest letter that waits, and the number of dead ones."""
    found = [ok("queue", "No letter waits for long.")]
    if oldest > 5 * MINUTE:
        judge = fail if oldest > 30 * MINUTE else warn
        advice = "Look at pwauth mail list for the reason."
        found = [judge("queue", "The oldest letter waits since {minutes} minutes.", advice, minutes=f"{oldest / MINUTE:.0f}")]
    if dead:
        advice = "Look at pwauth mail list, then requeue or purge."
        found.append(warn("queue", "Letters that could not be delivered: {number}.", advice, number=str(dead)))
    return found

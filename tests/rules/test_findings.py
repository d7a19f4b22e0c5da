"""What the doctor makes of facts, as tables."""

from collections.abc import Sequence

import pytest

from pwauth_server.rules import findings, findings_address, findings_mail
from pwauth_server.rules.dns import Answer
from pwauth_server.rules.findings import GIB, MIB, Finding, Level
from pwauth_server.rules.moments import DAY, HOUR
from tests.fakes import NEW_YEAR

OK, WARN, FAIL = Level.OK, Level.WARN, Level.FAIL
STRONG = "q7Zk3v9QpX7rT2mWb8yLs5NcHd4fGj6KaEe1Uu0oRtYiPlMn"
MOUNTS = """
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:44 / /mnt/team\\040disk rw - nfs4 filer:/x rw
24 22 0:45 / /mnt rw - xfs /dev/sdb rw
garbage
"""


def levels(found: Finding | Sequence[Finding]) -> list[Level]:
    """Return how bad findings are; each says one sentence, and what to do unless all is well."""
    several = [found] if isinstance(found, Finding) else found
    for finding in several:
        assert finding.sentence.endswith(".")
        assert bool(finding.remedy) == (finding.level is not OK)
    return [finding.level for finding in several]


@pytest.mark.parametrize(("ahead", "level"), ((0.0, OK), (-4.9, OK), (6.0, WARN), (-29.0, WARN), (31.0, FAIL), (-90.0, FAIL), (None, WARN)))
def test_clocks_may_differ_a_little(ahead: float | None, level: Level) -> None:
    """Half a minute is more than any token forgives."""
    assert levels(findings.clock("the database", ahead)) == [level]


@pytest.mark.parametrize(
    ("path", "kind"),
    (("/var/lib/auth.db", "ext4"), ("/mnt/auth.db", "xfs"), ("/mnt/team disk/a/auth.db", "nfs4"), ("/mnt/team disks/auth.db", "xfs")),
)
def test_the_deepest_mount_counts(path: str, kind: str) -> None:
    """With blanks in its name as Linux writes them, and no mix-up of names that begin alike."""
    assert findings.mounted_as(MOUNTS, path) == kind
    assert findings.mounted_as("", path) == ""


def test_a_network_disk_is_no_place_for_sqlite() -> None:
    """Its locks and its log do not hold there."""
    assert levels([findings.kind_of_disk(kind) for kind in ("ext4", "", "nfs4", "fuse.sshfs")]) == [OK, OK, FAIL, FAIL]


@pytest.mark.parametrize(
    ("free", "used", "level"), ((10 * GIB, GIB, OK), (10 * GIB, 6 * GIB, WARN), (300 * MIB, 0, WARN), (10 * MIB, 0, FAIL))
)
def test_a_disk_fills_up_in_time_to_act(free: int, used: int, level: Level) -> None:
    """There must be room for a backup, and much later for a sign-in."""
    assert levels(findings.free_space(free, used)) == [level]


def test_weak_secrets_are_named_but_not_shown() -> None:
    """What nobody set is not weak."""
    found = findings.secrets({"one": "changeme-changeme-changeme-changeme", "two": "hunter2", "three": STRONG, "four": ""})
    assert levels(found) == [WARN, WARN]
    assert not [word for word in ("changeme-", "hunter2") if word in str(found)]
    assert levels(findings.secrets({"three": STRONG, "four": ""})) == [OK]


def test_keys_that_apps_need_are_counted() -> None:
    """The first seals, so nobody misses it; each older one must stay, and one that is gone is a failure."""
    judged = findings.apps_of_older_keys({b"new1": 9, b"old1": 2, b"old2": 3, b"gone": 4}, (b"new1", b"old1", b"old2"))
    assert levels(judged) == [OK, FAIL]
    assert [finding.facts["number"] for finding in judged] == ["5", "4"]
    assert findings.apps_of_older_keys({b"new1": 9}, (b"new1", b"old1")) == []


def test_files_that_others_can_read_are_named() -> None:
    """Group and world count alike."""
    assert levels(findings.modes({"a": 0o600, "b": 0o640, "c": 0o604})) == [WARN, WARN]
    assert levels(findings.modes({"a": 0o600, "b": 0o400})) == [OK]
    assert levels(findings.modes({"a": 0o620, "b": 0o666, "c": 0o644})) == [FAIL, FAIL, WARN], "what others may change is theirs"


@pytest.mark.parametrize(
    ("age", "every", "level"),
    ((HOUR, None, OK), (6 * DAY, None, OK), (8 * DAY, None, WARN), (2 * DAY, DAY, OK), (2 * DAY + 1, DAY, WARN), (None, DAY, WARN)),
)
def test_backups_get_old(age: float | None, every: float | None, level: Level) -> None:
    """One may be missed; without a schedule a week is too long."""
    assert levels(findings.backups(NEW_YEAR, 0 if age is None else NEW_YEAR - age, every=every)) == [level]


def test_missing_migrations_and_old_letters_are_seen() -> None:
    """Letters wait minutes before that means anything; dead ones are a finding of their own."""
    assert levels([findings.migrations([]), findings.migrations(["1_x.py"])]) == [OK, WARN]
    assert [levels(findings.queue(*facts)) for facts in ((0.0, 0), (400.0, 0), (3600.0, 2))] == [[OK], [WARN], [FAIL, WARN]]


@pytest.mark.parametrize(
    ("url", "rp_id", "origins", "host", "expected"),
    (
        ("http://localhost:3000", "localhost", [], "127.0.0.1", [WARN]),
        ("https://auth.ex.com", "auth.ex.com", [], "0.0.0.0", [OK]),
        ("https://auth.ex.com", "ex.com", ["https://app.ex.com"], "10.0.0.9", [OK, OK, OK, OK]),
    ),
)
def test_the_address_fits_the_passkeys(url: str, rp_id: str, origins: list[str], host: str, expected: list[Level]) -> None:
    """Who made them wider than the server is told what that means."""
    assert levels(findings_address.public_url(url, rp_id=rp_id, origins=origins, server_host=host)) == expected


@pytest.mark.parametrize(
    ("seen", "trusted", "expected"),
    (
        (None, True, [WARN]),
        ({"believed": 9}, True, [OK]),
        ({"believed": 9, "missing": 3, "direct": 5}, True, [OK]),
        ({"believed": 9, "ignored": 1}, True, [WARN]),
        ({"ignored": 5}, False, [FAIL]),
        ({"missing": 5}, True, [FAIL]),
        ({"missing": 5, "ignored": 1}, True, [FAIL, FAIL]),
        ({}, False, [WARN]),
    ),
)
def test_proxies_are_judged_by_what_they_send(
    seen: dict[str, float] | None, trusted: bool, expected: list[Level]  # noqa: FBT001 - a column of the table
) -> None:
    """A proxy that is not trusted, or sends no header, makes all people behind it one client (SEC-61)."""
    assert levels(findings_address.proxies(seen, url="https://auth.ex.com", are_trusted=trusted)) == expected


def test_without_a_proxy_nothing_is_missing() -> None:
    """A server on this machine needs none."""
    assert levels(findings_address.proxies({}, url="http://localhost:3000", are_trusted=False)) == [OK]
    assert levels([findings_address.reachable("https://ex.com", problem) for problem in ("", "no answer")]) == [OK, WARN]


@pytest.mark.parametrize("problem", ("tls", "no_tls", "login", "refused", "timeout", "unreachable", "smtp_554", "gibberish"))
def test_every_problem_of_the_mail_server_has_a_sentence(problem: str) -> None:
    """And no two known ones the same."""
    assert levels(findings_mail.smtp("smtp", "mail.ex.com", 587, "starttls", problem, logs_in=True)) == [FAIL]
    assert "smtp_" not in findings_mail.smtp("smtp2", "mail.ex.com", 587, "starttls", problem, logs_in=True).remedy


def test_a_mail_server_that_works_is_told_how() -> None:
    """And whether it took a log-in that nobody set; without one nobody receives a letter."""
    for tls in ("starttls", "tls", "plain"):
        known, open_to_all = (findings_mail.smtp("smtp", "mail.ex.com", 587, tls, "", logs_in=it) for it in (True, False))
        assert levels([known, open_to_all]) == [OK, OK]
        assert ("takes our log-in" in known.sentence, "takes our log-in" in open_to_all.sentence) == (True, False)
    assert levels(findings_mail.printed()) == [WARN]


@pytest.mark.parametrize(
    ("texts", "level"),
    (
        (["v=spf1 include:_spf.ex.net -all"], OK),
        (["other", "V=SPF1 mx ~all"], OK),
        (["v=spf1 redirect=_spf.ex.net"], OK),
        (["v=spf1 mx ?all"], WARN),
        (["v=spf1"], WARN),
        (["v=spf10 -all"], WARN),
        ([], WARN),
        (["v=spf1 +all"], FAIL),
        (["v=spf1 mx all"], FAIL),
        (["v=spf1 -all", "v=spf1 mx -all"], FAIL),
        (None, WARN),
    ),
)
def test_spf_records_are_read(texts: list[str] | None, level: Level) -> None:
    """Two are none, and one that lets everybody send is worse than none (RFC 7208 sections 4.5 and 5.1)."""
    assert levels(findings_mail.spf("ex.com", None if texts is None else Answer(0, texts))) == [level]


@pytest.mark.parametrize(
    ("texts", "level"),
    (
        ([["v=DMARC1; p=reject; rua=mailto:x@ex.com"]], OK),
        ([[], ["v=DMARC1;p=Quarantine"]], OK),
        ([["v=DMARC1; p=none"]], WARN),
        ([["v=DMARC1; sp=reject"]], WARN),
        ([["unrelated"], []], WARN),
        ([[], None], WARN),
    ),
)
def test_dmarc_policies_are_read(texts: list[list[str] | None], level: Level) -> None:
    """The domain's own, else that of a domain above it (RFC 7489 section 6.6.3)."""
    answers = [None if found is None else Answer(0, found) for found in texts]
    assert levels(findings_mail.dmarc("a.ex.com", answers)) == [level]


def test_dkim_keys_leave_a_trace_in_dns() -> None:
    """Nothing below `_domainkey` means that there is none, whatever its selector would be (RFC 8020)."""
    assert levels([findings_mail.dkim("ex.com", answer) for answer in (Answer(0, []), Answer(3, []), None)]) == [OK, WARN, WARN]


def test_policies_are_looked_for_upwards() -> None:
    """Never at a top level domain, which is nobody's."""
    assert list(findings_mail.dmarc_names("a.b.ex.com")) == ["_dmarc.a.b.ex.com", "_dmarc.b.ex.com", "_dmarc.ex.com"]
    assert list(findings_mail.dmarc_names("com")) == ["_dmarc.com"]


def test_domains_that_nobody_owns_are_not_asked_about() -> None:
    """DNS knows nothing of them."""
    assert all(findings_mail.is_nobodys(it) for it in ("localhost.localdomain", "a.test", "example.com"))
    assert not any(findings_mail.is_nobodys(it) for it in ("contest", "ex.com", "an-example.com"))
    assert levels(findings_mail.no_domain("a.test")) == [WARN]

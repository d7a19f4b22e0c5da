"""Commands that keep, move and look, as people and scripts meet them; and all commands in a wrong folder."""

import json
import re
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from tests.backup_fakes import PASSPHRASE
from tests.rust_server import RustServer
from tests.test_cli import DONE, FAILED, STRONG, WRONG_USAGE, Host, dump, on_a_terminal


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """Return a host where nothing has run yet."""
    return Host(tmp_path)


@pytest.fixture
def used(tmp_path: Path, sqlite_template: Path) -> Host:
    """Return a host on which a server has run."""
    host = Host(tmp_path)
    host.environment["PWAUTH_BACKUP_PASSPHRASE"] = PASSPHRASE
    host.folder.joinpath("data").mkdir(mode=0o700)
    host.folder.joinpath("data/auth.db").write_bytes(sqlite_template.read_bytes())
    host.does("key create --name tool --scope introspect")
    return host


def test_a_backup_goes_where_it_is_told(used: Host) -> None:
    """To a file, or under a name that tells its time into a folder; a script finds the path in front."""
    used.folder.joinpath("folder").mkdir()
    assert re.fullmatch(r"one\.backup: \d+ rows in \d+ tables\n", used.does("backup one.backup"))
    used.folder.joinpath("own.toml").write_text("backup_keep = 3\n")
    assert re.match(r"folder/pwauth-\d{8}T\d{6}Z\.backup: ", used.does("backup --config own.toml folder"))
    assert used.does("backup verify one.backup").startswith("ok: ")
    assert used.refuses(FAILED, "backup one.backup") == ["one.backup exists; name another file."]
    assert used.refuses(FAILED, "backup nowhere/x") == ["nowhere/x: No such file or directory"]
    for line in ("backup verify nowhere", "restore nowhere"):
        assert used.refuses(FAILED, line) == ["There is no file nowhere."]


@pytest.mark.parametrize(
    ("line", "said"),
    (
        ("backup verfy", "verfy is no command of backup, and no folder; for a file of that name write ./verfy"),
        ("backup make", "make is no command of backup"),
        ("backup backups.d/", "There is no folder backups.d/"),
    ),
)
def test_a_slip_of_the_finger_makes_no_backup(used: Host, line: str, said: str) -> None:
    """A mistyped command, or a folder that is not there, does not become a file of that name."""
    before = sorted(used.folder.iterdir())
    done = used.run(line)
    assert (done.returncode, done.stdout) == (WRONG_USAGE, "")
    assert said in done.stderr
    assert sorted(used.folder.iterdir()) == before


def test_the_help_of_backup_names_what_can_be_typed(used: Host) -> None:
    """A path or `verify`, each with its options; the command behind the path has no name, nor a gap for one."""
    assert "pwauth_server backup [OPTIONS] PATH\nTry " in used.run("backup a b").stderr
    said = used.does("backup --help")
    assert "PATH | verify PATH" in said
    assert not re.search(r"\bmake\b", said)


def test_a_restore_gives_the_rows_back(used: Host) -> None:
    """Refused over a database, done with --replace; keys that were made since are gone."""
    used.does("backup one.backup")
    used.does("key create --name later --scope introspect")
    before = dump(used.folder / "data/auth.db")
    (said,) = used.refuses(FAILED, "restore one.backup")
    assert "--replace" in said
    assert dump(used.folder / "data/auth.db") == before
    kept, restored = used.does("restore --replace one.backup").splitlines()
    assert kept.startswith("kept data/before-")
    assert restored.startswith("restored ")
    assert [row["name"] for row in used.rows("key list")] == ["tool"]


def test_what_a_backup_lacks_is_told_apart(used: Host) -> None:
    """No passphrase is a fault of the configuration, PostgreSQL a matter of other tools."""
    (said,) = used.refuses(WRONG_USAGE, "backup x", backup_passphrase="")
    assert said.startswith("backup_passphrase: needed")
    (said,) = used.refuses(FAILED, "backup x", database_url="postgres://u:hunter2@127.0.0.1:1/x")
    assert "pg_dump" in said
    (said,) = used.refuses(WRONG_USAGE, "config check", backup_path="b", database_url="postgres://u:hunter2@127.0.0.1:1/x")
    assert said.startswith("backup_path: only for SQLite")
    assert used.refuses(WRONG_USAGE, "config check", backup_passphrase="hunter2")[0].startswith("backup_passphrase: is shorter")
    assert not used.folder.joinpath("x").exists()


@pytest.mark.parametrize(
    "line", ("backup", "backup a b", "backup verify", "backup --nonsense a", "restore", "copy-database", "openapi --config none.toml")
)
def test_wrong_usage_is_exit_code_two(used: Host, line: str) -> None:
    """As for every command."""
    done = used.run(line)
    assert (done.returncode, done.stdout) == (WRONG_USAGE, "")
    assert "Usage: " in done.stderr


def test_a_copy_to_the_same_kind_is_refused(used: Host) -> None:
    """There are better tools, which it names."""
    assert used.refuses(FAILED, "copy-database --to sqlite:///other.db") == ["Both are SQLite: use pwauth backup and restore."]
    assert not used.folder.joinpath("other.db").exists()


@pytest.mark.parametrize("line", ("serve", "key list", "migrate", "copy-database --to URL"))
def test_a_postgresql_that_is_away_is_named(used: Host, line: str) -> None:
    """By the host and port that somebody wrote, with the reason, and without the password (SEC-25)."""
    for place, why in (("127.0.0.1:1", "Connection refused"), ("db.invalid:5432", "")):
        url = f"postgres://u:hunter2@{place}/x"
        (said,) = used.refuses(FAILED, line.replace("URL", url), database_url="" if "URL" in line else url)
        assert said.startswith(f"PostgreSQL cannot be reached at {place}: {why}")
        assert "hunter2" not in said


def test_a_target_that_no_driver_takes_is_refused(used: Host) -> None:
    """Before anything is asked, in one line that shows no part of a password."""
    for url in ("zork", "mysql://u:hunter2@db/x", "sqlite:///", "sqlite://x"):
        (said,) = used.refuses(WRONG_USAGE, f"copy-database --to {url}")
        assert said == "--to: must be postgres://USER@HOST/DATABASE or sqlite:///PATH"
    (said,) = used.refuses(WRONG_USAGE, "copy-database --to postgres://u:hun/ter2@127.0.0.1/x")
    assert said.startswith("--to: must be postgres://USER@HOST:PORT/DATABASE; ")
    (said,) = used.refuses(WRONG_USAGE, "copy-database --to postgres://u:hunter2@127.0.0.1/x?sslkey=x")
    assert said == "--to: takes no other parameters than host, ssl, sslmode, statement_cache_size, timeout"


def test_an_import_of_something_else_is_refused(used: Host) -> None:
    """In one line; and the file of the Rust server may be imported where no server has run yet."""
    assert used.refuses(FAILED, "import-seed nowhere") == ["There is no file nowhere."]
    (said,) = used.refuses(FAILED, "import-seed data/auth.db")
    assert "no database of the Rust server" in said
    old = RustServer(used.folder / "old.db")
    old.user("ann@ex.com")
    old.run('CREATE TABLE "\x1b[2J\tx\n" (a)')
    used.folder.joinpath("data/auth.db").unlink()
    said = used.does("import-seed old.db")
    assert "users\t1\t1\t-\n" in said
    assert "\n\\x1b[2J\\tx\\n\t0\t0\t" in said, "a name out of a file steers no terminal and breaks no row"


def test_an_export_is_for_its_owner_alone(used: Host) -> None:
    """One document or a line for each account, to the terminal or into a new file that nobody else reads (SEC-72)."""
    old = RustServer(used.folder / "old.db")
    for name in ("ann", "ben"):
        old.user(f"{name}@ex.com")
    used.does("import-seed old.db")
    assert json.loads(used.does("export Ann@EX.com"))["account"]["email"] == "ann@ex.com"
    assert used.does("export --all --output all.jsonl") == "all.jsonl: 2 accounts\n"
    written = used.folder / "all.jsonl"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    emails = {json.loads(line)["account"]["email"] for line in written.read_text().splitlines()}
    assert emails == {"ann@ex.com", "ben@ex.com"}
    assert used.refuses(FAILED, "export --all --output all.jsonl") == ["all.jsonl exists; name another file."]
    assert used.refuses(FAILED, "export carl@ex.com --output x") == ["There is no account of carl@ex.com."]
    assert len(used.refuses(FAILED, "export --all --output nowhere/x")) == 1
    assert sorted(path.name for path in used.folder.iterdir()) == ["all.jsonl", "data", "old.db"]
    assert used.refuses(FAILED, "export --all --output nowhere/x") == ["nowhere/x: No such file or directory"]
    for line in ("export", "export --all ann@ex.com", "export nobody"):
        assert used.run(line).returncode == WRONG_USAGE


def test_a_test_letter_that_nobody_sends_is_told_of(used: Host) -> None:
    """Without a server it stays in the queue, and the command says so."""
    done = used.run("mail test --wait 1 you@ex.com")
    assert (done.returncode, done.stdout[:7]) == (FAILED, "queued ")
    assert "does the server run?" in done.stderr


def test_a_terminal_sees_how_far_a_backup_is(used: Host) -> None:
    """And one line in the end, which is all that a script sees."""
    said = "".join(on_a_terminal(used, "backup one.backup"))
    assert "packing 100 %" in said or "checking" in said
    assert said.endswith("tables")


def test_the_doctor_speaks_to_people_and_to_scripts(used: Host) -> None:
    """Sentences with remedies below them on a terminal, rows elsewhere; whatever it finds, it has done its work."""
    done = used.run("doctor")
    assert done.returncode == DONE
    assert {"level": "warn", "subject": "backup", "finding": "There has never been a backup."}.items() <= used.rows("doctor")[-2].items()
    lines = on_a_terminal(used, "doctor")
    assert re.search(r"\d+ well, \d+ to look at, 0 to mend", lines[-1])
    assert any("Set smtp_host." in line and "smtp " not in line for line in lines)


NEED_A_DATABASE = (
    *("admin list", "admin grant you@ex.com", "admin revoke you@ex.com", "admin login-link you@ex.com", "key list", "key revoke x"),
    *("signing-key list", "signing-key rotate", "signing-key drop x", "mail list", "mail test you@ex.com", "mail requeue x", "mail purge"),
    *("export you@ex.com", "export --all"),
)


@pytest.mark.parametrize("line", NEED_A_DATABASE)
def test_in_a_wrong_folder_nothing_is_begun_anew(host: Host, line: str) -> None:
    """The answer is where there is no database, not an empty list and a fresh file."""
    (said,) = host.refuses(FAILED, line)
    assert said.startswith(f"There is no database at {host.folder}/data/auth.db; ")
    assert list(host.folder.iterdir()) == []


@pytest.mark.parametrize("line", ("restore nowhere", "backup verify nowhere"))
def test_a_backup_that_is_not_there_makes_no_folder(host: Host, line: str) -> None:
    """Somebody who mistyped its name, or stands in a wrong folder, finds it as it was."""
    assert host.refuses(FAILED, line) == ["There is no file nowhere."]
    assert list(host.folder.iterdir()) == []


def test_the_doctor_says_that_there_is_no_database(host: Host) -> None:
    """It looks at everything else, makes nothing, and ends with exit code 1."""
    done = host.run("doctor")
    assert (done.returncode, done.stderr) == (FAILED, "")
    assert f"fail\tdatabase\tThere is no database at {host.folder}/data/auth.db." in done.stdout
    assert "warn\tsmtp" in done.stdout
    assert list(host.folder.iterdir()) == []


def test_an_older_secret_key_can_be_taken_out_of_the_list(used: Host) -> None:
    """The first seals what the others have sealed, so that the keys that sign need them no longer (SEC-71)."""
    keys = used.does("signing-key list")
    older = used.folder.joinpath("data/secrets/secret_key").read_text().strip()
    assert used.does("signing-key list", secret_key=f"{STRONG},{older}") == keys
    assert used.does("signing-key list", secret_key=STRONG) == keys


def test_a_signing_key_that_nothing_opens_is_one_line(used: Host) -> None:
    """Whoever takes a secret_key away too early learns what to do, not where our code stood (SEC-71)."""
    used.does("signing-key list")
    with closing(sqlite3.connect(used.folder / "data/auth.db")) as database, database:
        database.execute("UPDATE signing_keys SET sealed_private = ZEROBLOB(99)")
    before = dump(used.folder / "data/auth.db")
    (said,) = used.refuses(WRONG_USAGE, "signing-key list")
    assert said.startswith("secret_key: signing keys were sealed under another one")
    assert dump(used.folder / "data/auth.db") == before

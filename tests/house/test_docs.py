"""The documents of docs/: links lead somewhere, commands and settings exist."""

import re
from pathlib import Path

import pytest

from pwauth_server.config import Config
from tests.house.test_readme import commands, complaint, fenced

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.fixture(params=PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def page(request: pytest.FixtureRequest) -> Path:
    """Return each document in turn."""
    found: Path = request.param
    return found


def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file of the repository, and to a heading that is there."""
    assert [link for link in links(page.read_text()) if not leads_somewhere(page, link)] == []


def test_every_command_in_a_document_works(page: Path) -> None:
    """The command line takes each example as it stands."""
    shown = [words for block in fenced(page.read_text(), "sh") for words in commands(block)]
    assert [(words, wrong) for words in shown if (wrong := complaint(words))] == []


def test_every_setting_in_a_document_exists(page: Path) -> None:
    """What somebody copies into config.toml starts."""
    settings = re.findall(r"^([a-z_]+) = ", "\n".join(fenced(page.read_text(), "toml")), re.MULTILINE)
    assert set(settings) <= set(Config.model_fields)


def test_every_document_can_be_found() -> None:
    """A page that nothing links to is read by nobody."""
    linked = {(page.parent / link.partition("#")[0]).resolve() for page in PAGES for link in links(page.read_text())}
    assert [page for page in PAGES if page.parent != ROOT and page.resolve() not in linked and "decisions" not in page.parts] == []


def test_dead_links_are_seen(tmp_path: Path) -> None:
    """Also those whose file is there, but not the heading."""
    page = tmp_path / "a.md"
    page.write_text("# One\n## The day it's *needed*, twice\n[x](b.md) [y](#one) [z](https://ex.com) `[n](o)`\n```\n[c](d)\n```\n")
    assert links(page.read_text()) == ["b.md", "#one"]
    found = [leads_somewhere(page, link) for link in ("b.md", "#one", "#two", "a.md#the-day-its-needed-twice")]
    assert found == [False, True, False, True]


def links(text: str) -> list[str]:
    """Return every link that stays in the repository."""
    prose = re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", prose) if "://" not in link]


def leads_somewhere(page: Path, link: str) -> bool:
    """Tell whether file and heading exist."""
    name, _, heading = link.partition("#")
    target = page.parent / name if name else page
    if not target.exists():
        return False
    headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE) if heading else []
    return not heading or heading in {re.sub(r"[^\w\- ]", "", it.lower()).replace(" ", "-") for it in headings}

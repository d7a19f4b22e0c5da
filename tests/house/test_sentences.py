"""What pages say: each sentence in one place, the same ones in every language, all of them used."""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from pwauth_server.adapters import http_probe
from pwauth_server.events import ON_THE_HOST, Caller, Reason
from pwauth_server.rules import browsers, weak_secrets
from pwauth_server.web import words
from scripts.readme_tables import sent

WEB = Path(words.__file__).parent
SOURCES = "\n".join(path.read_text() for path in [*WEB.glob("templates/*.html"), *WEB.glob("*.py")])
ENGLISH, *OTHERS = (words.Words(language) for language in words.LANGUAGES)
#: Keys that are put together from parts: what begins like this is used.
FAMILIES = (
    *("months", "moment", "decimal", "events.", "wait.", "browsers.", "deliveries.", "places."),
    *re.findall(r't(?:\.count|\.known)?\("([\w.]+[._])"', SOURCES),
    *re.findall(r'\)\(f"([\w.]+[._])\{', SOURCES),
)


def own(known: words.Words) -> set[str]:
    """Return the sentences that every language has; errors are said in English by the code."""
    return {key for key in known.keys if not key.startswith(("errors.", "details.", "findings."))}


@pytest.mark.parametrize("other", OTHERS, ids=lambda other: other.language)
def test_every_language_says_the_same(other: words.Words) -> None:
    """A reader of another language misses nothing, and each sentence has the same gaps."""
    assert own(other) == own(ENGLISH)
    assert {key for key in own(other) if gaps(other, key) != gaps(ENGLISH, key)} == set()


@pytest.mark.parametrize("other", OTHERS, ids=lambda other: other.language)
def test_every_error_is_said_in_every_language(other: words.Words) -> None:
    """Whoever is refused reads why, in the language of the page around it."""
    assert {f"errors.{error.word}" for error in sent()} == {key for key in other.keys if key.startswith("errors.")}


@pytest.mark.parametrize("other", OTHERS, ids=lambda other: other.language)
def test_details_of_errors_are_those_that_the_code_says(other: words.Words) -> None:
    """A translation whose original was reworded would never be read again."""
    code = "\n".join(path.read_text() for path in WEB.parent.glob("flows/*.py"))
    said = {key.removeprefix("details.") for key in other.keys if key.startswith("details.")}
    assert {detail for detail in said if f'("{detail}")' not in code} == set()


@pytest.mark.parametrize("other", OTHERS, ids=lambda other: other.language)
def test_the_doctor_speaks_every_language(other: words.Words) -> None:
    """Each finding and each remedy, and the words that fill their gaps; with the gaps of the original."""
    translated = {key.removeprefix("findings.") for key in other.keys if key.startswith("findings.")}
    assert translated == set(findings())
    assert {text for text in translated if gaps(other, f"findings.{text}") != gaps_of(text)} == set()


def test_every_reason_and_every_program_has_its_words() -> None:
    """What is stored as a word of ours is read as words of the reader's."""
    assert {f"reasons.{reason}" for reason in Reason if reason is not Reason.NONE} <= ENGLISH.keys
    programs = {browsers.in_words(mark) for mark, _ in browsers._BROWSERS} | {browsers.in_words(""), Caller().browser}
    programs |= {ON_THE_HOST.browser} | {browsers.in_words("Linux").partition(" on ")[0]}
    names = {"curl", "Samsung Internet"}
    assert {f"browsers.{program}" for program in programs - names if " " in program or program.islower()} <= ENGLISH.keys


def test_every_sentence_is_used() -> None:
    """A sentence that no page says would be translated in vain."""
    asked = set(re.findall(r't(?:\.count)?\("([\w.]+)"', SOURCES))
    said = {key for key in own(ENGLISH) if key.startswith(FAMILIES) or key in asked or key.rpartition(".")[0] in asked}
    assert own(ENGLISH) - said == set()


def test_every_sentence_that_is_asked_for_exists() -> None:
    """A page never breaks on a word that nobody wrote."""
    asked = set(re.findall(r'\bt\("([\w.]+)"', SOURCES))
    assert {key for key in asked if not key.endswith((".", "_"))} <= ENGLISH.keys


def test_nothing_is_said_outside_the_files() -> None:
    """Templates hold markup and gaps; a bare word in them would stay English for ever (the API's description is for developers)."""
    for path in sorted(WEB.glob("templates/*.html")):
        if path.name != "docs.html":
            bare = re.sub(r"\{% block width %\}.*?%\}|\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}|<[^>]*>", " ", path.read_text(), flags=re.DOTALL)
            assert re.findall(r"[^\W\d_]{2,}", bare) == [], path.name


def test_values_and_sentences_are_escaped() -> None:
    """Neither a translator's slip nor a person's name becomes markup (SEC-13)."""
    assert ENGLISH("signin.heading", product="<b>&") == "Sign in to &lt;b&gt;&amp;"
    for known in (ENGLISH, *OTHERS):
        assert known.finding("{url} answers.", {"url": "<b>{url}"}).startswith("&lt;b&gt;{url} ")


def findings() -> Iterator[str]:
    """Yield what the doctor may say: texts of several words in the code that judges, and what other code lends it."""
    for path in WEB.parent.glob("rules/findings*.py"):
        tree = ast.parse(path.read_text())
        documented = (node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef))
        said = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        docstrings = {ast.get_docstring(node, clean=False) for node in documented}
        yield from (text for text in said - docstrings if len(text.split()) > 1)
    yield from ("the database server", "the newest row of the database")
    yield from (problem for _, problem in http_probe._WORDS)
    yield from filter(None, map(weak_secrets.problem, ("x", "changeme" * 9, "ab" * 20)))


def gaps_of(text: str) -> set[str]:
    """Return the names of the gaps of a text."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def gaps(known: words.Words, key: str) -> set[str]:
    """Return the names of the gaps of a sentence."""
    return gaps_of(known._sentences[key])

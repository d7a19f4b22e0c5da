#!/usr/bin/env python3
"""Write the README's tables of limits, settings and errors from the code: `make readme`; `--check` only compares."""

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from pwauth_server.config import Config
from pwauth_server.errors import ConfigError, PwauthError, Refused
from pwauth_server.rules import limits
from pwauth_server.rules.limits import DEFAULT_MAILS_PER_HOUR, DEFAULT_PER_MINUTE, Limit, Quota
from pwauth_server.rules.moments import DAY, HOUR, MINUTE

README = Path(__file__).parents[1] / "README.md"

#: Who shares a quota, and what is counted.
COUNTED: Mapping[Limit, tuple[str, str]] = {
    Limit.REQUESTS: ("client", "requests; introspection, forward-auth, health, metrics and the front door are free"),
    Limit.PAGE_POLLS: ("client", "looks of pages that wait for their letter"),
    Limit.MAIL_PER_CLIENT: ("client", "sign-in letters asked for"),
    Limit.SIGN_IN_FAILURES: ("client", "links, codes of letters and passkeys that are wrong; a spent or expired link costs nothing"),
    Limit.REFRESH_PER_CLIENT: ("client", "refreshes"),
    Limit.API_KEY_FAILURES: ("client", "wrong API keys, and other tokens that administration does not know; a right one always passes"),
    Limit.ONE_TIME_CODES_PER_CLIENT: ("client", "wrong one-time passwords and recovery codes"),
    Limit.PASSKEY_CEREMONIES: ("client", "challenges for passkeys"),
    Limit.FIRST_USE_PER_CLIENT: ("client", 'enrolments without a session, with `enrolment = "first_use"`'),
    Limit.ONE_TIME_CODES_PER_ACCOUNT: (
        "account, whether there is one or not",
        "wrong one-time passwords and recovery codes; those of strangers are forgotten when the owner signs in another way",
    ),
    Limit.RECOVERY_CODES_MADE: ("account", "sheets of recovery codes made"),
    Limit.EXPORTS_PER_ACCOUNT: ("account", "exports of everything that is stored about it"),
    Limit.REFRESH_PER_SESSION: ("session", "refreshes"),
    Limit.MAIL_PER_MAILBOX_HOUR: ("mailbox, without its `+tag`", "sign-in letters"),
    Limit.MAIL_PER_MAILBOX_DAY: ("mailbox, without its `+tag`", "sign-in letters"),
    Limit.MAIL_PER_MAILBOX_AND_CLIENT: ("mailbox and client", "sign-in letters; so a stranger cannot use up the owner's share"),
    Limit.MAIL_PER_MAILBOX_AND_CLIENT_HOUR: ("mailbox and client", "sign-in letters; the same over an hour"),
    Limit.MAIL_PER_MAILBOX_AND_CLIENT_DAY: ("mailbox and client", "sign-in letters; the same over a day"),
    Limit.MAIL_COOLDOWN: ("mailbox and client", "sign-in letters; one more is answered like the first, but not sent"),
    Limit.MAIL_GLOBAL: ("everybody together", "sign-in letters; one more is refused with `503 mail_cap_reached`"),
}
#: Errors that no client ever sees: the roots of the tree, and what stops a start.
NEVER_SENT = frozenset({PwauthError, Refused, ConfigError})


def limits_table() -> Iterator[str]:
    """Yield every limit: name, who shares it, what is counted, default, and the settings that raise it."""
    default = limits.table(per_minute=DEFAULT_PER_MINUTE, mails_per_hour=DEFAULT_MAILS_PER_HOUR)
    more = {
        "rate_limit_per_minute": limits.table(per_minute=2 * DEFAULT_PER_MINUTE, mails_per_hour=DEFAULT_MAILS_PER_HOUR),
        "email_rate_limit_per_hour": limits.table(per_minute=DEFAULT_PER_MINUTE, mails_per_hour=2 * DEFAULT_MAILS_PER_HOUR),
    }
    yield from head("limit", "per", "counts", "default", "raised by")
    for limit, quota in default.items():
        raising = [f"`{name}`" for name, raised in more.items() if raised[limit] != quota]
        yield row(f"`{limit}`", *COUNTED[limit], in_words(quota), ", ".join(raising))


def in_words(quota: Quota) -> str:
    """Return a quota as people say it."""
    for seconds, unit in ((DAY, "a day"), (HOUR, "an hour"), (MINUTE, "a minute")):
        if quota.seconds == seconds:
            return f"{quota.amount} {unit}"
    if quota.seconds % MINUTE == 0:
        return f"{quota.amount} in {quota.seconds // MINUTE:.0f} minutes"
    return f"{quota.amount} in {quota.seconds:g} seconds"


def settings_table() -> Iterator[str]:
    """Yield every key with type, default and meaning, in the groups and the order of the source."""
    for title, names in groups(inspect.getsource(Config)):
        yield from ("", f"**{title[0].upper()}{title[1:]}**", "")
        yield from head("key", "type", "default", "meaning")
        for name in names:
            field = Config.model_fields[name]
            yield row(f"`{name}`", type_of(name, field), f"`{default_of(field)}`", field.description or "")


def groups(source: str) -> list[tuple[str, list[str]]]:
    """Return the headings (`# -- heading`) of a class body, each with the fields below it."""
    found: list[tuple[str, list[str]]] = []
    for line in source.splitlines():
        if heading := re.fullmatch(r"    # -- (.+)", line):
            found.append((heading[1], []))
        elif found and (name := re.match(r"    (\w+): .*= Field\(", line)):
            found[-1][1].append(name[1])
    return found


def default_of(field: FieldInfo) -> str:
    """Return a default as config.toml would have it."""
    value = field.get_default(call_default_factory=True)
    return json.dumps(value.get_secret_value() if isinstance(value, SecretStr) else value)


def type_of(name: str, field: FieldInfo) -> str:
    """Return what may be written for a setting, in words."""
    words = kind(field.annotation)
    if words == "number" and (unit := re.search(r"_(seconds|days)$", name)):
        words = unit[1]
    bounds = {key: value for part in field.metadata for key in ("gt", "ge", "le") if (value := getattr(part, key, None)) is not None}
    lowest = bounds.get("ge", bounds["gt"] + 1 if "gt" in bounds else None)
    if lowest is None:
        return words
    return f"{words}, {lowest} to {bounds['le']}" if "le" in bounds else f"{words}, {lowest} or more"


def kind(annotation: Any) -> str:
    """Return a type in words."""
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{json.dumps(choice)}`" for choice in get_args(annotation) if choice)
    if get_origin(annotation) is list:
        (item,) = get_args(annotation)
        return f"list out of {kind(item)}" if get_origin(item) is Literal else f"list of {kind(item)}s"
    return {bool: "`true`, `false`", int: "number", str: "text", SecretStr: "secret"}[annotation]


def errors_table() -> Iterator[str]:
    """Yield every error word with its status and the sentence that a client reads."""
    yield from head("`error`", "status", "`detail`, unless there is more to say")
    for error in sorted(sent(), key=lambda it: (it.status, it.word)):
        yield row(f"`{error.word}`", error.status, error.sentence())


def sent() -> list[type[PwauthError]]:
    """Return every kind of error that a client may see."""
    return [kind for kind in family(PwauthError) if kind not in NEVER_SENT]


def family(root: type[PwauthError]) -> list[type[PwauthError]]:
    """Return a kind of error and everything below it, once each."""
    return list(dict.fromkeys([root, *(kind for child in root.__subclasses__() for kind in family(child))]))


def head(*cells: str) -> Sequence[str]:
    """Return the two lines that begin a table."""
    return row(*cells), "|" + "---|" * len(cells)


def row(*cells: object) -> str:
    """Return one line of a table."""
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


BLOCKS: Mapping[str, Callable[[], Iterator[str]]] = {"limits": limits_table, "settings": settings_table, "errors": errors_table}


def filled(text: str) -> str:
    """Return the README with each block between its marks written anew; raise ValueError if a mark is missing."""
    for name, lines in BLOCKS.items():
        begin, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"README.md: there is no {begin.strip()} … {end}")
        text = before + begin + "\n".join(lines()).lstrip("\n") + "\n" + end + after
    return text


def main(arguments: Sequence[str]) -> int:
    """Write the README, or with ``--check`` tell by the exit code whether it is current."""
    text = README.read_text()
    wanted = filled(text)
    if "--check" in arguments:
        return int(text != wanted)
    README.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Tables for spreadsheets: comma-separated values in which no cell is a formula (RFC 4180; OWASP, CSV injection)."""

import csv
import io
from collections.abc import Iterable, Sequence

MEDIA_TYPE = "text/csv; charset=utf-8; header=present"

#: What spreadsheets begin a formula with, and the blanks that some of them skip before it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as text, every cell in quotes, lines ended by CRLF."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(head)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def harmless(cell: object) -> str:
    """Return a cell that every spreadsheet shows and none computes: a quote mark before what could be a formula."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text

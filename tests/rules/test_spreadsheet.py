import pytest

from pwauth_server.rules import spreadsheet


@pytest.mark.parametrize(
    ("cell", "shown"),
    (
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("\uff1d1", "'\uff1d1"),
        (-5, "'-5"),
        (None, ""),
        ("", ""),
        ("a=1", "a=1"),
        (7, "7"),
    ),
)
def test_no_cell_is_a_formula(cell: object, shown: str) -> None:
    """What a spreadsheet would compute is shown as text instead (OWASP, CSV injection)."""
    assert spreadsheet.harmless(cell) == shown


def test_a_cell_stays_one_cell() -> None:
    """Quotes, commas and line breaks inside it begin no other one (RFC 4180)."""
    assert spreadsheet.table(["a", "b"], [['x","=1', "y\r\n=2"]]) == '"a","b"\r\n"x"",""=1","y\r\n=2"\r\n'

from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwauth_server.rules import ids

MOMENT = st.floats(0, 2**47 / 1000)
CHANCE = st.binary(min_size=ids.RANDOM_BYTES, max_size=ids.RANDOM_BYTES)


def test_the_example_of_the_rfc_comes_out() -> None:
    """RFC 9562 appendix A.6: the 22nd of February 2022, 2:22:22 pm in New York."""
    chance = (0xCC3 << 68 | 0x18C4DC0C0C07398F).to_bytes(10, "big")
    assert str(ids.uuid7(1_645_557_742.0, chance)) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(MOMENT, CHANCE)
def test_every_id_is_a_uuid_of_version_seven(now: float, chance: bytes) -> None:
    """Version and variant are fixed, the time stands in front."""
    made = ids.uuid7(now, chance)
    assert (made.version, made.variant) == (7, RFC_4122)
    assert made.int >> 80 == int(now * 1000)


@given(MOMENT, MOMENT, CHANCE, CHANCE)
def test_later_rows_have_larger_ids(one: float, other: float, chance: bytes, more: bytes) -> None:
    """Sorting by id is sorting by the millisecond of creation."""
    if int(one * 1000) < int(other * 1000):
        assert ids.uuid7(one, chance) < ids.uuid7(other, more)


@given(MOMENT, CHANCE)
def test_the_earliest_id_of_a_moment_is_below_all_of_it(now: float, chance: bytes) -> None:
    """A purge up to a moment spares everything that was created in it."""
    assert ids.earliest(now) <= ids.uuid7(now, chance)
    assert ids.earliest(now).bytes <= ids.uuid7(now, chance).bytes


def test_all_74_bits_of_chance_are_used() -> None:
    """Each random bit but the six under the variant changes the id (SEC-11)."""
    different = {ids.uuid7(0, (1 << bit).to_bytes(10, "big")) for bit in range(80)}
    assert len(different) == 74 + 1


@given(st.uuids())
def test_an_id_reads_back(row: UUID) -> None:
    """What we print is what we read."""
    assert ids.parse(str(row)) == row


@pytest.mark.parametrize(
    "text",
    (
        "", "x", "017f22e279b07cc398c4dc0c0c07398f", "017F22E2-79B0-7CC3-98C4-DC0C0C07398F", "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}",
        "urn:uuid:017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f\n", " 017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        "\uff10\uff1117f22e2-79b0-7cc3-98c4-dc0c0c07398f", "017f22e2-79b0-7cc3-98c4-dc0c0c07398g", "\u0000" * 36, "0" * 1_000_000,
        "+17f22e2-79b0-7cc3-98c4-dc0c0c07398f", "0_7f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    ),
)  # fmt: skip
def test_any_other_spelling_is_no_id(text: str) -> None:
    """An id has one spelling, so it cannot pass a list of ids in disguise (SEC-23)."""
    assert ids.parse(text) is None

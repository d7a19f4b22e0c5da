from collections import Counter
from itertools import pairwise

import pytest

from pwauth_server.adapters.entropy import Entropy, SystemEntropy
from pwauth_server.rules import codes
from tests.fakes import NEW_YEAR, FakeEntropy

CODES = 20_000


@pytest.fixture(scope="module")
def drawn() -> list[str]:
    """Return twenty thousand codes as letters carry them."""
    entropy = SystemEntropy()
    return [entropy.text(codes.ALPHABET, codes.LENGTH) for _ in range(CODES)]


def test_every_symbol_is_equally_likely_in_every_place(drawn: list[str]) -> None:
    """Chi-square with 30 degrees of freedom passes 100 once in 2e9 runs; a bias of a few percent passes it always (SEC-11)."""
    expected = CODES / len(codes.ALPHABET)
    for place in range(codes.LENGTH):
        counts = Counter(code[place] for code in drawn)
        assert sum((counts[symbol] - expected) ** 2 / expected for symbol in codes.ALPHABET) < 100


def test_no_place_depends_on_another(drawn: list[str]) -> None:
    """Neighbours, and first and last, agree as often as chance says, within six sigma (SEC-11)."""
    likely = 1 / len(codes.ALPHABET)
    sigma = (CODES * likely * (1 - likely)) ** 0.5
    for one, other in (*pairwise(range(codes.LENGTH)), (0, codes.LENGTH - 1)):
        equal = sum(code[one] == code[other] for code in drawn)
        assert abs(equal - CODES * likely) < 6 * sigma


def test_codes_and_secrets_do_not_repeat(drawn: list[str]) -> None:
    """Two thousand secrets are unique; of the codes at most a pair may meet by chance (SEC-11)."""
    entropy = SystemEntropy()
    assert len({entropy.random(32) for _ in range(2000)}) == 2000
    assert len({entropy.row_id(NEW_YEAR) for _ in range(2000)}) == 2000
    assert len(set(drawn)) > CODES - 5


@pytest.mark.parametrize("entropy", (SystemEntropy(), FakeEntropy()), ids=lambda entropy: type(entropy).__name__)
def test_chance_and_its_twin_keep_one_promise(entropy: Entropy) -> None:
    """Whatever a flow may rely on, tests rely on too (SEC-11)."""
    assert [len(entropy.random(count)) for count in (0, 1, 32)] == [0, 1, 32]
    assert set(entropy.text("ab", 100)) == {"a", "b"}
    assert all(0 <= entropy.fraction() < 1 for _ in range(1000))
    assert entropy.row_id(NEW_YEAR).version == 7
    assert entropy.row_id(NEW_YEAR) < entropy.row_id(NEW_YEAR + 1)


def test_the_twin_repeats_itself() -> None:
    """The same seed gives the same run, another seed another one."""
    assert FakeEntropy(7).random(8) == FakeEntropy(7).random(8) != FakeEntropy(8).random(8)

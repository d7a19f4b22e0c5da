import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwauth_server.rules.dns import Answer, GarbledError, answer, question, servers_in
from tests.dns_fakes import NXDOMAIN, reply


def test_the_question_is_the_rfcs() -> None:
    """One name, type TXT, class IN, recursion, and how much we take over UDP (RFC 1035 section 4.1, RFC 6891)."""
    head, name, rest = "1234 0100 0001 0000 0000 0001", "0161 026578 03636f6d 00", "0010 0001 00 0029 04d0 00000000 0000"
    assert question("a.ex.com.", 0x1234) == bytes.fromhex(head + name + rest)


@pytest.mark.parametrize("texts", ([], ["v=spf1 -all"], ["one", "two"], ["x" * 600], [""], ["ünï"]))
def test_texts_come_back(texts: list[str]) -> None:
    """Every record, also one that is cut into strings of 255 bytes, behind an alias and with compressed names."""
    assert answer(reply(question("ex.com", 7), texts), 7) == Answer(0, texts)


def test_that_a_name_is_missing_is_an_answer() -> None:
    """NXDOMAIN says that nothing is below it either; a failure of the server says nothing (RFC 8020)."""
    assert not answer(reply(question("ex.com", 7), [], code=NXDOMAIN), 7).exists
    assert answer(reply(question("ex.com", 7), []), 7).exists
    assert [answer(reply(question("ex.com", 7), [], code=code), 7).is_certain for code in (0, 2, 3, 5)] == [True, False, True, False]


def test_a_truncated_answer_says_so() -> None:
    """Nothing that it holds counts."""
    assert answer(reply(question("ex.com", 7), ["x"], is_truncated=True), 7) == Answer(0, [], is_truncated=True)


def test_the_answer_to_another_question_is_refused() -> None:
    """A datagram that somebody guessed, or our own question sent back."""
    for message in (reply(question("ex.com", 8), ["x"]), question("ex.com", 7)):
        with pytest.raises(GarbledError):
            answer(message, 7)


@given(st.binary(max_size=80), st.integers(0, 200))
def test_no_garbage_breaks_the_reader(noise: bytes, cut: int) -> None:
    """Whatever a name server sends, it is an answer or it is refused (SEC-77)."""
    for message in (noise, struct.pack("!6H", 7, 0x8000, 1, 2, 0, 0) + noise, reply(question("ex.com", 7), ["text"])[:cut]):
        try:
            assert isinstance(answer(message, 7), Answer)
        except GarbledError:
            continue


def test_name_servers_are_read_in_order() -> None:
    """Comments and other settings do not count."""
    assert servers_in("# nameserver 1.1.1.1\nsearch ex.com\nnameserver 10.0.0.1\n nameserver ::1 \nnameserver\n") == ["10.0.0.1", "::1"]

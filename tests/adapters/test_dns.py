import asyncio
from contextlib import closing

import pytest

from pwauth_server.adapters import dns
from pwauth_server.adapters.dns import Resolver
from pwauth_server.rules.dns import Answer
from tests.dns_fakes import NXDOMAIN, name_server
from tests.fakes import FakeEntropy
from tests.server import free_port

HERE = ["127.0.0.1"]


def resolver(port: int, *servers: str) -> Resolver:
    """Return a resolver that asks servers of a test."""
    return Resolver(FakeEntropy(), servers=servers or HERE, port=port)


async def test_texts_of_a_name_are_found() -> None:
    """A name on the way to others exists, one that nobody knows does not."""
    async with name_server({"ex.com": ["v=spf1 -all", "other"], "s1._domainkey.ex.com": ["k"]}) as port:
        found = [await resolver(port).texts(name) for name in ("ex.com", "_domainkey.ex.com", "_dmarc.ex.com")]
    assert found == [Answer(0, ["v=spf1 -all", "other"]), Answer(0, []), Answer(NXDOMAIN, [])]


async def test_a_long_answer_is_asked_for_again_over_tcp() -> None:
    """What does not fit into a datagram is not lost (RFC 1035 section 4.2)."""
    async with name_server({"ex.com": ["x" * 3000]}) as port:
        assert await resolver(port).texts("ex.com") == Answer(0, ["x" * 3000])


async def test_the_next_server_is_asked_when_one_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers: that is None, not a missing record."""
    monkeypatch.setattr(dns, "PATIENCE", 0.2)
    loop = asyncio.get_running_loop()
    silent, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.2", 0))
    with closing(silent):
        port = silent.get_extra_info("sockname")[1]
        assert await resolver(port, "127.0.0.2", "127.0.0.3").texts("ex.com") is None
        assert await resolver(free_port(), "127.0.0.1").texts("ex.com") is None
        assert await Resolver(FakeEntropy(), servers=[]).texts("ex.com") is None


async def test_a_server_that_refuses_is_passed_over() -> None:
    """A port where nothing listens costs no patience."""
    async with name_server({"ex.com": ["text"]}) as port:
        assert await resolver(port, "127.0.0.9", "127.0.0.1").texts("ex.com") == Answer(0, ["text"])

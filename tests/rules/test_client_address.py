from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwauth_server.rules import client_address

PROXY = "127.0.0.1"
TRUSTED = client_address.networks(["127.0.0.0/8", "10.0.0.0/8", "2001:db8:ffff::/48"])
IP = st.ip_addresses().map(str)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    (
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # a stranger may write what he likes
        (PROXY, [], PROXY),
        (PROXY, ["203.0.113.7"], "203.0.113.7"),
        (PROXY, ["6.6.6.6, 203.0.113.7"], "203.0.113.7"),
        (PROXY, ["6.6.6.6", "203.0.113.7"], "203.0.113.7"),
        (PROXY, ["203.0.113.7, 10.1.1.1"], "203.0.113.7"),
        (PROXY, ["203.0.113.7", "10.1.1.1,10.1.1.2"], "203.0.113.7"),
        (PROXY, ["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
        (PROXY, ["2001:DB8:0::1"], "2001:db8::1"),
        (PROXY, ["2001:db8::1, 2001:db8:ffff::9"], "2001:db8::1"),
        (PROXY, ["::ffff:1.2.3.4"], "1.2.3.4"),
        (PROXY, ["::ffff:10.0.0.1"], "10.0.0.1"),
        ("::ffff:127.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("fe80::1%eth0", [], "fe80::1"),
    ),
)
def test_the_client_is_the_last_hop_we_did_not_write(peer: str, forwarded: list[str], client: str) -> None:
    """Forwarded addresses count from trusted peers only, walked from the right (SEC-60)."""
    assert client_address.client(peer, forwarded, TRUSTED) == client


@pytest.mark.parametrize(
    "forwarded",
    (
        ["a"], [""], [","], ["unknown"], ["1.2.3.4:99"], ["[::1]"], ["[2001:db8::1]:443"], ["1.2.3"], ["01.2.3.4"], ["1.2.3.4.5"],
        ["0x7f.1"], ["2130706433"],
        ["203.0.113.7, garbage"], ["203.0.113.7,"], ["203.0.113.7, "], ["203.0.113.7", ""], ["\u0661.2.3.4"], ["\u0000"], ["::1::"],
        ["\ud800"],
        ["1.2.3.4/32"], ['"1.2.3.4"'], ["for=1.2.3.4"], ["%"], ["x," * 10_000],
    ),
)  # fmt: skip
def test_garbage_stops_at_the_last_trustworthy_hop(forwarded: list[str]) -> None:
    """What cannot be read never skips a control: the key is the proxy itself (SEC-61)."""
    assert client_address.client(PROXY, forwarded, TRUSTED) == PROXY


def test_garbage_behind_a_trusted_hop_stops_there() -> None:
    """The last hop that a trusted proxy named is the answer (SEC-61)."""
    assert client_address.client(PROXY, ["203.0.113.7, nonsense, 10.1.1.1"], TRUSTED) == "10.1.1.1"


def test_without_trusted_proxies_the_header_is_ignored() -> None:
    """The default trusts nobody, not even loopback (SEC-60)."""
    for number in range(200):
        assert client_address.client(PROXY, [f"1.2.3.{number}"], ()) == PROXY


def test_ten_thousand_hops_are_cut_short() -> None:
    """An endless header costs a bounded walk, and still no stranger's word is believed (SEC-61)."""
    assert client_address.client(PROXY, ["6.6.6.6" + ", 10.0.0.1" * 10_000], TRUSTED) == "10.0.0.1"


@pytest.mark.parametrize("peer", ("", "/run/pwauth.sock", "unix:", "localhost", "\u0000"))
def test_a_peer_without_address_is_local(peer: str) -> None:
    """A UNIX socket is one bucket, and its header is not believed (SEC-61)."""
    assert client_address.client(peer, ["203.0.113.7"], TRUSTED) == "local"
    assert client_address.bucket(client_address.client(peer, [], TRUSTED)) == "local"


@given(IP, st.lists(st.one_of(IP, st.text(max_size=20)), max_size=5))
def test_whatever_comes_the_answer_is_an_address(peer: str, hops: list[str]) -> None:
    """The client is always an address in normal spelling (SEC-60, SEC-61)."""
    found = client_address.client(peer, hops, TRUSTED)
    assert str(ip_address(found)) == found
    assert client_address.bucket(found) != "local"


@given(IP, st.lists(IP, max_size=4))
def test_a_stranger_cannot_speak_for_anybody(peer: str, hops: list[str]) -> None:
    """From a peer that is not trusted the header changes nothing (SEC-60)."""
    address = client_address.parse(peer)
    assert address is not None
    if not any(address.version == network.version and address in network for network in TRUSTED):
        assert client_address.client(peer, hops, TRUSTED) == str(address)


@pytest.mark.parametrize(
    ("address", "bucket"),
    (
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("::ffff:1.2.3.5", "1.2.3.5"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:DB8:0::1", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("127.0.0.1", "127.0.0.1"),  # loopback is counted like everybody
        ("nonsense", "local"),
        ("", "local"),
    ),
)
def test_limits_count_a_household(address: str, bucket: str) -> None:
    """IPv4 counts by address, IPv6 by /64, mapped addresses as what they are (SEC-62)."""
    assert client_address.bucket(address) == bucket


def test_rotating_through_a_prefix_stays_in_one_bucket() -> None:
    """Two hundred addresses of one /64 are one client; the next /64 is another (SEC-62)."""
    assert len({client_address.bucket(f"2001:db8::{host:x}") for host in range(1, 256)}) == 1
    assert len({client_address.bucket(f"2001:db8:0:{net:x}::1") for net in range(256)}) == 256


@pytest.mark.parametrize(
    ("address", "answer"),
    (
        ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False), ("0.0.0.0", False), ("::", False), ("203.0.113.7", False), ("localhost", False), ("", False), ("local", False),
    ),
)  # fmt: skip
def test_only_loopback_addresses_are_this_machine(address: str, answer: bool) -> None:  # noqa: FBT001
    """`/metrics` and plain SMTP open to loopback, and to nothing that only looks like it (SEC-74)."""
    assert client_address.is_loopback(address) is answer


@pytest.mark.parametrize("text", ("", "x", "10.0.0.0/33", "10.0.0.0/-1", "::/129", "10.0.0.0/8/8", "*"))
def test_a_bad_network_is_refused(text: str) -> None:
    """A typing error in `trusted_proxies` is an error, not an empty or an endless network (SEC-60)."""
    with pytest.raises(ValueError, match=r".*"):
        client_address.networks([text])


def test_a_network_may_be_named_by_any_of_its_hosts() -> None:
    """Operators write what they see: 10.1.2.3/8 is 10.0.0.0/8 (SEC-60)."""
    assert [str(network) for network in client_address.networks(["10.1.2.3/8", "192.0.2.1"])] == ["10.0.0.0/8", "192.0.2.1/32"]

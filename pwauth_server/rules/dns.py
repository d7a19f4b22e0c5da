"""As much of DNS as it takes to ask for TXT records (RFC 1035 section 4, RFC 6891)."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

_TXT, _OPT, _IN = 16, 41, 1
_RECURSION_DESIRED, _TRUNCATED, _IS_ANSWER = 0x0100, 0x0200, 0x8000
#: Bytes of an answer that we take over UDP: more than that is asked for again over TCP.
UDP_SIZE = 1232
_HEADER = struct.Struct("!6H")
_RECORD = struct.Struct("!HHIH")
_POINTER = 0xC0


class GarbledError(ValueError):
    """What came is no answer to our question."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What DNS says of a name."""

    #: 0: the name exists; 3 (NXDOMAIN): neither it nor anything below it does (RFC 8020); else the server failed.
    code: int
    texts: Sequence[str]
    is_truncated: bool = False

    @property
    def exists(self) -> bool:
        """Tell whether there is such a name, be it only on the way to others."""
        return self.code == 0

    @property
    def is_certain(self) -> bool:
        """Tell whether that is an answer and not a failure of the server."""
        return self.code in {0, 3}


def question(name: str, number: int) -> bytes:
    """Return the message that asks for the TXT records of a name; ``number`` should be unguessable, 16 bits."""
    labels = b"".join(bytes([len(label)]) + label.encode("ascii") for label in name.rstrip(".").split("."))
    size = b"\0" + struct.pack("!HHIH", _OPT, UDP_SIZE, 0, 0)
    return _HEADER.pack(number, _RECURSION_DESIRED, 1, 0, 0, 1) + labels + b"\0" + struct.pack("!HH", _TXT, _IN) + size


def answer(message: bytes, number: int) -> Answer:
    """Read the answer to the question of that number; raise GarbledError for anything else."""
    try:
        found, flags, questions, records, _, _ = _HEADER.unpack_from(message)
        if found != number or not flags & _IS_ANSWER:
            raise GarbledError("another message")
        place = _HEADER.size
        for _ in range(questions):
            place = _after_name(message, place) + 4
        texts = []
        for _ in range(0 if flags & _TRUNCATED else records):
            place = _after_name(message, place)
            kind, _, _, length = _RECORD.unpack_from(message, place)
            place += _RECORD.size
            if kind == _TXT:
                texts.append(_text(message[place : place + length], length))
            place += length
    except (struct.error, IndexError) as cause:
        raise GarbledError("cut off") from cause
    return Answer(flags & 0xF, texts, bool(flags & _TRUNCATED))


def _after_name(message: bytes, place: int) -> int:
    while (length := message[place]) != 0:
        if length >= _POINTER:
            return place + 2
        place += length + 1
    return place + 1


def _text(content: bytes, length: int) -> str:
    """Join the strings of one record: a long text is cut into pieces of 255 bytes."""
    if len(content) < length:
        raise GarbledError("cut off")
    pieces, place = [], 0
    while place < length:
        pieces.append(content[place + 1 : place + 1 + content[place]])
        place += content[place] + 1
    return b"".join(pieces).decode("utf-8", "replace")


def servers_in(text: str) -> list[str]:
    """Return the name servers of a resolv.conf, in order."""
    lines = [line.split() for line in text.splitlines()]
    return [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"]

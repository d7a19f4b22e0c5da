"""An authenticator app of our own, straight from RFC 4226 and RFC 6238, so that no library agrees with itself."""

import base64
import hmac
import time
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class App:
    """An app that holds one secret."""

    secret: bytes

    @classmethod
    def of(cls, enrolled: dict[str, Any]) -> "App":
        """Return an app that somebody typed the secret of an answer into, blanks or not."""
        return cls(base64.b32decode(enrolled["secret"].replace(" ", "")))

    def at(self, moment: float) -> str:
        """Return the code of a moment in Unix seconds."""
        digest = hmac.digest(self.secret, (int(moment) // 30).to_bytes(8, "big"), "sha1")
        start = digest[-1] & 0x0F
        number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
        return f"{number % 1_000_000:06d}"

    def code(self, *, ahead: int = 0) -> str:
        """Return the code of now, or one that is so many steps ahead: the server takes those of its neighbours."""
        return self.at(time.time() + 30 * ahead)

    def wrong(self, moment: float | None = None) -> str:
        """Return six digits that belong to no step near a moment (default: now)."""
        moment = time.time() if moment is None else moment
        near = {self.at(moment + 30 * steps) for steps in range(-3, 4)}
        return next(code for code in ("000000", "111111", "222222", "333333", "444444", "555555", "666666", "777777") if code not in near)

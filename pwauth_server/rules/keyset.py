"""The keys a node holds in memory, true for one epoch of the database (SEC-20, SEC-24).

Checking a signature costs more than three whole requests, so the claims of a token that was verified
are kept under its exact text. Only the signature is remembered: whether the token has expired and
whether its session lives is asked every time, outside. New keys make a new, empty `KeySet`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from pwauth_server.rules import secrets, signatures, tokens

#: Verified tokens kept at most (about 2 kB each).
CACHE_SIZE = 4096


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A program's key as a node keeps it; times in Unix seconds."""

    id: UUID
    name: str
    scopes: frozenset[str]
    secret_hash: bytes
    expires_at: float | None
    revoked: bool

    def is_live(self, now: float) -> bool:
        """Tell whether this key counts at ``now``."""
        return not self.revoked and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True)
class Signer:
    """A signing key with its times (Unix seconds); None: not yet."""

    key: signatures.Key
    signs_from: float | None
    verifies_until: float | None

    def verifies(self, now: float) -> bool:
        """Tell whether what this key signed counts at ``now``."""
        return self.verifies_until is None or now < self.verifies_until


@dataclass(frozen=True, slots=True)
class KeySet:
    """Everything that proves or refutes a bearer token without a database."""

    epoch: int
    issuer: str
    audience: str
    #: Longest life of an access token in seconds.
    longest: int
    signers: Sequence[Signer]
    api_keys: Mapping[UUID, ApiKey]
    _verified: dict[str, tokens.Access] = field(default_factory=dict)
    _recognised: dict[str, ApiKey] = field(default_factory=dict)

    def signing_key(self, now: float) -> signatures.Key:
        """Return the key that signs at ``now``: of those that have begun, the last."""
        begun = [s for s in self.signers if s.signs_from is not None and s.signs_from <= now]
        return max(begun, key=lambda s: s.signs_from or 0).key

    def public_keys(self, now: float) -> list[signatures.Key]:
        """Return the keys that verifiers should know: next, current and retiring."""
        return [signer.key for signer in self.signers if signer.verifies(now)]

    def access(self, token: str, now: float) -> tokens.Access:
        """Return the claims of a current access token of ours; raise InvalidTokenError otherwise."""
        claims = self._verified.get(token)
        if claims is None:
            claims = self._verify(token, now)
            if len(self._verified) >= CACHE_SIZE:
                del self._verified[next(iter(self._verified))]
            self._verified[token] = claims
        if not tokens.is_current(claims, now):
            raise tokens.InvalidTokenError("time")
        return claims

    def api_key(self, text: str) -> ApiKey | None:
        """Return the API key that ``text`` spells, live or not; None for a wrong one."""
        held = self._recognised.get(text)
        if held is None:
            presented = secrets.parse(secrets.API_KEY, text)
            held = self.api_keys.get(presented.id) if presented else None
            if presented is None or held is None or not secrets.same(held.secret_hash, presented.digest):
                return None
            self._recognised[text] = held  # one text for each key: this cannot outgrow the keys
        return held

    def _verify(self, token: str, now: float) -> tokens.Access:
        parsed = tokens.parse(token)
        for signer in self.signers:
            if signer.key.kid == parsed.kid and signer.verifies(now):
                claims = tokens.verify(parsed, signer.key, tokens.ACCESS_TYPE)
                return tokens.read_access(claims, issuer=self.issuer, audience=self.audience, longest=self.longest)
        raise tokens.InvalidTokenError("kid")

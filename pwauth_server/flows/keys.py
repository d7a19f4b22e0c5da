"""Keys: made on the first start, kept in memory for one epoch, rotated without logging anybody out (SEC-24)."""

from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from pwauth_server.adapters.entropy import Entropy
from pwauth_server.config import Config
from pwauth_server.deps import Deps
from pwauth_server.errors import ConfigError, Conflict, Missing
from pwauth_server.events import Event, by_hand
from pwauth_server.rules import jwk, signatures
from pwauth_server.rules.keyset import ApiKey, KeySet, Signer
from pwauth_server.rules.sealing import NONCE_BYTES, CannotOpenError, KeyRing
from pwauth_server.store import api_keys, epoch, signing_keys, totp
from pwauth_server.store.fields import words
from pwauth_server.store.signing_keys import SigningKeyRow
from pwauth_server.store.transaction import Database, Tx

PURPOSE = "signing-key"
#: How long verifiers may keep our public keys (the `max-age` of the JWKS), in seconds: a key is
#: published at least that long before it signs.
PUBLISHED_AHEAD = 300


def empty(config: Config) -> KeySet:
    """Return the keys of a node that has not looked yet."""
    return KeySet(0, config.public_url, config.audience, config.access_token_expiry_seconds, (), {})


async def check_secret_key(db: Database, ring: KeyRing, entropy: Entropy, *, now: float) -> None:
    """Prove that ``secret_key`` opens this database, or mark a new one (SEC-71).

    Raises ConfigError instead of beginning anew: what is sealed must stay readable. The proof and the signing keys that
    an older key of the ring has sealed are sealed again under the first, so that the older one can be taken away, unless
    an app needs it: those secrets are many, and each goes under the first key when its owner shows a code.
    """
    sealed = await epoch.key_check(db.reads)
    _require(ring, sealed)
    if lost := sum(apps for key_id, apps in (await totp.count_by_key(db.reads, now)).items() if key_id not in ring.ids):
        why = f"secret_key: the secrets of authenticator apps ({lost}) were sealed under another one"
        raise ConfigError([f"{why}; add that to the list (nothing was changed)"])
    older = [row for row in await signing_keys.everything(db.reads) if not ring.is_current(row.sealed_private)]
    try:
        for row in older:
            plain = ring.open(PURPOSE, row.kid, row.sealed_private)
            row.sealed_private = ring.seal(PURPOSE, row.kid, plain, entropy.random(NONCE_BYTES))
    except CannotOpenError as cause:
        raise ConfigError(["secret_key: signing keys were sealed under another one; add that to the list (nothing was changed)"]) from cause
    if sealed is not None and ring.is_current(sealed) and not older:
        return

    async def work(tx: Tx) -> None:
        await epoch.begin(tx)
        _require(ring, await epoch.key_check(tx))  # another node, with another secret, may have marked it meanwhile
        await epoch.set_key_check(tx, ring.seal("key-check", "key_check", b"pwauth", entropy.random(NONCE_BYTES)))
        for row in older:
            await signing_keys.set_sealed(tx, row)

    await db.unit(work)


def _require(ring: KeyRing, sealed: bytes | None) -> None:
    if sealed is not None and not opens(ring, sealed):
        raise ConfigError(["secret_key: this database was sealed under another one; put that back (nothing was changed)"])


def opens(ring: KeyRing, sealed: bytes) -> bool:
    """Tell whether a ring holds the secret that sealed a database, by the value which proves it."""
    try:
        ring.open("key-check", "key_check", sealed)
    except CannotOpenError:
        return False
    return True


async def prepare(deps: Deps) -> None:
    """Make the first signing keys if there are none, and load everything."""
    if deps.config.algorithm != "HS256" and not await signing_keys.of_algorithm(deps.db.reads, deps.config.algorithm):
        now = deps.clock.now()
        pair = _pair(deps, now)

        async def work(tx: Tx) -> None:
            for row in pair:
                await _store(tx, row, now)

        await deps.db.unit(work)
    await reload(deps)


async def reload(deps: Deps) -> KeySet:
    """Read all keys and replace what this node holds."""
    reads = deps.db.reads
    number = await epoch.current(reads)
    rows = await signing_keys.of_algorithm(reads, deps.config.algorithm)
    held = {
        row.id: ApiKey(row.id, row.name, frozenset(words(row.scopes)), row.secret_hash, row.expires_at, row.revoked_at is not None)
        for row in await api_keys.everything(reads)
    }
    signers = [_signer(deps, row) for row in rows] if deps.config.algorithm != "HS256" else [_shared_secret(deps.config)]
    deps.keys.current = replace(empty(deps.config), epoch=number, signers=signers, api_keys=held)
    return deps.keys.current


async def fresh(deps: Deps) -> KeySet:
    """Return the keys that are true now: one read by key tells whether another process changed them."""
    number = await deps.db.remembered(("epoch",), lambda: epoch.current(deps.db.reads))
    return deps.keys.current if number == deps.keys.current.epoch else await reload(deps)


def public_jwks(deps: Deps) -> dict[str, list[dict[str, str]]]:
    """Return the public keys (RFC 7517): next, current and retiring; none for a shared secret."""
    if deps.config.algorithm == "HS256":
        return {"keys": []}
    return {"keys": [jwk.public_jwk(key) for key in deps.keys.current.public_keys(deps.clock.now())]}


async def listed(deps: Deps) -> list[SigningKeyRow]:
    """Return all signing keys, oldest first."""
    return await signing_keys.everything(deps.db.reads)


async def rotate(deps: Deps) -> tuple[str, float]:
    """Let the next key sign and publish another one; return its kid and from when it signs.

    The old key verifies until its last token has expired. If the next key is younger than
    `PUBLISHED_AHEAD`, it begins when it is old enough.
    """
    now, algorithm = deps.clock.now(), _asymmetric(deps)
    following = _generate(deps, now)

    async def work(tx: Tx) -> tuple[str, float]:
        rows = await signing_keys.hold(tx, algorithm)
        waiting = next(row for row in rows if row.signs_from is None)
        was_always_known = waiting.created_at <= rows[0].created_at
        begins = now if was_always_known else max(now, waiting.created_at + PUBLISHED_AHEAD)
        for row in rows:
            if row.signs_from is not None and row.verifies_until is None:
                row.verifies_until = begins + deps.config.access_token_expiry_seconds
                await signing_keys.set_times(tx, row)
        waiting.signs_from = begins
        await signing_keys.set_times(tx, waiting)
        await _store(tx, following, now)
        await tx.record(by_hand(Event.SIGNING_KEY_ROTATED, now, kid=waiting.kid))
        return waiting.kid, begins

    return await deps.db.unit(work)


async def begin_anew(deps: Deps) -> tuple[list[str], str]:
    """Forget every key at once and sign with a new one; return the kids that are gone, and the new one.

    All of them lie sealed under one secret, in one table, and in the memory of every node: whoever got at one got at the
    others as well, above all at the next one, which verifiers trust already.
    """
    now, algorithm = deps.clock.now(), _asymmetric(deps)
    pair = _pair(deps, now)

    async def work(tx: Tx) -> list[str]:
        await signing_keys.hold(tx, algorithm)
        gone = [row.kid for row in await signing_keys.everything(tx)]
        for kid in gone:
            await signing_keys.drop(tx, kid)
            await tx.record(by_hand(Event.SIGNING_KEY_DROPPED, now, kid=kid))
        for row in pair:
            await _store(tx, row, now)
        return gone

    return await deps.db.unit(work), pair[0].kid


async def drop(deps: Deps, kid: str) -> None:
    """Forget a key at once: every token it signed is worthless from the next request on.

    Raises Missing for an unknown kid. If it was the signing key, the next one takes over now; there is always one that
    signs and one that is published ahead.
    """
    now, algorithm = deps.clock.now(), _asymmetric(deps)
    spare, another = _generate(deps, now), _generate(deps, now)

    async def work(tx: Tx) -> None:
        left = [row for row in await signing_keys.hold(tx, algorithm) if row.kid != kid]
        if not await signing_keys.drop(tx, kid):
            raise Missing
        waiting = next((row for row in left if row.signs_from is None), None)
        if not any(row.signs_from is not None and row.signs_from <= now and row.verifies_until is None for row in left):
            if waiting is None:
                await _store(tx, waiting := spare, now)
            waiting.signs_from = now
            await signing_keys.set_times(tx, waiting)
            waiting = None
        if waiting is None:
            await _store(tx, another, now)
        await epoch.advance(tx)
        await tx.record(by_hand(Event.SIGNING_KEY_DROPPED, now, kid=kid))

    await deps.db.unit(work)


def _asymmetric(deps: Deps) -> str:
    """Return the algorithm whose keys can be rotated; raise Conflict where a shared secret signs."""
    if deps.config.algorithm == "HS256":
        raise Conflict("With jwt_secret set there are no signing keys; change jwt_secret instead.")
    return deps.config.algorithm


def _pair(deps: Deps, now: float) -> tuple[SigningKeyRow, SigningKeyRow]:
    """Make a key that signs and the one after it."""
    # Both from the same moment: whoever has ever fetched our keys knows the next one too.
    first, following = _generate(deps, now), _generate(deps, now)
    first.signs_from = now
    return first, following


def _generate(deps: Deps, now: float) -> SigningKeyRow:
    """Make a key pair and seal its private half under the key's own name."""
    algorithm, kid = deps.config.algorithm, "-"
    while kid.startswith("-"):  # one thumbprint in 64 does, and would be an option to every command it is given to
        private = generate_private_key(SECP256R1()) if algorithm == "ES256" else Ed25519PrivateKey.generate()
        kid = jwk.thumbprint(jwk.public_jwk(signatures.Key("", algorithm, private, private.public_key())))
    plain = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    sealed = deps.ring.seal(PURPOSE, kid, plain, deps.entropy.random(NONCE_BYTES))
    return SigningKeyRow(kid=kid, algorithm=algorithm, sealed_private=sealed, created_at=now)


async def _store(tx: Tx, row: SigningKeyRow, now: float) -> None:
    await signing_keys.create(tx, row)
    await epoch.advance(tx)
    await tx.record(by_hand(Event.SIGNING_KEY_CREATED, now, kid=row.kid))


def _signer(deps: Deps, row: SigningKeyRow) -> Signer:
    private = load_der_private_key(deps.ring.open(PURPOSE, row.kid, row.sealed_private), password=None)
    key = signatures.Key(row.kid, row.algorithm, private, private.public_key())
    return Signer(key, row.signs_from, row.verifies_until)


def _shared_secret(config: Config) -> Signer:
    secret = config.jwt_secret.get_secret_value().encode()
    return Signer(signatures.Key("", "HS256", secret, secret), 0, None)

"""Sign-in requests: a link and a code share one row, so that only one of them can win (SEC-10)."""

from typing import NamedTuple
from uuid import UUID

from tortoise import Model, fields

from pwauth_server.rules.codes import MAX_TRIES
from pwauth_server.store.fields import Uuid, as_uuid
from pwauth_server.store.statements import Row, Sql
from pwauth_server.store.transaction import Runs, Tx


class MagicLinkRow(Model):
    """The table ``magic_links``; its id is the public `request_id`; times in Unix seconds."""

    id = Uuid(primary_key=True)
    purpose = fields.CharField(max_length=20)
    email = fields.CharField(max_length=254)
    token_hash = fields.BinaryField()
    code_mac = fields.BinaryField()
    #: Hash of the cookie of the browser that asked; null if it was no browser.
    browser_hash = fields.BinaryField(null=True)
    tries = fields.IntField(default=0)
    return_to = fields.CharField(max_length=2048, null=True)
    ip = fields.CharField(max_length=45)
    browser = fields.CharField(max_length=60)
    created_at = fields.FloatField()
    expires_at = fields.FloatField()
    closed_at = fields.FloatField(null=True)
    close_reason = fields.CharField(max_length=20, null=True)
    #: When somebody who had the link let the browser in that asked for it.
    approved_at = fields.FloatField(null=True)

    class Meta:
        """Live requests of an address are looked up by address."""

        table = "magic_links"
        indexes = (("email", "id"),)


class MagicLink(NamedTuple):
    """A sign-in request. A frozen dataclass would take three times as long to make."""

    id: UUID
    purpose: str
    email: str
    token_hash: bytes
    code_mac: bytes
    browser_hash: bytes | None
    tries: int
    return_to: str | None
    ip: str
    browser: str
    created_at: float
    expires_at: float
    closed: bool
    approved: bool = False
    #: Closed because another request of the mailbox was used.
    replaced: bool = False

    def is_live(self, now: float) -> bool:
        """Tell whether this request can still be used; it is over exactly at ``expires_at`` (SEC-11)."""
        return not self.closed and now < self.expires_at and self.tries < MAX_TRIES

    def seems_live(self, now: float) -> bool:
        """Tell the same to whoever asked, who may be a stranger: not that the mailbox's owner has just signed in."""
        return self._replace(closed=self.closed and not self.replaced).is_live(now)


_COLUMNS = """id, purpose, email, token_hash, code_mac, browser_hash, tries, return_to, ip, browser,
    created_at, expires_at, closed_at, close_reason, approved_at"""
_CREATE = Sql(
    "create_magic_link",
    """INSERT INTO magic_links (id, purpose, email, token_hash, code_mac, browser_hash, tries, return_to,
    ip, browser, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?)""",
)
_FIND = Sql("find_magic_link", f"SELECT {_COLUMNS} FROM magic_links WHERE id = ?")
_LATEST_OF_BROWSER = Sql(
    "latest_magic_link",
    """SELECT id FROM magic_links WHERE email = ? AND browser_hash = ? AND closed_at IS NULL AND expires_at > ?
    ORDER BY id DESC LIMIT 1""",
)
# The try is counted before anything is compared: forty parallel guesses cannot slip past (SEC-16).
_RESERVE_TRY = Sql(
    "reserve_try",
    f"""UPDATE magic_links SET tries = tries + 1 WHERE id = ? AND closed_at IS NULL AND expires_at > ?
    AND tries < {MAX_TRIES} RETURNING {_COLUMNS}""",
)
_CONSUME = Sql(
    "consume_magic_link",
    "UPDATE magic_links SET closed_at = ?, close_reason = 'used' WHERE id = ? AND closed_at IS NULL AND expires_at > ?",
)
# Two links of one mailbox, used at the same time, would each hold its own row and wait for the other's.
_OF_MAILBOX = Sql("lock_magic_links", "SELECT id FROM magic_links WHERE email = (SELECT email FROM magic_links WHERE id = ?) ORDER BY id")
_OF_ADDRESS = Sql("lock_magic_links_of_address", "SELECT id FROM magic_links WHERE email = ? ORDER BY id")
_APPROVE = Sql(
    "approve_magic_link",
    "UPDATE magic_links SET approved_at = ? WHERE id = ? AND closed_at IS NULL AND expires_at > ? AND browser_hash IS NOT NULL",
)
_CLOSE = Sql("close_magic_link", "UPDATE magic_links SET closed_at = ?, close_reason = ? WHERE id = ? AND closed_at IS NULL")
_CLOSE_OTHERS = Sql(
    "close_magic_links",
    "UPDATE magic_links SET closed_at = ?, close_reason = 'replaced' WHERE email = ? AND purpose = 'login' AND closed_at IS NULL",
)
_CLOSE_EVERY = Sql(
    "close_every_magic_link",
    "UPDATE magic_links SET closed_at = ?, close_reason = 'replaced' WHERE email = ? AND closed_at IS NULL",
)
_CLOSE_OLDEST = Sql(
    "close_oldest_magic_links",
    """UPDATE magic_links SET closed_at = ?, close_reason = 'replaced'
    WHERE email = ? AND ip = ? AND closed_at IS NULL AND expires_at > ? AND created_at <= ? AND id NOT IN
    (SELECT id FROM magic_links WHERE email = ? AND ip = ? AND closed_at IS NULL AND expires_at > ? ORDER BY id DESC LIMIT ?)""",
)
_PURGE = Sql(
    "purge_magic_links",
    """DELETE FROM magic_links WHERE id IN
    (SELECT id FROM magic_links WHERE id < ? AND expires_at < ? ORDER BY id LIMIT ?) RETURNING close_reason""",
)


async def create(tx: Tx, link: MagicLink) -> None:
    """Store a new sign-in request."""
    v = link
    await tx.run(
        _CREATE, v.id, v.purpose, v.email, v.token_hash, v.code_mac, v.browser_hash, v.return_to,
        v.ip, v.browser, v.created_at, v.expires_at,
    )  # fmt: skip


async def find(db: Runs, link_id: UUID) -> MagicLink | None:
    """Return a sign-in request by its id."""
    return _link(await db.one(_FIND, link_id))


async def latest_of_browser(db: Runs, email: str, browser_hash: bytes, now: float) -> UUID | None:
    """Return the newest live request that this browser made for an address."""
    row = await db.one(_LATEST_OF_BROWSER, email, browser_hash, now)
    return as_uuid(row["id"]) if row else None


async def reserve_try(tx: Tx, link_id: UUID, now: float) -> MagicLink | None:
    """Count a try with the code and return the request; None if it is not live any more."""
    await tx.lock(_OF_MAILBOX, link_id)
    return _link(await tx.one(_RESERVE_TRY, link_id, now))


async def consume(tx: Tx, link_id: UUID, now: float) -> bool:
    """Use a request up; False if somebody was faster or it is over."""
    await tx.lock(_OF_MAILBOX, link_id)
    return await tx.run(_CONSUME, now, link_id, now) == 1


async def approve(tx: Tx, link_id: UUID, now: float) -> bool:
    """Let the asking browser in; False if the request is over or no browser made it."""
    return await tx.run(_APPROVE, now, link_id, now) == 1


async def close(tx: Tx, link_id: UUID, now: float, *, reason: str) -> None:
    """End one request."""
    await tx.run(_CLOSE, now, reason, link_id)


async def close_all_of(tx: Tx, email: str, now: float) -> None:
    """End every open request of an address: a sign-in makes the others worthless (SEC-19).

    Not links of the host: a thief of the mailbox could keep its owner from using one.
    """
    await tx.run(_CLOSE_OTHERS, now, email)


async def close_every_one_of(tx: Tx, email: str, now: float) -> None:
    """End them all, links of the host too: the account is shut or gone."""
    await tx.run(_CLOSE_EVERY, now, email)


async def hold_all_of(tx: Tx, email: str) -> None:
    """Let nobody else use a request of an address until this transaction ends; before the account is held, as everywhere."""
    await tx.lock(_OF_ADDRESS, email)


async def make_room(tx: Tx, email: str, ip: str, *, keep: int, cooldown: float, now: float) -> None:
    """End the oldest open requests that ``ip`` made for an address beyond ``keep``, none younger than ``cooldown`` seconds.

    Only its own: whoever asks again and again from elsewhere must not kill the owner's link (SEC-19).
    """
    await tx.run(_CLOSE_OLDEST, now, email, ip, now, now - cooldown, email, ip, now, keep)


async def purge(tx: Tx, *, below: UUID, now: float, limit: int) -> tuple[int, int]:
    """Delete old requests; return how many, and how many of them nobody ever used."""
    rows = await tx.all(_PURGE, below, now, limit)
    return len(rows), sum(row["close_reason"] is None for row in rows)


def _link(row: Row | None) -> MagicLink | None:
    if row is None:
        return None
    return MagicLink(
        id=as_uuid(row["id"]),
        purpose=row["purpose"],
        email=row["email"],
        token_hash=row["token_hash"],
        code_mac=row["code_mac"],
        browser_hash=row["browser_hash"],
        tries=row["tries"],
        return_to=row["return_to"],
        ip=row["ip"],
        browser=row["browser"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        closed=row["closed_at"] is not None,
        approved=row["approved_at"] is not None,
        replaced=row["close_reason"] == "replaced",
    )

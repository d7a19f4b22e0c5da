"""What an account owns to prove itself with, in one look."""

from uuid import UUID

from pwauth_server.rules.assurance import Owned
from pwauth_server.store.statements import Sql
from pwauth_server.store.transaction import Runs, Tx

_OWNED = Sql(
    "find_factors",
    """SELECT (SELECT COUNT(*) FROM passkeys p WHERE p.user_id = u.id AND p.suspended_at IS NULL) AS passkeys,
    (SELECT COUNT(*) FROM totp t WHERE t.user_id = u.id AND t.sealed_secret IS NOT NULL AND t.suspended_at IS NULL) AS totp,
    (SELECT COUNT(*) FROM recovery_codes r WHERE r.user_id = u.id AND r.used_at IS NULL AND r.suspended_at IS NULL) AS recovery_codes,
    CASE WHEN u.mail_off_at IS NULL THEN 1 ELSE 0 END AS mail,
    (SELECT MAX(p.suspended_at) FROM passkeys p WHERE p.user_id = u.id) AS passkeys_disowned,
    (SELECT t.suspended_at FROM totp t WHERE t.user_id = u.id AND t.sealed_secret IS NOT NULL) AS totp_disowned,
    (SELECT MAX(r.suspended_at) FROM recovery_codes r WHERE r.user_id = u.id) AS codes_disowned
    FROM users u WHERE u.id = ?""",
)
# Counted before anything is compared: a hundred parallel guesses are a hundred failures (SEC-31).
_RESERVE = Sql(
    "reserve_code_try",
    "UPDATE users SET code_failures = code_failures + 1 WHERE id = ? AND code_failures < ? RETURNING code_failures",
)
_SUSPEND_PASSKEYS = Sql(
    "suspend_passkeys",
    "UPDATE passkeys SET suspended_at = ? WHERE user_id = ? AND suspended_at IS NULL AND created_at >= ? AND created_at <= ?",
)
_SUSPEND_TOTP = Sql(
    "suspend_totp",
    """UPDATE totp SET suspended_at = ? WHERE user_id = ? AND suspended_at IS NULL AND sealed_secret IS NOT NULL
    AND confirmed_at >= ? AND confirmed_at <= ?""",
)
_SUSPEND_CODES = Sql(
    "suspend_recovery_codes",
    """UPDATE recovery_codes SET suspended_at = ? WHERE user_id = ? AND suspended_at IS NULL AND used_at IS NULL
    AND created_at >= ? AND created_at <= ?""",
)
_GIVE_BACK = Sql("give_back_try", "UPDATE users SET code_failures = code_failures - 1 WHERE id = ? AND code_failures > 0")
_FORGIVE = Sql("forgive_codes", "UPDATE users SET code_failures = 0 WHERE id = ? AND code_failures > 0")

_REMOVE_DISOWNED = tuple(
    Sql(f"remove_disowned_{table}", f"DELETE FROM {table} WHERE user_id = ? AND suspended_at IS NOT NULL")
    for table in ("passkeys", "totp", "recovery_codes")
)


async def owned(db: Runs, user_id: UUID) -> Owned:
    """Return what an account owns; what its owner disowned is not owned, and when it was disowned is told.

    Codes that are suspended by too many failures do: whoever makes a few wrong guesses must not get rid of a
    second factor.
    """
    row = await db.one(_OWNED, user_id)
    if row is None:
        return Owned(mail=False)
    disowned = [at for kind in ("passkeys", "totp", "codes") if (at := row[f"{kind}_disowned"]) is not None]
    return Owned(
        passkeys=row["passkeys"],
        totp=bool(row["totp"]),
        recovery_codes=row["recovery_codes"],
        mail=bool(row["mail"]),
        disowned_at=max(disowned, default=None),
        totp_disowned_at=row["totp_disowned"],
    )


async def reserve_try(tx: Tx, user_id: UUID, *, most: int) -> int | None:
    """Count a try with a code as failed and return how many failed in a row; None after ``most``: then codes are suspended."""
    row = await tx.one(_RESERVE, user_id, most)
    return int(row["code_failures"]) if row else None


async def give_back_try(tx: Tx, user_id: UUID) -> None:
    """Take back one try that was counted as failed."""
    await tx.run(_GIVE_BACK, user_id)


async def forgive(tx: Tx, user_id: UUID) -> None:
    """Forget an account's failures: the owner has been here (SEC-32)."""
    await tx.run(_FORGIVE, user_id)


async def suspend_added(tx: Tx, user_id: UUID, *, since: float, until: float, now: float) -> int:
    """Suspend the passkeys, one-time passwords and recovery codes that an account got in a span of time; return how many."""
    return sum([await tx.run(kind, now, user_id, since, until) for kind in (_SUSPEND_PASSKEYS, _SUSPEND_TOTP, _SUSPEND_CODES)])


async def remove_disowned(tx: Tx, user_id: UUID) -> int:
    """Delete what an account disowned, so that it stands in nobody's way any more; return how many things."""
    return sum([await tx.run(kind, user_id) for kind in _REMOVE_DISOWNED])

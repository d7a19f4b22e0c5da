"""How surely a session's owner is known: `amr` and `acr`, and what they are enough for (SEC-07, SEC-35, SEC-57).

`amr` lists what was shown, in the words of RFC 8176 where it has one (``otp``, ``hwk``, ``swk``,
``user``, ``mfa``) and in ours where it has none (``email``, ``recovery``, ``host``). `acr` sums it up
in one word; ``phr`` is that of OpenID Connect EAP ACR Values 1.0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pwauth_server.rules.moments import DAY

EMAIL, OTP, RECOVERY, HOST = "email", "otp", "recovery", "host"
#: A passkey that never leaves its device, and one that a provider synchronises.
DEVICE_KEY, SYNCED_KEY = "hwk", "swk"
#: Somebody was there, and more than one factor was shown.
PRESENT, SEVERAL = "user", "mfa"
_KEYS = frozenset({DEVICE_KEY, SYNCED_KEY})
_KINDS = (EMAIL, OTP, RECOVERY, HOST, DEVICE_KEY, SYNCED_KEY)

UNVERIFIED, PHISHING_RESISTANT = "unverified", "phr"

#: How recently somebody must have signed in to change factors or end other sessions, in seconds.
MAX_AGE = 600.0
#: For how long after "this wasn't me" what it suspended stands in the way of the mailbox as if it were still there, in
#: seconds: over a weekend. Otherwise a thief of the mailbox would press it to get rid of the owner's factors.
FROZEN = 3 * DAY
ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Standing:
    """How surely a session's owner is known."""

    amr: tuple[str, ...]
    acr: str
    #: When what `acr` says was last shown, in Unix seconds.
    auth_time: float


@dataclass(frozen=True, slots=True)
class Owned:
    """What an account can sign in or step up with."""

    passkeys: int = 0
    totp: bool = False
    recovery_codes: int = 0
    #: Whether the mailbox alone signs in.
    mail: bool = True
    #: When the owner last disowned factors that have not been replaced or removed since, in Unix seconds, and when that
    #: was the one-time passwords.
    disowned_at: float | None = None
    totp_disowned_at: float | None = None

    @property
    def beyond_mail(self) -> bool:
        """Tell whether there is more than a mailbox, so that the mailbox alone changes no factor."""
        return bool(self.passkeys or self.totp or self.recovery_codes)

    def mail_opens(self, now: float) -> bool:
        """Tell whether the mailbox alone may sign in: it was not given up, or all that it was given up for is disowned.

        The latter after a while only: a thief of the mailbox may have done the disowning.
        """
        return self.mail or (self.disowned_at is not None and not self.passkeys and not self.is_frozen(now))

    def mail_leads_on(self, now: float) -> bool:
        """Tell whether the mailbox leads anywhere: in by itself, or, where that was given up, to a code on top of it."""
        return self.mail_opens(now) or self.totp or self.recovery_codes > 0

    def is_frozen(self, now: float) -> bool:
        """Tell whether factors were disowned so lately that the mailbox alone changes nothing yet."""
        return _is_fresh(self.disowned_at, now)

    def asks_for_totp(self, now: float) -> bool:
        """Tell whether one-time passwords are the second factor of this account, or were until they were disowned lately."""
        return self.totp or _is_fresh(self.totp_disowned_at, now)


def _is_fresh(disowned_at: float | None, now: float) -> bool:
    return disowned_at is not None and now < disowned_at + FROZEN


def shown(*proofs: Sequence[str]) -> tuple[str, ...]:
    """Return the `amr` of what several proofs showed together, each once; ``mfa`` if it is more than one factor.

    A passkey counts as two by itself: the device, and the finger or PIN that we demand with it.
    """
    words = dict.fromkeys(word for proof in proofs for word in proof)
    were_several = words.pop(SEVERAL, SEVERAL) is None
    kinds = [word for word in words if word in _KINDS]
    return (*words, SEVERAL) if were_several or len(kinds) > 1 or not _KEYS.isdisjoint(kinds) else tuple(words)


def renewed(before: Standing, proof: Sequence[str], *, verified: bool, now: float) -> Standing:
    """Return where somebody stands who held a session and shows ``proof`` ``now``.

    Only what is shown again gets younger. Else whoever finds a signed-in device with its mail program open could
    make last week's passkey one of this minute by a link (SEC-53, SEC-57).
    """
    amr = shown(before.amr, proof)
    alone, together = level(shown(proof), verified=verified), level(amr, verified=verified)
    if alone == HOST:
        # It forgets what was shown before: a passkey of last month would come to life again with the next link.
        return Standing(shown(proof), HOST, now)
    if alone == together:
        return Standing(amr, alone, now)
    if all(word == EMAIL for word in proof):
        return Standing(amr, together, before.auth_time)
    # A second factor on top of what the session is: several now, but no passkey now.
    return Standing(tuple(word for word in amr if word not in _KEYS and word != PRESENT), SEVERAL, now)


def level(amr: Sequence[str], *, verified: bool) -> str:
    """Return the `acr` of a session: the strongest that its `amr` allows; ``unverified`` without a proven mailbox."""
    if not verified:
        return UNVERIFIED
    if not _KEYS.isdisjoint(amr):
        return PHISHING_RESISTANT
    if SEVERAL in amr:
        return SEVERAL
    return next((word for word in (HOST, EMAIL, OTP) if word in amr), OTP)


def roles(granted: Sequence[str], acr: str) -> tuple[str, ...]:
    """Return the roles that a session may use: six digits alone are too weak for an administrator (SEC-35)."""
    return tuple(role for role in granted if role != ADMIN or acr not in {OTP, UNVERIFIED})


def is_enough(acr: str, amr: Sequence[str], *, auth_time: float, now: float, owned: Owned) -> bool:
    """Tell whether a session may change factors: signed in lately, with what the account has (SEC-57).

    Somebody who holds only the mailbox must not be able to add a factor to an account that has another
    one, nor take that one away. Times in Unix seconds.
    """
    if not is_recent(auth_time, now):
        return False
    if acr == UNVERIFIED:
        # Nobody has proven the mailbox, but six digits are no stronger for that: who found one out must not add what stays.
        return not _KEYS.isdisjoint(amr)
    return acr in {PHISHING_RESISTANT, SEVERAL, HOST} or (acr == EMAIL and not owned.beyond_mail and not owned.is_frozen(now))


def is_recent(auth_time: float, now: float) -> bool:
    """Tell whether a sign-in is so young that it counts for sensitive things."""
    # A sign-in from the future is one before a clock was set back: nobody knows how old it is.
    return 0 <= now - auth_time <= MAX_AGE


def ways(owned: Owned) -> tuple[str, ...]:
    """Return with what an account can step up, the best first: words for the client of a refusal."""
    have = {"webauthn": owned.passkeys, "totp": owned.totp, "recovery_code": owned.recovery_codes}
    return tuple(way for way, there in have.items() if there) or ("email",)


def steps(owned: Owned, amr: Sequence[str], *, verified: bool, now: float) -> tuple[str, ...]:
    """Return with what a session that showed ``amr`` can step up, the best first.

    An account that nobody has proven needs its mailbox, or the passkey that its first comer put into it. Six digits do
    not become more by six others, and a recovery code only counts on top of the mailbox. While all that it had is
    freshly disowned there is no way: only time helps, or an administrator.
    """
    if not verified:
        return ("webauthn", EMAIL) if owned.passkeys else (EMAIL,)
    if not owned.beyond_mail and owned.is_frozen(now):
        return ()
    only_digits = not set(amr) - {OTP}
    useless = {"totp"} if only_digits else set()
    if EMAIL not in amr:
        useless.add("recovery_code")
    able = tuple(way for way in ways(owned) if way not in useless)
    return (*able, EMAIL) if (only_digits and owned.mail) or not able else able


def is_usable(owned: Owned) -> bool:
    """Tell whether somebody can still sign in alone, whatever the settings are (SEC-59).

    Recovery codes only help on top of a mailbox, and one-time passwords may be a second factor only (`totp_mode`) or
    be suspended by a stranger's guesses (SEC-31).
    """
    return owned.mail or owned.passkeys > 0


def may_go_without_mail(owned: Owned) -> bool:
    """Tell whether an account has enough besides its mailbox: one lost device must not lock anybody out."""
    return owned.passkeys > 1 or (owned.passkeys > 0 and owned.recovery_codes > 0)

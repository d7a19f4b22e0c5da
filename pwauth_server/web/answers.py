"""What flows return, as the JSON that `schemas` describe."""

from functools import lru_cache
from typing import Any

from pwauth_server.flows import totp
from pwauth_server.flows.account import Me
from pwauth_server.flows.sessions import Session
from pwauth_server.flows.sign_in import SecondFactorDue, SignedIn
from pwauth_server.flows.tokens import TokenPair
from pwauth_server.flows.totp import Enrolment
from pwauth_server.rules import compact_json
from pwauth_server.rules.moments import rfc3339
from pwauth_server.rules.tokens import Access


def tokens(pair: TokenPair) -> dict[str, Any]:
    """Return `schemas.Tokens`."""
    return {
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token,
        "token_type": "Bearer",
        "expires_in": pair.expires_in,
        "session_id": pair.session_id,
    }


def signed_in(done: SignedIn | SecondFactorDue) -> dict[str, Any]:
    """Return `schemas.Tokens`, or `schemas.SecondFactor` where no token is due yet."""
    if isinstance(done, SecondFactorDue):
        return {"second_factor_required": True, "pending_id": done.pending_id, "methods": done.methods}
    content = tokens(done.tokens)
    return content | {"return_to": done.return_to} if done.return_to else content


def enrolment(it: Enrolment) -> dict[str, Any]:
    """Return `schemas.TotpSecret`."""
    return {"secret": it.secret, "otpauth_url": it.url, "qr_svg": it.picture, "expires_in": totp.PENDING_LIFE}


def session(it: Session, current: Session) -> dict[str, Any]:
    """Return `schemas.SessionInfo`."""
    return {
        "id": str(it.id),
        "created_at": rfc3339(it.created_at),
        "last_used_at": rfc3339(it.last_used_at),
        "expires_at": rfc3339(it.expires_at),
        "ip": it.ip,
        "browser": it.browser,
        "amr": it.amr,
        "current": it.id == current.id,
    }


@lru_cache(maxsize=4096)
def person(me: Me) -> bytes:
    """Return `schemas.Person` as JSON; the same person in an unchanged session reads the same."""
    content = {
        "sub": str(me.user.id),
        "email": me.user.email,
        "email_verified": me.user.verified,
        "name": me.user.name,
        "roles": me.user.roles,
        "created_at": rfc3339(me.user.created_at),
        "session_id": str(me.session.id),
        "auth_time": rfc3339(me.session.auth_time),
        "amr": me.session.amr,
        "acr": me.session.acr,
        "sessions": me.sessions,
        "mail_sign_in": me.owned.mail,
        "factors": {"passkeys": me.owned.passkeys, "totp": me.owned.totp, "recovery_codes": me.owned.recovery_codes},
    }
    return compact_json.encode(content).encode()


@lru_cache(maxsize=4096)
def introspection(access: Access, it: Session) -> bytes:
    """Return `schemas.Introspection` as JSON; the same token of an unchanged session reads the same."""
    content = {
        "active": True,
        "token_type": "Bearer",
        "sub": str(it.user_id),
        "sid": str(it.id),
        "jti": access.token_id,
        "email": it.email,
        "email_verified": it.verified,
        "amr": access.amr,
        "acr": access.acr,
        "auth_time": access.auth_time,
        "iat": access.issued_at,
        "nbf": access.issued_at,
        "exp": access.expires_at,
        "iss": access.issuer,
        "aud": access.audience,
        "roles": it.roles,
    }
    return compact_json.encode(content).encode()

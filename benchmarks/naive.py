"""The same three verbs as they are usually written on this stack: ``python -m benchmarks.naive PORT FOLDER``.

Stock Tortoise on a SQLite URL, the ORM inside ``in_transaction``, ``validate`` of sanic-ext, PyJWT, and
middlewares for metrics and headers. It keeps no audit log, checks no browser and seals nothing, so it has
less to do than the server it is compared with.
"""

import asyncio
import hashlib
import secrets
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from limits import parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from prometheus_client import Counter, Histogram
from pydantic import BaseModel
from sanic import HTTPResponse, Request, Sanic, json
from sanic.exceptions import Unauthorized
from sanic_ext import validate
from tortoise import Model, Tortoise, fields
from tortoise.transactions import in_transaction

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "interest-cohort=()",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=63072000",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
LIFE, WEEK, DAY = 900, 604_800, 86_400
KEY = generate_private_key(SECP256R1())
REQUESTS = Counter("requests", "Requests.", ("method", "route", "status"))
SECONDS = Histogram("request_seconds", "Duration.", ("method", "route"))
LIMITER, BY_CLIENT, BY_MAILBOX = MovingWindowRateLimiter(MemoryStorage()), parse("1000000000/minute"), parse("1000000/hour")
#: Sessions that exist when it starts listening; their refresh tokens are in ``refresh.txt``.
SEEDED = 2048

app = Sanic("naive", configure_logging=False)


class User(Model):
    """A person."""

    id = fields.UUIDField(primary_key=True)
    email = fields.CharField(max_length=254, unique=True)
    created_at = fields.DatetimeField(auto_now_add=True)


class Session(Model):
    """A sign-in."""

    id = fields.UUIDField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("models.User")
    expires_at = fields.FloatField()
    revoked = fields.BooleanField(default=False)
    last_used_at = fields.DatetimeField(auto_now=True)


class RefreshToken(Model):
    """A refresh token; spent ones stay, to recognise a replay."""

    id = fields.UUIDField(primary_key=True)
    session: fields.ForeignKeyRelation[Session] = fields.ForeignKeyField("models.Session")
    token_hash = fields.CharField(max_length=64, unique=True)
    used_at = fields.DatetimeField(null=True)


class MagicLink(Model):
    """A link that was sent."""

    id = fields.UUIDField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("models.User")
    token_hash = fields.CharField(max_length=64, unique=True)
    expires_at = fields.FloatField()
    used = fields.BooleanField(default=False)


class Letter(Model):
    """A letter that waits."""

    id = fields.UUIDField(primary_key=True)
    recipient = fields.CharField(max_length=254)
    body = fields.TextField()
    status = fields.CharField(max_length=10, default="pending")


class RefreshBody(BaseModel):
    """A refresh token."""

    refresh_token: str


class TokenBody(BaseModel):
    """An access token."""

    token: str


class MagicBody(BaseModel):
    """An address."""

    email: str


def digest(text: str) -> str:
    """Return what the database keeps of a secret."""
    return hashlib.sha256(text.encode()).hexdigest()


def access_token(session: Session) -> str:
    """Return a signed access token; the session's user must be loaded."""
    now = int(time.time())
    claims = {"sub": str(session.user.id), "sid": str(session.id), "email": session.user.email, "iat": now, "exp": now + LIFE}
    return jwt.encode(claims, KEY, "ES256")


async def new_refresh_token(session: Session, connection: Any) -> str:
    """Store a refresh token and return its text."""
    text = secrets.token_urlsafe(32)
    await RefreshToken.create(id=uuid4(), session=session, token_hash=digest(text), using_db=connection)
    return text


async def rotate(text: str) -> tuple[Session, str]:
    """Exchange a refresh token."""
    async with in_transaction() as connection:
        found = await RefreshToken.get_or_none(token_hash=digest(text), using_db=connection).select_related("session__user")
        if found is None or found.used_at is not None or found.session.revoked or found.session.expires_at < time.time():
            raise Unauthorized("invalid")
        found.used_at = found.session.last_used_at
        await found.save(using_db=connection)
        found.session.expires_at = time.time() + WEEK
        await found.session.save(using_db=connection)
        return found.session, await new_refresh_token(found.session, connection)


async def send_link(email: str) -> None:
    """Store a link and its letter."""
    async with in_transaction() as connection:
        user, _ = await User.get_or_create(defaults={"id": uuid4()}, email=email, using_db=connection)
        text = secrets.token_urlsafe(32)
        await MagicLink.create(id=uuid4(), user=user, token_hash=digest(text), expires_at=time.time() + LIFE, using_db=connection)
        await Letter.create(id=uuid4(), recipient=email, body=f"https://example.com/verify/magic?token={text}", using_db=connection)


@app.post("/token/refresh")
@validate(json=RefreshBody)
async def refresh(_: Request, body: RefreshBody) -> HTTPResponse:
    """Exchange a refresh token."""
    # Shielded, or the first client that hangs up inside the transaction would stop the server for good.
    session, token = await asyncio.shield(rotate(body.refresh_token))
    return json({"access_token": access_token(session), "refresh_token": token, "token_type": "Bearer", "expires_in": LIFE})


@app.post("/token/introspect")
@validate(json=TokenBody)
async def introspect(_: Request, body: TokenBody) -> HTTPResponse:
    """Tell what a token says."""
    claims = jwt.decode(body.token, KEY.public_key(), ["ES256"])
    session = await Session.get_or_none(id=UUID(claims["sid"])).select_related("user")
    if session is None or session.revoked or session.expires_at < time.time():
        return json({"active": False})
    return json({"active": True, "token_type": "Bearer", **claims})


@app.post("/request/magic")
@validate(json=MagicBody)
async def request_magic(request: Request, body: MagicBody) -> HTTPResponse:
    """Queue a letter."""
    if not (await LIMITER.hit(BY_CLIENT, request.ip) and await LIMITER.hit(BY_MAILBOX, body.email)):
        return json({"error": "rate_limited"}, 429)
    await asyncio.shield(send_link(body.email))
    return json({"status": "accepted"})


@app.get("/liveness")
async def liveness(_: Request) -> HTTPResponse:
    """Tell that the process answers."""
    return json({"status": "ok"})


@app.on_request
async def begin(request: Request) -> None:
    """Remember when a request began."""
    request.ctx.begun = time.perf_counter()


@app.on_response  # type: ignore[untyped-decorator]
async def finish(request: Request, response: HTTPResponse) -> None:
    """Count a request and add the headers."""
    route = request.route.path if request.route else ""
    REQUESTS.labels(request.method, route, response.status).inc()
    SECONDS.labels(request.method, route).observe(time.perf_counter() - request.ctx.begun)
    response.headers["x-request-id"] = str(request.id)
    response.headers.update(HEADERS)


@app.before_server_start
async def open_database(app: Sanic[Any, Any]) -> None:
    """Open the database and seed it."""
    folder: Path = app.ctx.folder
    await Tortoise.init(db_url=f"sqlite://{folder}/naive.db", modules={"models": [__name__]}, _enable_global_fallback=True)
    await Tortoise.generate_schemas()
    texts, session = [], None
    async with in_transaction() as connection:
        for number in range(SEEDED):
            user = await User.create(id=uuid4(), email=f"person{number}@example.com", using_db=connection)
            session = await Session.create(id=uuid4(), user=user, expires_at=time.time() + WEEK, using_db=connection)
            texts.append(await new_refresh_token(session, connection))
    (folder / "refresh.txt").write_text("".join(f"{text}\n" for text in texts))
    if session is not None:
        (folder / "token.txt").write_text(f'{{"token": "{access_token(session)}"}}\n')


@app.after_server_stop
async def close_database(_: Sanic[Any, Any]) -> None:
    """Close the database, or its thread would keep the process alive."""
    await Tortoise.close_connections()


if __name__ == "__main__":
    app.ctx.folder = Path(sys.argv[2])
    app.run("127.0.0.1", int(sys.argv[1]), single_process=True, access_log=False, motd=False, debug=False)

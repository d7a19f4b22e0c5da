"""A database as the Rust server makes it: its tables, and people in them."""

import base64
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.authenticator import Authenticator, cbor, cose_key
from tests.totp_app import App

#: Tables and columns of its three migrations, in their order.
TABLES = """
PRAGMA journal_mode=WAL;
CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, email TEXT UNIQUE NOT NULL, totp_secret TEXT, created_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS magic_links (token TEXT PRIMARY KEY, user_id TEXT NOT NULL, expires_at INTEGER NOT NULL,
    used INTEGER NOT NULL DEFAULT 0, FOREIGN KEY(user_id) REFERENCES users(id));
CREATE TABLE IF NOT EXISTS refresh_tokens (token TEXT PRIMARY KEY, user_id TEXT NOT NULL, expires_at INTEGER NOT NULL,
    revoked INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL, FOREIGN KEY(user_id) REFERENCES users(id));
CREATE TABLE IF NOT EXISTS webauthn_registrations (id TEXT PRIMARY KEY, user_id TEXT NOT NULL, credential_id BLOB NOT NULL,
    public_key BLOB NOT NULL, sign_count INTEGER NOT NULL, transports TEXT, created_at INTEGER NOT NULL,
    FOREIGN KEY(user_id) REFERENCES users(id));
CREATE TABLE IF NOT EXISTS pending_webauthn (id TEXT PRIMARY KEY, user_id TEXT NOT NULL, challenge BLOB NOT NULL,
    purpose TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, serialized_options BLOB NOT NULL,
    FOREIGN KEY(user_id) REFERENCES users(id));
CREATE TABLE IF NOT EXISTS email_queue (id TEXT PRIMARY KEY, to_email TEXT NOT NULL, subject TEXT NOT NULL, body_text TEXT NOT NULL,
    body_html TEXT, attempts INTEGER NOT NULL DEFAULT 0, last_error TEXT, next_try_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL, sent_at INTEGER, status TEXT NOT NULL DEFAULT 'pending');
CREATE TABLE IF NOT EXISTS audit_logs (id INTEGER PRIMARY KEY AUTOINCREMENT, event_type TEXT NOT NULL, user_id TEXT, email TEXT,
    ip_address TEXT, user_agent TEXT, metadata TEXT, success BOOLEAN NOT NULL DEFAULT 1,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE SET NULL);
CREATE TABLE IF NOT EXISTS system_config (key TEXT PRIMARY KEY, value TEXT NOT NULL,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
"""
#: When everybody came there.
LONG_AGO = 1_700_000_000


class RustServer:
    """That server's database, and what its calls leave in it."""

    def __init__(self, path: Path) -> None:
        """Make an empty one."""
        self.path = path
        self.number = 0
        with closing(sqlite3.connect(path)) as database:
            database.executescript(TABLES)

    def run(self, statement: str, *values: Any) -> None:
        """Change the database; whoever does it last leaves no log behind."""
        with closing(sqlite3.connect(self.path)) as database, database:
            database.execute(statement, values)

    def user(self, email: Any, *, id: str | None = None, secret: Any = None, created_at: int = LONG_AGO) -> str:  # noqa: A002 - its column
        """Add somebody as any call with a new address does; return the id."""
        self.number += 1
        user_id = id or str(uuid4())
        self.run("INSERT INTO users VALUES (?, ?, ?, ?)", user_id, email, secret, created_at)
        return user_id

    def with_app(self, user_id: str) -> App:
        """Enrol an authenticator app for somebody, whoever asks."""
        secret = bytes(range(self.number, self.number + 20))
        text = base64.b32encode(secret).decode().rstrip("=")
        self.run("UPDATE users SET totp_secret = ? WHERE id = ?", text, user_id)
        return App(secret)

    def with_passkey(self, user_id: str, key: Authenticator, **columns: Any) -> Authenticator:
        """Add a passkey to somebody, whoever asks; it has signed once."""
        key.user_handle, key.sign_count = user_id.encode(), 0 if key.synced else 1
        row = {
            "id": f"registration {key.credential_id.hex()}",
            "user_id": user_id,
            "credential_id": key.credential_id,
            "public_key": cbor(cose_key(key.key)),
            "sign_count": key.sign_count,
            "transports": json.dumps(["internal", "hybrid"]),
            "created_at": LONG_AGO,
        } | columns
        marks = ", ".join("?" * len(row))
        self.run(f"INSERT INTO webauthn_registrations ({', '.join(row)}) VALUES ({marks})", *row.values())
        return key

    def by_link(self, user_id: str) -> str:
        """Let somebody use a link of a letter; return the id."""
        self.number += 1
        self.run("INSERT INTO magic_links VALUES (?, ?, ?, 1)", f"plain token {self.number}", user_id, LONG_AGO + 600)
        self.run("INSERT INTO refresh_tokens VALUES (?, ?, ?, 0, ?)", f"plain refresh {self.number}", user_id, LONG_AGO, LONG_AGO)
        return user_id

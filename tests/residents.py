"""People inside a world whose clock a test moves: they ask for letters, hold apps, and call flows without a server."""

import json
from dataclasses import dataclass
from typing import Any

from pwauth_server.deps import Deps
from pwauth_server.events import Caller
from pwauth_server.flows import magic_link, mail, tokens, totp
from pwauth_server.flows.sign_in import Current, SecondFactorDue, SignedIn
from pwauth_server.flows.totp import Enrolment
from pwauth_server.store.fields import as_uuid
from pwauth_server.store.sessions import Session
from pwauth_server.store.statements import Sql
from tests.totp_app import App

COOKIE = b"c" * 32
HOME = Caller("192.0.2.1", "Firefox on Linux", "test")
_LETTER = Sql("test_letter_of_link", "SELECT id, body FROM email_queue WHERE link_id = ?")
_NOTICES = Sql("test_notices", "SELECT id, body FROM email_queue WHERE recipient = ? AND kind = 'notice'")


@dataclass(slots=True)
class Resident:
    """Somebody with an address, who calls from one place."""

    deps: Deps
    email: str = "ann@ex.com"
    caller: Caller = HOME

    async def letter(self) -> str:
        """Ask for a letter and return the token of its link."""
        link_id = await magic_link.request(self.deps, email=self.email, return_to=None, browser_hash=COOKIE, caller=self.caller)
        row: Any = await self.deps.db.reads.one(_LETTER, link_id)
        facts = json.loads(self.deps.ring.open(mail.PURPOSE, str(as_uuid(row["id"])), row["body"]))
        return str(facts["link"].partition("token=")[2])

    async def open(self, token: str, holding: Session | None = None) -> SignedIn | SecondFactorDue:
        """Use a link up, with a session in hand if there is one."""
        return await magic_link.verify_link(
            self.deps, token=token, browser_hash=COOKIE, confirmed=False, caller=self.caller, current=held(holding)
        )

    async def sign_in(self, holding: Session | None = None) -> SignedIn:
        """Sign in by mail and get in."""
        return inside(await self.open(await self.letter(), holding))

    async def enrol(self, session: Session | None) -> App:
        """Ask for a secret and put it into an app."""
        made = await totp.enrol(self.deps, session=session, email=None if session else self.email, caller=self.caller)
        return app(made)

    async def with_app(self) -> tuple[Session, App]:
        """Sign in by mail, enrol an app and confirm it."""
        session = (await self.sign_in()).session
        mine = await self.enrol(session)
        await self.show(mine, session)
        return session, mine

    async def show(self, mine: App, session: Session, *, steps: int = 0) -> SignedIn:
        """Show a code of the app in a session."""
        return await self.type(self.code(mine, steps=steps), session)

    async def type(self, code: str, session: Session) -> SignedIn:
        """Show a code in a session."""
        return inside(await totp.verify_for(self.deps, current=Current(session, on_purpose=True), code=code, caller=self.caller))

    async def alone(self, code: str) -> SignedIn:
        """Sign in by address and code alone."""
        return inside(await totp.verify_alone(self.deps, email=self.email, code=code, caller=self.caller, current=None))

    async def second(self, due: SecondFactorDue, code: str, holding: Session | None = None) -> SignedIn:
        """Finish a sign-in that waits."""
        return inside(
            await totp.verify_second(self.deps, pending_id=due.pending_id, code=code, caller=self.caller, current=held(holding))
        )

    async def is_in(self, done: SignedIn) -> bool:
        """Tell whether an app elsewhere would be told that this session counts."""
        return await tokens.introspect(self.deps, done.tokens.access_token) is not None

    def code(self, mine: App, *, steps: int = 0) -> str:
        """Return what an app shows now, or so many steps from now."""
        return mine.at(self.deps.clock.now() + 30 * steps)

    def wrong(self, mine: App) -> str:
        """Return a code that an app does not show."""
        return mine.wrong(self.deps.clock.now())

    async def notices(self) -> list[str]:
        """Return the events of which letters tell, sorted."""
        return sorted([self._event(row) for row in await self.deps.db.reads.all(_NOTICES, self.email)])

    def _event(self, row: Any) -> str:
        return str(json.loads(self.deps.ring.open(mail.PURPOSE, str(as_uuid(row["id"])), row["body"]))["event"])


def app(made: Enrolment) -> App:
    """Return an app that holds an enrolled secret."""
    return App.of({"secret": made.secret})


def held(session: Session | None) -> Current | None:
    """Return a session as a bearer shows it."""
    return Current(session, on_purpose=True) if session else None


def inside(done: SignedIn | SecondFactorDue) -> SignedIn:
    """Return a sign-in that is finished."""
    assert isinstance(done, SignedIn), done
    return done

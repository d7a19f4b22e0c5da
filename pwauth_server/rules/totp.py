"""One-time passwords by time (RFC 6238): SHA-1, six digits, thirty seconds, as every authenticator app has them."""

import base64
import io
from urllib.parse import quote, urlencode

import pyotp
import segno
from pyotp.exceptions import OTPVerificationError

#: Length of a new secret in bytes: the 160 bits that RFC 4226 section 4 recommends.
SECRET_BYTES = 20
DIGITS = 6
#: Seconds of one time step.
PERIOD = 30
#: Steps before and after the present one whose codes count: clocks differ, and people type slowly.
WINDOW = 1
#: What a code looks like; anything else is no code (SEC-30).
PATTERN = r"^[0-9]{6}$"
#: Empty modules around a QR code (ISO/IEC 18004 section 9.1).
_QUIET_ZONE = 4


def shown(secret: bytes) -> str:
    """Return a secret as apps take it: base32, without padding."""
    return base64.b32encode(secret).decode().rstrip("=")


def matching_step(secret: bytes, code: str, now: float) -> int | None:
    """Return the time step that ``code`` belongs to at ``now`` (Unix seconds), None if it is wrong (SEC-34).

    The caller remembers the step and takes neither it nor one before it again.
    """
    try:
        return pyotp.TOTP(shown(secret), digits=DIGITS, interval=PERIOD).verify_and_get_timecode(code, for_time=now, valid_window=WINDOW)
    except OTPVerificationError:
        return None


def url(secret: bytes, *, issuer: str, account: str) -> str:
    """Return the `otpauth` URL of a secret: every part is encoded, so that none can add a parameter (SEC-36)."""
    # A colon parts issuer and account, so neither may have one.
    issuer, account = issuer.replace(":", " "), account.replace(":", " ")
    parameters = {"secret": shown(secret), "issuer": issuer, "algorithm": "SHA1", "digits": DIGITS, "period": PERIOD}
    return f"otpauth://totp/{quote(issuer, safe='')}:{quote(account, safe='')}?{urlencode(parameters, quote_via=quote, safe='')}"


def drawn(text: str) -> str:
    """Return a QR code as SVG: black on its own white ground, so that it can be read on dark pages too.

    It has the size of its place, and a name for those who cannot see it. Takes about 10 ms.
    """
    canvas = io.BytesIO()
    title = "QR code for your authenticator app"
    segno.make(text, error="m", micro=False).save(
        canvas, kind="svg", border=_QUIET_ZONE, dark="#000", light="#fff", xmldecl=False, nl=False, omitsize=True, title=title
    )
    return canvas.getvalue().decode().replace("<svg ", '<svg role="img" ', 1)

"""Public keys of authenticators (COSE_Key, RFC 9052 section 7): three kinds, in exactly one form each (SEC-46)."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

ES256, EDDSA, RS256 = -7, -8, -257
#: What we ask for and take, the best known first (RFC 9053; RFC 8812).
ALGORITHMS = (ES256, EDDSA, RS256)

#: Below it a key can be broken; above it one sign-in costs as much as a hundred.
MIN_RSA_BITS, MAX_RSA_BITS = 2048, 4096
_MAX_EXPONENT = 2**32

# Labels and values of RFC 9053 section 7; a key without any optional parameter has no other (WebAuthn L3 section 6.5.1.1).
_COORDINATE = 32
_FIELD = 2**255 - 19
_D = -121_665 * pow(121_666, -1, _FIELD) % _FIELD


def load(fields: Any) -> EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey:
    """Return the key that a decoded COSE_Key describes; raise ValueError for any but a sound one of our kinds."""
    match fields:
        case {1: 2, 3: -7, -1: 1, -2: bytes(x), -3: bytes(y)} if len(fields) == 5 and len(x) == len(y) == _COORDINATE:  # noqa: PLR2004 - its labels
            # Raises for a point off the curve, which some libraries would compute with (SEC-46).
            return EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), SECP256R1()).public_key()
        case {1: 1, 3: -8, -1: 6, -2: bytes(x)} if len(fields) == 4 and len(x) == _COORDINATE and _is_sound_on_edwards25519(x):  # noqa: PLR2004 - its labels
            return Ed25519PublicKey.from_public_bytes(x)
        case {1: 3, 3: -257, -1: bytes(n), -2: bytes(e)} if len(fields) == 4:  # noqa: PLR2004 - its labels
            modulus, exponent = int.from_bytes(n), int.from_bytes(e)
            if modulus % 2 and MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS and exponent < _MAX_EXPONENT:
                return RSAPublicNumbers(exponent, modulus).public_key()
    raise ValueError("public key")


def _is_sound_on_edwards25519(encoded: bytes) -> bool:
    """Tell whether 32 bytes are a point (RFC 8032 section 5.1.3), and none of the eight whose order divides eight.

    OpenSSL finds the former out only when it verifies, and under one of the latter anybody signs anything.
    """
    y = int.from_bytes(encoded, "little") & (2**255 - 1)
    if y >= _FIELD:
        return False
    x_squared = (y * y - 1) * pow(_D * y * y + 1, -1, _FIELD) % _FIELD
    # Order 1 or 2, 4, and 8: doubled, the last have y = 0 as those of order 4 have, and y of a double is 0 where x² + y² is.
    if not x_squared or not y or not (x_squared + y * y) % _FIELD:
        return False
    return pow(x_squared, (_FIELD - 1) // 2, _FIELD) == 1

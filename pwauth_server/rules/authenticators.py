"""Names for authenticators by AAGUID: a help to recognise one's own passkeys, a proof of nothing.

Without attestation an AAGUID is what the authenticator likes to say. The names are those of the community list at
https://github.com/passkeydeveloper/passkey-authenticator-aaguids (read in August 2026): what our users are likely to have.
"""

from uuid import UUID

UNKNOWN = "Passkey"

_NAMES = {
    UUID(aaguid): name
    for aaguid, name in (
        ("08987058-cadc-4b81-b6e1-30de50dcbe96", "Windows Hello"),
        ("6028b017-b1d4-4c02-b4b3-afcdafc96bb2", "Windows Hello"),
        ("9ddd1817-af5a-4672-a2b9-3e3dd95000a9", "Windows Hello"),
        ("d3452668-01fd-4c12-926c-83a4204853aa", "Microsoft Password Manager"),
        ("771b48fd-d3d4-4f74-9232-fc157ab0507a", "Edge on Mac"),
        ("adce0002-35bc-c60a-648b-0b25f1f05503", "Chrome on Mac"),
        ("ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4", "Google Password Manager"),
        ("dd4ec289-e01d-41c9-bb89-70fa845d4bf2", "iCloud Keychain (managed)"),
        ("fbfc3007-154e-4ecc-8c0b-6e020557d7bd", "iCloud Keychain"),
        ("53414d53-554e-4700-0000-000000000000", "Samsung Pass"),
        ("0ea242b4-43c4-4a1b-8b17-dd6d0b6baec6", "Keeper"),
        ("50726f74-6f6e-5061-7373-50726f746f6e", "Proton Pass"),
        ("531126d6-e717-415c-9320-3d9aa6981239", "Dashlane"),
        ("b84e4048-15dc-4dd0-8640-f4f60813c8af", "NordPass"),
        ("bada5566-a7aa-401f-bd96-45619a55120d", "1Password"),
        ("d548826e-79b4-db40-a3d8-11116f7e8349", "Bitwarden"),
        ("f3809540-7f14-49c1-a8b3-8f813b225541", "Enpass"),
        ("fdb141b2-5d84-443e-8a35-4698c205a502", "KeePassXC"),
        ("2fc0579f-8113-47ea-b116-bb5a8db9202a", "YubiKey 5 with NFC"),
        ("ee882879-721c-4913-9775-3dfcce97072a", "YubiKey 5"),
        ("42b4fb4a-2866-43b2-9bf7-6c6669c2e5d3", "Google Titan Security Key"),
    )
}


def name_of(aaguid: UUID) -> str:
    """Return what people call an authenticator; ``Passkey`` for one that we do not know or that does not say."""
    return _NAMES.get(aaguid, UNKNOWN)

"""The inside of a backup file: a compressed tar archive, sealed chunk by chunk (``docs/backup-format.md``)."""

import gzip
import io
import json
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from pwauth_server.rules import vault
from pwauth_server.rules.vault import Vault, VaultError
from pwauth_server.store.sqlite_copy import Watch

MANIFEST, SECRET, DATABASE = "manifest.json", "secret_key", "auth.db"
#: Bytes at the most of what is read into memory.
_SMALL = 1_048_576
_FAST = 3  # of nine: at half the time a tenth larger


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself."""

    #: RFC 3339, UTC.
    created_at: str
    #: Of the program that made it.
    version: str
    #: Rows of each table.
    tables: Mapping[str, int]
    #: Of the database file, in hexadecimal.
    sha256: str
    #: Bytes of the database file.
    size: int


def pack(
    target: IO[bytes], *, passphrase: str, salt: bytes, manifest: Manifest, secret: bytes | None, database: Path, watch: Watch
) -> None:
    """Write a backup: what it is, the generated secret if there is one, the database."""
    sealing = _Sealing(target, passphrase, salt)
    with (
        gzip.GzipFile(filename="", fileobj=sealing, mode="wb", compresslevel=_FAST, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", bufsize=vault.CHUNK, format=tarfile.PAX_FORMAT) as tar,
        database.open("rb") as file,
    ):
        _add(tar, MANIFEST, json.dumps(asdict(manifest), indent=1).encode())
        if secret is not None:
            _add(tar, SECRET, secret)
        tar.addfile(_member(DATABASE, manifest.size), _Watched(file, manifest.size, watch))  # type: ignore[arg-type]
    sealing.finish()


def unpack(source: IO[bytes], *, passphrase: str, database: Path, watch: Watch) -> tuple[Manifest, bytes | None]:
    """Read a whole backup; write its database to ``database``, return what it is and its secret.

    Raises VaultError unless every byte is as it was sealed.
    """
    opening = _Opening(source, passphrase)
    manifest: Manifest | None = None
    secret, is_there = None, False
    try:
        with gzip.GzipFile(fileobj=opening, mode="rb") as packed:  # type: ignore[call-overload] # it only reads
            with tarfile.open(fileobj=packed, mode="r|", bufsize=vault.CHUNK) as tar:
                for member in tar:
                    content = tar.extractfile(member)
                    if content is None:
                        continue
                    if member.name == DATABASE:
                        _pour(content, database, member.size, watch)
                        is_there = True
                    elif member.name == MANIFEST:
                        manifest = Manifest(**json.loads(content.read(_SMALL)))
                    elif member.name == SECRET:
                        secret = content.read(_SMALL)
            while packed.read(vault.CHUNK):  # to the end: its checksum, and the mark of the last chunk
                pass
        opening.drain()
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, TypeError, json.JSONDecodeError) as cause:
        raise VaultError("This backup was made by a version that writes them differently.") from cause
    if manifest is None or not is_there:
        raise VaultError("This backup holds no database.")
    return manifest, secret


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    tar.addfile(_member(name, len(content)), io.BytesIO(content))


def _pour(content: IO[bytes], path: Path, size: int, watch: Watch) -> None:
    done = 0
    with path.open("wb") as file:
        while piece := content.read(vault.CHUNK):
            file.write(piece)
            done += len(piece)
            watch("unpacking", done, size)


class _Watched:
    """A file that tells how far it was read."""

    def __init__(self, file: IO[bytes], size: int, watch: Watch) -> None:
        self._file, self._size, self._watch = file, size, watch

    def read(self, count: int) -> bytes:
        self._watch("packing", self._file.tell(), self._size)
        return self._file.read(count)


class _Sealing:
    """Seals what is written, chunk by chunk."""

    def __init__(self, target: IO[bytes], passphrase: str, salt: bytes) -> None:
        header = vault.header(salt)
        self._target, self._vault = target, Vault(passphrase, header)
        self._buffer = bytearray()
        target.write(header)

    def write(self, content: bytes) -> int:
        self._buffer += content
        while len(self._buffer) > vault.CHUNK:  # never the last one: `finish` seals that
            self._target.write(self._vault.seal(bytes(self._buffer[: vault.CHUNK]), is_last=False))
            del self._buffer[: vault.CHUNK]
        return len(content)

    def flush(self) -> None:
        """Do nothing: chunks are full."""

    def finish(self) -> None:
        """Write the last chunk; without it nothing of the file opens as a whole."""
        self._target.write(self._vault.seal(bytes(self._buffer), is_last=True))


class _Opening:
    """Opens what was sealed, chunk by chunk, looking one ahead to know the last."""

    def __init__(self, source: IO[bytes], passphrase: str) -> None:
        self._source = source
        self._vault = Vault(passphrase, source.read(vault.HEADER_BYTES))
        self._next = source.read(vault.SEALED_CHUNK)
        self._buffer = b""
        self._is_over = False

    def read(self, count: int = -1) -> bytes:
        while not self._is_over and (count < 0 or len(self._buffer) < count):
            self._buffer += self._chunk()
        found, self._buffer = (self._buffer, b"") if count < 0 else (self._buffer[:count], self._buffer[count:])
        return found

    def _chunk(self) -> bytes:
        sealed, self._next = self._next, self._source.read(vault.SEALED_CHUNK)
        self._is_over = not self._next
        return self._vault.open(sealed, is_last=self._is_over)

    def drain(self) -> None:
        """Read to the end."""
        while self.read(vault.CHUNK):
            pass


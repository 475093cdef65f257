"""Encryption at rest: AES-256-GCM when there is a key; without one everything is kept as it is."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from formgen.errors import OutOfReach, UsageError
from formgen.files import open_for_reading
from formgen.i18n import N_

CHUNK, NONCE, TAG, SALT = 1_048_576, 12, 16, 16
OTHER = N_("Tallennettu tiedosto {name} ei ole se, joka tallennettiin.")
CHANGED = N_("Salattua tietoa {name} on muutettu, tai se on vaurioitunut.")
LOCKED = N_("Työtila on salattu avaimella {key}, mutta asetuksissa ei ole avainta.")
SIGN = "\x1e"  # no text of people begins so: it holds no control character
SEALED = re.compile(f"{SIGN}([0-9a-f]{{8}}):")


@dataclass(frozen=True)
class Encryptor:
    """Encrypts and decrypts; without a key everything stays as it is."""

    key: bytes = field(default=b"", repr=False)

    @property
    def name(self) -> str:
        """Return the name of the key: eight hex digits that tell it from others and nothing of it."""
        return self.derive_key(b"name").hex()[:8]

    def derive_key(self, purpose: bytes) -> bytes:
        """Return the key for one purpose."""
        return hmac.new(self.key, b"formgen " + purpose, hashlib.sha256).digest()

    @property
    def chain_key(self) -> bytes:
        """Return the key of the access log's chain, none without encryption."""
        return self.derive_key(b"chain") if self.key else b""

    def encrypt_text(self, name: str, text: str) -> str:
        """Encrypt a text under the name of its place: in any other place it does not decrypt."""
        if not self.key:
            return text
        nonce = secrets.token_bytes(NONCE)
        encrypted = AESGCM(self.derive_key(b"text")).encrypt(nonce, text.encode(), name.encode())
        return f"{SIGN}{self.name}:{b64encode(nonce + encrypted).decode()}"

    def decrypt_text(self, name: str, text: str) -> str:
        """Decrypt a text; raise `OutOfReach` when it was changed or is of another place or key.

        Without a key nothing that is encrypted is taken for what it holds.
        """
        key_name = read_key_name(text)
        if not self.key:
            if key_name:
                raise OutOfReach(LOCKED, key=key_name)
            return text
        try:
            data = b64decode(SEALED.sub("", text, count=1) if key_name else "", validate=True)
            cipher = AESGCM(self.derive_key(b"text"))
            return cipher.decrypt(data[:NONCE], data[NONCE:], name.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise OutOfReach(CHANGED, name=name) from error

    def compute_digest(self, text: str) -> str:
        """Compute a keyed digest to compare instead of a text; without a key it is the text itself."""
        return hmac.new(self.derive_key(b"digest"), text.encode(), hashlib.sha256).hexdigest() if self.key else text

    # --- files: named after the digest of what they hold, which also ties each to its name -----

    def locate_file(self, folder: Path, digest: str) -> Path:
        """Return the path of a file: an encrypted one has the name of its key too."""
        return folder / (f"{digest}.{self.name}" if self.key else digest)

    @contextmanager
    def encrypt_stream(self, stream: BinaryIO) -> Iterator[BinaryIO | EncryptingWriter]:
        """Yield a stream to write to, from which a stream gets the bytes encrypted."""
        if not self.key:
            yield stream
            return
        salt = secrets.token_bytes(SALT)
        stream.write(salt)
        writer = EncryptingWriter(stream, AESGCM(self.derive_key(salt)))
        yield writer
        writer.write_last_piece()

    def read_file(self, folder: Path, digest: str) -> bytes:
        """Read a file; raise `OutOfReach` for one that is not what was kept."""
        return b"".join(self.iter_pieces(folder, digest))

    def iter_pieces(self, folder: Path, digest: str) -> Iterator[bytes]:
        """Yield a file in pieces; raise `OutOfReach` at the latest at the end, as `read_file` does."""
        found = hashlib.sha256()
        with open_for_reading(self.locate_file(folder, digest)) as stream:
            for piece in (
                self.iter_decrypted_pieces(stream, digest) if self.key else iter(lambda: stream.read(CHUNK), b"")
            ):
                found.update(piece)
                yield piece
        if found.hexdigest() != digest:
            raise OutOfReach(CHANGED if self.key else OTHER, name=digest)

    def iter_decrypted_pieces(self, stream: BinaryIO, digest: str) -> Iterator[bytes]:
        """Decrypt a stream piece by piece; raise `OutOfReach` for one that does not decrypt."""
        cipher, size = AESGCM(self.derive_key(stream.read(SALT))), CHUNK + TAG
        number, piece = 0, stream.read(size)
        while True:
            following = stream.read(size)
            try:
                yield cipher.decrypt(build_nonce(number, not following), piece, None)
            except (InvalidTag, ValueError) as error:
                raise OutOfReach(CHANGED, name=digest) from error
            if not following:
                return
            number, piece = number + 1, following


NO_ENCRYPTION = Encryptor()


def read_key_name(text: str) -> str:
    """Return the name of the key that a text is encrypted with, empty for one that is not."""
    match = SEALED.match(text)
    return match[1] if match else ""


class EncryptingWriter:
    """A stream that encrypts in pieces, each numbered and the last one marked: none can be left out or moved."""

    def __init__(self, stream: BinaryIO, cipher: AESGCM) -> None:
        """Write to a stream with a cipher whose key is for this file only."""
        self.stream, self.cipher = stream, cipher
        self.held, self.number = b"", 0

    def write(self, data: bytes) -> None:
        """Take bytes, and encrypt what cannot be the last piece."""
        self.held += data
        while len(self.held) > CHUNK:
            self.write_piece(self.held[:CHUNK], last=False)
            self.held = self.held[CHUNK:]

    def write_last_piece(self) -> None:
        """Seal the last piece."""
        self.write_piece(self.held, last=True)

    def write_piece(self, piece: bytes, *, last: bool) -> None:
        """Seal one piece."""
        self.stream.write(self.cipher.encrypt(build_nonce(self.number, last), piece, None))
        self.number += 1


def build_nonce(number: int, last: bool) -> bytes:
    """Return the nonce of a piece of a file."""
    return number.to_bytes(NONCE - 1, "big") + bytes([last])


def build_encryptor(text: str) -> Encryptor:
    """Return the encryptor of a key that is written down: 32 bytes in base64; raise `UsageError`."""
    try:
        key = b64decode(text.strip().replace("-", "+").replace("_", "/"), validate=True)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise UsageError("Salausavain on 32 tavua base64-muodossa. Uuden saa komennolla: openssl rand -base64 32")
    return Encryptor(key)


def load_encryptor(file: Path, workspace: Path) -> Encryptor:
    """Return the encryptor of a key in a file that lies outside the workspace and that others cannot read.

    Raise `UsageError` for one inside it: who copies the workspace would have the key too.
    """
    if file.resolve().is_relative_to(workspace.resolve()):
        raise UsageError("Salausavain {file} ei saa olla työtilassa.", file=str(file))
    try:
        status = file.stat()
        text = file.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise OutOfReach(N_("Salausavainta {file} ei voi lukea."), file=str(file)) from error
    # a file of root's may be readable by the group of a service, as secrets of the system are
    if status.st_mode & (0o027 if status.st_uid == 0 else 0o077) or status.st_uid not in (0, os.geteuid()):
        raise UsageError("Muut voivat lukea salausavainta {file}. Korjaa: chmod 600 {file}", file=str(file))
    return build_encryptor(text)

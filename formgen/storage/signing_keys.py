"""The signing keys: files of exactly 32 bytes, named after what they hold, ours alone, and written down.

What is written down of a key, its fingerprint and its state, tells which one signs and which are
revoked: nothing is told by the files or their times.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shlex
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from formgen import files
from formgen.documents.extraction import Keyring
from formgen.errors import OutOfReach, UsageError
from formgen.i18n import N_
from formgen.storage.database import Database
from formgen.storage.moments import format_timestamp
from formgen.storage.rows import SigningKey
from formgen.storage.tables import issued_documents, signing_keys

SIZE = 32
ENDING = ".key"
SIGNING, GOOD, REVOKED = "signing", "good", "revoked"
WRONG = N_("Allekirjoitusavain {what} ei ole se, joka tehtiin. Palauta kansio var/keys varmuuskopiosta.")
LOST = N_("Allekirjoitusavain puuttuu: {what}. Palauta kansio var/keys varmuuskopiosta. Uutta ei tehdä sen tilalle.")
OPEN = N_("Muut voivat lukea tai vaihtaa allekirjoitusavaimen {what}. Korjaa: {command}")


class SigningKeyTable(Database):
    """The signing keys of a workspace."""

    def list_signing_keys(self) -> list[SigningKey]:
        """List what is written down of every signing key, oldest first."""
        return self.fetch(SigningKey, select(signing_keys).order_by(signing_keys.c.made_at, signing_keys.c.name))

    @property
    def keys(self) -> Keyring:
        """The signing keys, none before the first document; raise `OutOfReach` when one is not as it was.

        They are looked up every time: who is at work knows what another process has just changed.
        """
        query = select(signing_keys).order_by(signing_keys.c.made_at)
        rows = [SigningKey(**row) for row in self.select_unaltered_rows(signing_keys, query)]
        if not rows and self.fetch_row(select(issued_documents.c.instance_id).limit(1)):
            raise OutOfReach(LOST, what="–")
        return build_keyring(rows, self.var / "keys")

    def ensure_signing_keys(self, at: datetime) -> Keyring:
        """Make the first signing key before the first document, and return the keys; raise `OutOfReach`."""
        if not self.keys.current:
            with suppress(FileExistsError):
                self.rotate_key(at, first=True)
        return self.keys

    def rotate_key(self, at: datetime, key: bytes | None = None, *, first: bool = False) -> str:
        """Have a new key sign from now on, and return its name; what the one until now has signed stays good.

        Raise `FileExistsError` when it was to be the ``first``, and is not.
        """
        key = key or generate_key()
        name, file = name_key(key), None
        row = SigningKey(name=name, fingerprint=compute_fingerprint(key), made_at=format_timestamp(at), state=SIGNING)
        try:
            with self.begin_transaction() as connection:
                for before in self.list_signing_keys():
                    if first:
                        raise FileExistsError(before.name)
                    if before.state == SIGNING:
                        self.update_row(connection, signing_keys, before.name, {"state": GOOD}, format_timestamp(at))
                file = write_key(self.var / "keys", key)
                self.insert_row(connection, signing_keys, asdict(row), format_timestamp(at))
        except BaseException:
            if file and not self.fetch_row(select(signing_keys).where(signing_keys.c.name == name)):
                file.unlink(missing_ok=True)
            raise
        return name

    def revoke_key(self, name: str, remark: str, at: datetime) -> None:
        """Trust a key no more: what it has signed needs a person; raise `UsageError` for the one that signs."""
        with self.begin_transaction() as connection:
            state = {row.name: row.state for row in self.list_signing_keys()}.get(name)
            if state is None:
                raise UsageError("Avainta {key} ei ole.", key=name)
            if state == SIGNING:
                raise UsageError("Avain {key} allekirjoittaa. Tee ensin uusi.", remedy="rotate_key", key=name)
            if state == REVOKED:
                raise UsageError("Avain {key} on jo poistettu käytöstä.", key=name)
            by = {"revoked_at": format_timestamp(at), "revoked_by": self.actor.name, "remark": remark or None}
            shut = self.encrypt_row({"name": name, "state": REVOKED, **by})
            del shut["name"]
            self.update_row(connection, signing_keys, name, shut, format_timestamp(at))


def generate_key() -> bytes:
    """Return a new key."""
    return secrets.token_bytes(SIZE)


def name_key(key: bytes) -> str:
    """Name a key: eight hex digits of its digest, which stand in what it has signed."""
    return hashlib.sha256(key).hexdigest()[:8]


def compute_fingerprint(key: bytes) -> str:
    """Return the digest by which a key is known, which tells nothing of the key."""
    return hashlib.sha256(b"formgen signing key\0" + key).hexdigest()


def write_key(folder: Path, key: bytes) -> Path:
    """Write a key for its owner only, and return its place."""
    assert len(key) == SIZE, "a signing key has 32 bytes"
    file = folder / f"{name_key(key)}{ENDING}"
    files.write_file(file, key, files.PRIVATE)
    return file


def build_keyring(rows: Iterable[SigningKey], folder: Path) -> Keyring:
    """Return the keys that are written down, from the files of a folder; what lies there besides is not used.

    A revoked one may be gone: then nothing that it has signed is recognised. Raise `OutOfReach`
    when another is gone, when none signs, or when any file is not what a key of ours is.
    """
    lying, states, found = read_keys(folder), {row.name: row.state for row in rows}, {}
    for row in rows:
        key = lying.get(row.name)
        if key is None and row.state != REVOKED:
            raise OutOfReach(LOST, what=row.name)
        if key is not None and compute_fingerprint(key) != row.fingerprint:
            raise OutOfReach(WRONG, what=row.name)
        if key is not None:
            found[row.name] = key
    current = next((name for name, state in states.items() if state == SIGNING), "")
    if states and not current:
        raise OutOfReach(LOST, what="–")
    return Keyring(found, current, frozenset(name for name, state in states.items() if state == REVOKED))


def read_keys(folder: Path) -> dict[str, bytes]:
    """Return the keys in a folder by their names; raise `OutOfReach` when any is not what a key of ours is."""
    if folder.is_symlink():
        raise OutOfReach(WRONG, what=folder.name)
    if not folder.is_dir():
        return {}
    owner = folder.parent.stat().st_uid
    require_private(folder, folder.stat(), owner, 0o022)
    return {file.stem: read_key(file, owner) for file in sorted(folder.glob(f"*{ENDING}"))}


def read_key(file: Path, owner: int) -> bytes:
    """Return the key in a file; raise `OutOfReach` for a link, another size, another name, or a file of others."""
    try:
        if not stat.S_ISREG(file.lstat().st_mode):
            raise OutOfReach(WRONG, what=file.name)
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise OutOfReach(WRONG, what=file.name) from error
    with os.fdopen(handle, "rb") as stream:
        require_private(file, os.fstat(handle), owner, 0o077)
        key = stream.read(SIZE + 1)
    if len(key) != SIZE or file.stem != name_key(key):
        raise OutOfReach(WRONG, what=file.name)
    return key


def require_private(place: Path, status: os.stat_result, owner: int, mask: int) -> None:
    """Raise `OutOfReach` unless a place is its owner's alone; the owner of ``var/`` is trusted with it, and root."""
    command = ""
    if status.st_uid not in (0, os.geteuid(), owner):
        command = f"chown {files.get_user_name(owner)}"
    elif status.st_mode & mask:
        command = "chmod go-rwx"
    if command:
        raise OutOfReach(OPEN, what=place.name, command=f"{command} {shlex.quote(str(place))}")

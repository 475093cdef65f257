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
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from formgen import files
from formgen.documents.extraction import Keyring
from formgen.errors import OutOfReach
from formgen.i18n import N_

SIZE = 32
ENDING = ".key"
SIGNING, GOOD, REVOKED = "signing", "good", "revoked"
WRONG = N_("Allekirjoitusavain {what} ei ole se, joka tehtiin. Palauta kansio var/keys varmuuskopiosta.")
LOST = N_("Allekirjoitusavain puuttuu: {what}. Palauta kansio var/keys varmuuskopiosta. Uutta ei tehdä sen tilalle.")
OPEN = N_("Muut voivat lukea tai vaihtaa allekirjoitusavaimen {what}. Korjaa: {command}")


def generate_key() -> bytes:
    """Return a new key."""
    return secrets.token_bytes(SIZE)


def name_key(key: bytes) -> str:
    """Return what a key is called: eight hex digits of its digest, which stand in what it has signed."""
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


def build_keyring(rows: Iterable[Mapping[str, Any]], folder: Path) -> Keyring:
    """Return the keys that are written down, from the files of a folder; what lies there besides is not used.

    A revoked one may be gone: then nothing that it has signed is recognised. Raise `OutOfReach`
    when another is gone, when none signs, or when any file is not what a key of ours is.
    """
    lying, states, found = read_keys(folder), {row["name"]: row["state"] for row in rows}, {}
    for row in rows:
        key = lying.get(row["name"])
        if key is None and row["state"] != REVOKED:
            raise OutOfReach(LOST, what=row["name"])
        if key is not None and compute_fingerprint(key) != row["fingerprint"]:
            raise OutOfReach(WRONG, what=row["name"])
        if key is not None:
            found[row["name"]] = key
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

"""Files of ours: written whole or not at all, with modes that no umask changes, refused where others may write."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import grp
import os
import pwd
import shlex
import stat
import struct
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, NamedTuple
from uuid import uuid4

from formgen.checkpoints import report_checkpoint
from formgen.errors import OutOfReach
from formgen.i18n import N_

SHARED, PRIVATE = 0o640, 0o600
WORK = ".tmp"
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
OPENAT2, NO_LINKS, BENEATH = 437, 0x04, 0x08  # linux/openat2.h
LIBC = ctypes.CDLL(None, use_errno=True)
NOBODY = 65534  # the user who owns nothing
PROGRAM = Path(__file__)
Making = Callable[[], bytes | Iterable[bytes] | None]


def write_file(file: Path, data: bytes, mode: int = SHARED) -> None:
    """Write a file so that a reader sees all of it or nothing, also after a power cut."""
    write_files({file: lambda: data}, mode)


def write_files(files: Mapping[Path, Making], mode: int = SHARED) -> None:
    """Write files, each whole or not at all.

    What cannot be made is left out. Each is written under another name in its own folder and
    flushed to disk; then all are renamed, and every folder is flushed once.
    """
    written: dict[Path, Path] = {}
    try:
        for file, data in files.items():
            if (made := data()) is None:
                continue
            make_folder(file.parent, mode)
            written[file] = work = file.with_name(f".{uuid4().hex}{WORK}")
            write_new_file(work, made, mode)
        for file, work in written.items():
            work.replace(file)
            report_checkpoint("file.named")
        for parent in {file.parent: None for file in written}:
            sync_folder(parent)
            report_checkpoint("folder.flushed")
    except BaseException:
        for work in written.values():
            with suppress(OSError):
                work.unlink(missing_ok=True)
        raise


def write_new_file(file: Path, data: bytes | Iterable[bytes], mode: int) -> None:
    """Write a new file, given whole or in pieces, and put it on disk."""
    with open_new_file(file) as stream:
        report_checkpoint("file.begun")
        for piece in (data,) if isinstance(data, bytes) else data:
            stream.write(piece)
        os.fchmod(stream.fileno(), mode)
        report_checkpoint("file.written")
        sync_stream(stream)
    report_checkpoint("file.flushed")


def move_file(file: Path, target: Path, mode: int = SHARED) -> None:
    """Rename a regular file where it is still there, into a folder that is made; to another file system it cannot go.

    What is no regular file stays.
    """
    if not is_regular(file):
        return
    make_folder(target.parent, mode)
    change_mode(file, mode)
    try:
        file.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise


def sync_stream(stream: BinaryIO) -> None:
    """Put what has been written to a stream on disk."""
    stream.flush()
    os.fsync(stream.fileno())


def open_new_file(file: Path) -> BinaryIO:
    """Return a stream on a new private file; raise `FileExistsError`."""
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE), "wb")


def open_regular(file: Path, flags: int = os.O_RDONLY, mode: int = PRIVATE) -> int:
    """Return a descriptor of a regular file; raise `OSError` for anything else, without waiting at a pipe."""
    handle = os.open(file, flags | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(file))
    return handle


def open_for_reading(file: Path) -> BufferedReader:
    """Return a stream that reads a regular file; raise `OSError` for anything else, without waiting at a pipe."""
    return os.fdopen(open_regular(file), "rb")


def is_regular(file: Path) -> bool:
    """Tell whether a file is there and is no link, pipe or folder."""
    try:
        return stat.S_ISREG(file.lstat().st_mode)
    except OSError:
        return False


def change_mode(file: Path, mode: int) -> None:
    """Give a regular file a mode, through no link; one that is another's keeps its own."""
    with suppress(PermissionError):
        handle = open_regular(file, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            os.fchmod(handle, mode)
        finally:
            os.close(handle)


def create_private_file(file: Path) -> None:
    """Make a file that nobody else may read: what SQLite lays beside its database has the same mode."""
    handle = open_regular(file, os.O_RDWR | os.O_CREAT)
    try:
        os.fchmod(handle, PRIVATE)
    finally:
        os.close(handle)


@contextmanager
def hold_lock(file: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock of a private file; raise `BlockingIOError` when another has it and it is not waited for."""
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def sync_folder(place: Path) -> None:
    """Put a folder's entries on disk."""
    handle = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(place: Path, mode: int = SHARED) -> None:
    """Make the folders that are missing, for those who may read files of the mode; their entries are on disk then.

    What a folder inherits from the one it is in (the group of a share) stays.
    """
    for missing in reversed([one for one in (place, *place.parents) if not one.exists()]):
        missing.mkdir(exist_ok=True)
        inherited = missing.stat().st_mode & 0o7000
        missing.chmod(inherited | mode | (mode & 0o444) >> 2)
        sync_folder(missing.parent)


# --- places where others write ----------------------------------------------------------------


@contextmanager
def open_folder_beneath(root: Path, place: Path) -> Iterator[int]:
    """Yield a descriptor of a folder below another one, reached without following a link; raise `OSError`.

    Others may swap what lies there at any time: what is done by the descriptor is done in the
    folder that was looked at, or not at all.
    """
    top = os.open(root, FOLDER)
    try:
        handle = open_beneath(top, place.relative_to(root).parts)
        try:
            yield handle
        finally:
            os.close(handle)
    finally:
        os.close(top)


def open_beneath(top: int, steps: tuple[str, ...]) -> int:
    """Return a descriptor of a folder so many steps below another, by openat2 or else step by step."""
    how = struct.pack("QQQ", FOLDER, 0, BENEATH | NO_LINKS)
    found = int(LIBC.syscall(OPENAT2, top, os.fsencode("/".join(steps) or "."), how, ctypes.c_size_t(len(how))))
    if found >= 0:
        return found
    if (number := ctypes.get_errno()) not in (errno.ENOSYS, errno.EPERM):
        raise OSError(number, os.strerror(number))
    handle = os.dup(top)
    for step in steps:
        above = handle
        try:
            handle = os.open(step, FOLDER | os.O_NOFOLLOW, dir_fd=above)
        finally:
            os.close(above)
    return handle


# --- who else may write -----------------------------------------------------------------------

ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
ACL_VERSION, ACL_ENTRY = struct.pack("<I", 2), struct.Struct("<HHI")  # tag, permissions, user or group
USER, OWN_GROUP, GROUP, MASK, OTHER = 0x02, 0x04, 0x08, 0x10, 0x20
WRITE = 2
UNREADABLE = -1


class Writers(NamedTuple):
    """Who may write to a place: users and groups by number, and whether everybody may."""

    users: frozenset[int]
    groups: frozenset[int]
    others: bool


def check_write_access(places: Iterable[Path]) -> None:
    """Raise `OutOfReach` when anybody else may change one of the places: they hold code, or what is trusted.

    Trusted are root, the user who runs this, and who can change the program itself, for they need
    no other file to do so: a clone is its owner's, whoever runs it. A place is also its folder,
    for who may write there may put another file in its place; not so in one like ``/tmp``, where
    everybody's entries are their own. A folder is also what it hands down to new entries.
    """
    given = dict.fromkeys(place.resolve() for place in places)
    for place in {**given, **dict.fromkeys(place.parent for place in given)}:
        with suppress(FileNotFoundError):  # what has gone meanwhile is not used either
            handed_down = read_access_list(place, DEFAULT) if place in given and place.is_dir() else b""
            if command := build_repair_command(place, place.stat(), read_access_list(place), handed_down):
                raise OutOfReach(
                    N_(
                        "Kohteeseen {place} voi kirjoittaa muukin kuin formgenin käyttäjä, joten sitä ei käytetä. "
                        "Korjaa se komennolla: {command}"
                    ),
                    place=str(place),
                    command=command,
                )


def iter_tree(place: Path) -> Iterator[Path]:
    """Yield a folder and everything in it: what Python has compiled there is code too."""
    yield place
    yield from place.rglob("*")


def read_access_list(place: Path, name: str = ACCESS) -> bytes:
    """Return the access control list of a place as the system keeps it, empty when it has none."""
    try:
        return os.getxattr(place, name)
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.EOPNOTSUPP):
            return b""
        raise


def find_writers(status: os.stat_result, acl: bytes = b"") -> Writers:
    """Return who may write to a place: with an access control list, the mode's bits of the group are but its mask."""
    if not acl:
        groups = {status.st_gid} if status.st_mode & stat.S_IWGRP else ()
        return Writers(frozenset({status.st_uid}), frozenset(groups), bool(status.st_mode & stat.S_IWOTH))
    if not acl.startswith(ACL_VERSION) or (len(acl) - len(ACL_VERSION)) % ACL_ENTRY.size:
        return Writers(frozenset({status.st_uid, UNREADABLE}), frozenset(), False)
    entries = list(ACL_ENTRY.iter_unpack(acl[len(ACL_VERSION) :]))
    mask = next((permissions for tag, permissions, _ in entries if tag == MASK), WRITE)
    may = [
        (tag, number) for tag, permissions, number in entries if permissions & WRITE and (tag == OTHER or mask & WRITE)
    ]
    return Writers(
        frozenset({status.st_uid, *(number for tag, number in may if tag == USER)}),
        frozenset(status.st_gid if tag == OWN_GROUP else number for tag, number in may if tag in (OWN_GROUP, GROUP)),
        any(tag == OTHER for tag, _ in may),
    )


def find_untrusted_writers(status: os.stat_result, acl: bytes = b"") -> Writers:
    """Return who may write to a place and is not trusted."""
    may, program = find_writers(status, acl), find_writers(PROGRAM.stat(), read_access_list(PROGRAM))
    groups = {group for group in may.groups - program.groups if not is_own_group(status, group)}
    return Writers(may.users - program.users - {0, os.geteuid()}, frozenset(groups), may.others)


def build_repair_command(place: Path, status: os.stat_result, acl: bytes = b"", handed_down: bytes = b"") -> str:
    """Return the command after which nobody else may write to a place, empty when nobody may now.

    ``acl`` is its access control list, ``handed_down`` the one that new entries of a folder get.
    """
    name, others = shlex.quote(str(place)), find_untrusted_writers(status, acl)
    if status.st_uid in others.users:
        return f"chown {get_user_name(os.geteuid())} {name}"
    if stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX:
        return ""
    which = ("g" if status.st_gid in others.groups else "") + ("o" if others.others else "")
    listed = others.users or others.groups - {status.st_gid}
    commands = [f"setfacl -b {name}"] * bool(listed) + [f"chmod {which}-w {name}"] * bool(which)
    if not commands and handed_down and any(find_untrusted_writers(status, handed_down)):
        return f"setfacl -k {name}"
    return " && ".join(commands)


def is_own_group(status: os.stat_result, number: int) -> bool:
    """Tell whether a group is that of a place's owner alone.

    Debian gives every user a group of the same name and lets it write (umask 0002): what is
    written by the group is then written by the user.
    """
    try:
        owner, group = pwd.getpwuid(status.st_uid), grp.getgrgid(number)
    except KeyError:
        return False
    return owner.pw_gid == group.gr_gid and group.gr_name == owner.pw_name and set(group.gr_mem) <= {owner.pw_name}


def get_user_name(number: int) -> str:
    """Return the name of a user of the machine, or the number of one that has none."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def make_printable(name: str) -> str:
    """Return a file's name as text: NFC, no control characters, undecodable bytes replaced."""
    text = os.fsencode(name).decode("utf-8", "replace")
    text = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
    return unicodedata.normalize("NFC", text)

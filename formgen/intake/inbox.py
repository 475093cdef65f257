"""The drop zone: what lies in it, what of it is a submission, when that is whole, and how it is let go.

Others write here at any time: whatever is opened is opened without following links or waiting, and
looked at again before it is trusted or removed.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import signal
import stat
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Literal

from formgen import formats
from formgen.checkpoints import report_checkpoint
from formgen.files import open_folder_beneath
from formgen.settings import Workspace

CANARY = ".formgen-canary.tmp"
STATUS = "TILA.txt"
IGNORED = (  # in small letters; a folder's name ends in a slash
    *(
        "~$*",
        ".~lock.*#",
        "~wr[dalc]*.tmp",
        "*.sb-*-*",
    ),  # office programs: locks, unfinished saves
    *("*~", ".*.sw?", "#*#", ".#*", ".goutputstream-*", "*.autosave", "4913"),  # editors: copies of before, locks
    *("*.tmp", "*.temp", "*.part", "*.partial", "*.filepart", "*.crdownload", "*.download", "*.opdownload", "*.aria2"),
    *(".*.??????", ".in.*.", ".pureftpd-upload.*", ".nfs*", ".fuse_hidden*", ".smbdelete*"),  # rsync, servers
    *("thumbs.db", "thumbs.db:encryptable", "ehthumbs.db", "desktop.ini", "*.lnk", "*.url"),  # Windows
    *(".ds_store", "._*", ".localized", "icon\r", ".apdisk", ".volumeicon.icns", "*.webloc"),  # macOS
    *(".directory", "*.desktop", ".hidden", ".gitkeep", ".gitignore"),  # Linux
    *(".sync_*.db*", "._sync_*.db*", ".owncloudsync.log*", ".stignore", ".stfolder", "~syncthing~*", ".syncthing.*"),
    *(".dropbox", ".dropbox.attr", ".sync.ffs_db", "*.ffs_tmp"),
    *(
        "#recycle/",
        "#snapshot/",
        "@eadir/",
        ".@__thumb/",
        "@recycle/",
        "@recently-snapshot/",
        "@tmp/",
    ),  # storage servers
    *("$recycle.bin/", "recycler/", "system volume information/", ".trash-*/", ".trash/", ".recycle/", "lost+found/"),
    *(".trashes/", ".spotlight-v100/", ".fseventsd/", ".temporaryitems/", ".appledouble/", ".documentrevisions-v100/"),
    *(".stfolder/", ".stversions/", ".dropbox.cache/", ".snapshot/", "~snapshot/", ".snapshots/", ".zfs/"),
    *(".git/", ".svn/", "__macosx/", ".rsync-partial/", ".~tmp~/"),
    STATUS.lower(),
)
CHUNK = 1_048_576
DEEPEST = 200  # folders in each other that are looked into
NOT_REGULAR_ERRNOS = {errno.ELOOP, errno.ENOTDIR, errno.ENXIO, errno.EXDEV}  # what opening says of a link, or a socket

Kind = Literal["file", "ignored", "odd", "unreadable", "deep"]


@dataclass(frozen=True)
class Entry:
    """One thing that lies in the inbox; only of a ``file`` the status is known."""

    file: Path
    kind: Kind
    status: os.stat_result | None = None


def is_ignored(name: str, more: Iterable[str] = ()) -> bool:
    """Tell whether a name is an editor's, a transfer's or another program's own, never a submission's.

    A folder's name and pattern end in a slash; ``more`` are the office's own patterns.

    >>> is_ignored("~$lomake.docx"), is_ignored("lomake.docx"), is_ignored("#recycle/")
    (True, False, True)
    """
    small = name.lower()
    return any(fnmatchcase(small, pattern.lower()) for pattern in (*IGNORED, *more))


def iter_entries(inbox: Path, more: Iterable[str] = ()) -> Iterator[Entry]:
    """Yield all that lies in a folder and its subfolders, in order; neither links nor ignored folders are followed.

    Folders that lie deeper than `DEEPEST` are not looked into: to walk through them takes a place on the stack each.
    """
    failed: list[OSError] = []
    top = os.fspath(inbox).count(os.sep)
    for place, folders, names in os.walk(inbox, onerror=failed.append):
        here = Path(place)
        if folders and place.count(os.sep) - top >= DEEPEST:
            folders.clear()
            yield Entry(here, "deep")
        for name in sorted(folders):
            if is_ignored(f"{name}/", more):
                folders.remove(name)
                yield Entry(here / name, "ignored")
            elif (here / name).is_symlink():
                yield Entry(here / name, "odd")
        folders.sort()
        for name in sorted(names):
            if is_ignored(name, more):
                yield Entry(here / name, "ignored")
                continue
            with suppress(OSError):
                status = (here / name).lstat()
                yield Entry(here / name, "file" if stat.S_ISREG(status.st_mode) else "odd", status)
    yield from (Entry(Path(error.filename), "unreadable") for error in failed)


def iter_candidate_files(inbox: Path, more: Iterable[str] = ()) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield the regular files that are to be taken."""
    return ((entry.file, entry.status) for entry in iter_entries(inbox, more) if entry.kind == "file" and entry.status)


def iter_special_files(inbox: Path, more: Iterable[str] = ()) -> Iterator[Path]:
    """List the entries of the inbox that are never opened: links, pipes, sockets, devices."""
    return (entry.file for entry in iter_entries(inbox, more) if entry.kind == "odd")


def get_file_signature(status: os.stat_result) -> tuple[int, ...]:
    """Compute a signature that changes when a file is changed or replaced.

    The time of the last change of its entry tells a file from one that was dropped again under
    the same name and number with its old time of writing.
    """
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


@contextmanager
def open_regular_file(file: Path, inbox: Path) -> Iterator[tuple[BufferedReader, int]]:
    """Yield a stream on a regular file, and a descriptor of the folder in which it is.

    Below the inbox no link leads there. Raise `FileNotFoundError` when something else has taken the
    place of the file or a folder: a link, a FIFO, a device.
    """
    with ExitStack() as stack:
        try:
            top = inbox if file.is_relative_to(inbox) else file.parent
            folder = stack.enter_context(open_folder_beneath(top, file.parent))
            handle = os.open(file.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
            stream = stack.enter_context(os.fdopen(handle, "rb"))
        except OSError as error:
            if error.errno in NOT_REGULAR_ERRNOS:
                raise FileNotFoundError(file) from error
            raise
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise FileNotFoundError(file)
        yield stream, folder


def create_empty_file(inbox: Path, name: str) -> None:
    """Make an empty file in the inbox, whatever of its name was there before; raise `OSError`."""
    with open_folder_beneath(inbox, inbox) as folder:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder))


def hash_file_name(workspace: Workspace, file: Path) -> str:
    """Compute the digest by which a file is known where its name must not be told."""
    name = os.fsencode(file.relative_to(workspace.inbox))
    return workspace.encryptor.compute_digest(hashlib.sha256(name).hexdigest())


class NotReadable(OSError):
    """A file of the inbox that cannot be read to its end."""


def iter_pieces(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield so many bytes of a stream, some at a time; raise `NotReadable`."""
    try:
        while piece := stream.read(min(CHUNK, size)):
            size -= len(piece)
            yield piece
    except OSError as error:
        raise NotReadable(error.errno, error.strerror) from error


def is_being_edited(file: Path) -> bool:
    """Tell whether a lock file of Word or LibreOffice lies beside a file.

    Word puts ``~$`` before a short name, and in the place of one or two letters of a longer one.
    """
    locks = (f".~lock.{file.name}#", *(f"~${file.name[letters:]}" for letters in range(3)))
    return any(os.path.lexists(file.with_name(lock)) for lock in locks)


def is_being_written(stream: BinaryIO) -> bool:
    """Tell whether a program of this machine has a file open for writing, as far as the system lets us know.

    A read lease is granted only where nobody has; it is given back at once. A server of a share
    that runs here is such a program; what happens on other machines is not seen. Whoever opens the
    file meanwhile has the system send us a signal, which must be one that ends nobody.
    """
    try:
        fcntl.fcntl(stream, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(stream, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return True
    except OSError:  # another's file, or a file system without leases
        return False
    fcntl.fcntl(stream, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def is_whole(stream: BinaryIO) -> bool:
    """Tell whether a file is whole by the rules of its format; one that is not recognised yet is not."""
    return formats.is_whole(stream)


def remove_if_unchanged(file: Path, inbox: Path, status: os.stat_result, sha256: str) -> bool:
    """Remove a file from the inbox if it still is and holds what was kept; return whether it is gone.

    Raise `OSError` when it cannot be read again or removed.
    """
    with suppress(FileNotFoundError), open_regular_file(file, inbox) as (stream, folder):
        if get_file_signature(os.fstat(stream.fileno())) != get_file_signature(status) or is_being_written(stream):
            return False
        if hashlib.file_digest(stream, "sha256").hexdigest() != sha256:
            return False
        if get_file_signature(os.stat(file.name, dir_fd=folder, follow_symlinks=False)) != get_file_signature(status):
            return False
        os.unlink(file.name, dir_fd=folder)
        report_checkpoint("inbox.removed")
    return True


def move_oversized_file(file: Path, inbox: Path, status: os.stat_result, target: Path) -> bool:
    """Rename a file that is too large to be copied out of the inbox; return whether it is gone from there.

    What somebody has put in its place meanwhile goes back, to be looked at like anything else. Raise
    `OSError` when it cannot be renamed.
    """
    with suppress(FileNotFoundError), open_regular_file(file, inbox) as (stream, folder):
        if get_file_signature(os.fstat(stream.fileno())) != get_file_signature(status):
            return False
        os.rename(file.name, target, src_dir_fd=folder)
        if not os.path.samestat(target.lstat(), status):
            os.rename(target, file.name, dst_dir_fd=folder)
            return False
        report_checkpoint("inbox.removed")
    return True

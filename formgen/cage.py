"""The cage: what a process that reads foreign bytes may still do, whatever they make it do.

It may use so much and no more, open the libraries it was made of, and answer. It knows no path of
a workspace, and where the kernel has Landlock it could open none: no database, no key, no inbox.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import stat
import struct
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

FILE_BYTES, OPEN_FILES = 200_000_000, 256
NO_NEW_PRIVS, DIE_WITH_PARENT = 38, 1
NEW_NETWORK, NEW_USER = 0x40000000, 0x10000000

# Landlock (linux/landlock.h): calls, rights, and how many of the rights each version of it knows.
CREATE, ADD, RESTRICT, PATH_BENEATH = 444, 445, 446, 1
EXECUTE, WRITE, READ, LIST = 1 << 0, 1 << 1, 1 << 2, 1 << 3
OWN_SOCKET = 1 << 9 | 1 << 5
RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
ON_A_FILE = EXECUTE | WRITE | READ | 1 << 14 | 1 << 15
BIND_CONNECT, OTHERS_SOCKETS_SIGNALS = 0b11, 0b11
SYSTEM = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/dev/urandom")

LIBRARIES = ("os.py", "lxml", "numpy", "pikepdf", "pydantic")

libc = ctypes.CDLL(None, use_errno=True)


def confine(memory: int, seconds: int, scratch: str = "", opens: Iterable[str] = ()) -> None:
    """Limit this process and what it starts for good.

    With a ``scratch`` folder it may run programs, which may write there and open what ``opens``
    names besides; without one it can write and start nothing.
    """
    libc.prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0)
    os.chdir("/")
    os.environ.clear()
    os.environ |= {"PATH": os.defpath, "LANG": "C.UTF-8", "TMPDIR": scratch, "OPENBLAS_NUM_THREADS": "1"}
    tempfile.tempdir = scratch or None
    landlock(scratch, opens)
    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: FILE_BYTES if scratch else 0,
        **({} if scratch else {resource.RLIMIT_NPROC: 0}),
    }
    for limit, value in limits.items():
        with suppress(ValueError, OSError):
            resource.setrlimit(limit, (value, value))


def leave_network() -> None:
    """Take the network from this process and all that it starts, where the kernel allows: slow, so once for many."""
    if libc.unshare(NEW_NETWORK):
        libc.unshare(NEW_NETWORK | NEW_USER)


def version() -> int:
    """Return which version of Landlock the kernel has, 0 for none."""
    return max(0, int(libc.syscall(CREATE, None, ctypes.c_size_t(0), 1)))


def landlock(scratch: str, opens: Iterable[str]) -> None:
    """Let nothing be opened but the libraries and what is named, and nobody be called; without Landlock do nothing."""
    abi = version()
    if not abi:
        return
    every = (1 << RIGHTS.get(abi, RIGHTS[5])) - 1
    handled = struct.pack("QQQ", every, BIND_CONNECT, OTHERS_SOCKETS_SIGNALS)[: 8 if abi < 4 else 16 if abi < 6 else 24]
    rules = libc.syscall(CREATE, handled, ctypes.c_size_t(len(handled)), 0)
    if rules < 0:
        return
    looks = READ | LIST | (EXECUTE if scratch else 0)
    for path, rights in (
        *((path, looks) for path in (*SYSTEM, *libraries(), *opens)),
        ("/dev/null", READ | WRITE),
        (scratch, every & ~EXECUTE),
        ("/tmp" if scratch else "", OWN_SOCKET),  # noqa: S108 - LibreOffice has one there, whatever it is told
    ):
        with suppress(OSError):
            handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
            rights &= every if stat.S_ISDIR(os.fstat(handle).st_mode) else ON_A_FILE
            libc.syscall(ADD, rules, PATH_BENEATH, struct.pack("=Qi", rights, handle), 0)
            os.close(handle)
    libc.syscall(RESTRICT, rules, 0)
    os.close(rules)


@cache
def libraries() -> tuple[str, ...]:
    """Return the folders of the code: formgen's own, and those of libraries. A checkout of formgen is a workspace."""
    found = [str(Path(__file__).parent)]
    for folder in filter(None, sys.path):
        with suppress(OSError):
            found += [folder] if any(Path(folder, name).exists() for name in LIBRARIES) else []
    return tuple(found)

"""The calls of Linux that Python has no function for: namespaces, mounts, capabilities, Landlock and seccomp.

Each raises `OSError` when the kernel refuses.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

# sched.h
NEW_MOUNTS, NEW_IPC, NEW_USER, NEW_PIDS, NEW_NETWORK = 0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
NEW_ANY = (NEW_MOUNTS, 0x2000000, 0x4000000, NEW_IPC, NEW_USER, NEW_PIDS, NEW_NETWORK)
# linux/prctl.h
DIE_WITH_PARENT, DUMPABLE, SECCOMP, DROP_BOUND, REAP_ALL, NO_NEW_PRIVS = 1, 4, 22, 24, 36, 38
FILTER = 2
CAPABILITIES, CAPABILITY_VERSION = 64, 0x20080522
# sys/mount.h, linux/mount.h
NO_SUID, NO_DEVICES, NO_PROGRAMS, BIND, DETACH, RECURSIVE, PRIVATE = 2, 4, 8, 4096, 2, 16384, 1 << 18
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, SET_READ_ONLY = 442, -100, 0x8000, 1 | 2
# linux/landlock.h: calls, rights, and how many of the rights each version of it knows
CREATE, ADD, RESTRICT, PATH_BENEATH = 444, 445, 446, 1
EXECUTE, WRITE, READ, LIST, MAKE_SOCKET = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 9
RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
EVERY_RIGHT = (1 << 16) - 1
ON_A_FILE = EXECUTE | WRITE | READ | 1 << 14 | 1 << 15
BIND_CONNECT, OTHERS_SOCKETS_SIGNALS = 0b11, 0b11
# seccomp.h of libseccomp
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
NOT_EQUAL, EQUAL, MASKED = 1, 4, 7
OPTIMIZE, AS_A_TREE = 8, 2

libc = ctypes.CDLL(None, use_errno=True)
libc.prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)
NO_CAPABILITIES = struct.pack("=Ii", CAPABILITY_VERSION, 0), bytes(24)


def check_result(done: int) -> int:
    """Pass on the result of a call; raise `OSError` when that is an error."""
    if done < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return done


def prctl(option: int, value: int = 0) -> None:
    """Change something about this process."""
    check_result(libc.prctl(option, value, 0, 0, 0))


# --- namespaces, mounts, capabilities -------------------------------------------------------------


def unshare(namespaces: int) -> None:
    """Move this process into new namespaces; of process ids, those that it starts from now on."""
    check_result(libc.unshare(namespaces))


def join_namespace(handle: int, namespace: int) -> None:
    """Move this process into a namespace that there is."""
    check_result(libc.setns(handle, namespace))


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount a file system, or with `BIND` a place of another one."""
    check_result(
        libc.mount(source.encode(), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), options.encode())
    )


def set_read_only(target: str) -> None:
    """Let nobody write to a mount or to what is mounted below it, nor become another user by it (Linux 5.12)."""
    attributes = struct.pack("QQQQ", SET_READ_ONLY, 0, 0, 0)
    size = ctypes.c_size_t(len(attributes))
    check_result(libc.syscall(MOUNT_SETATTR, AT_FDCWD, os.fsencode(target), AT_RECURSIVE, attributes, size))


def set_root(folder: str) -> None:
    """Make a mount the root of this process and take the old one away."""
    os.chdir(folder)
    check_result(libc.pivot_root(b".", b"."))
    check_result(libc.umount2(b".", DETACH))
    os.chdir("/")


def drop_bounding_capabilities() -> None:
    """Let no program that is started from now on get rights of root; who has none has nothing to give."""
    with suppress(OSError):
        for capability in range(CAPABILITIES):
            prctl(DROP_BOUND, capability)


def drop_capabilities() -> None:
    """Give up every right of root that this process has."""
    check_result(libc.capset(*NO_CAPABILITIES))


# --- Landlock -------------------------------------------------------------------------------------


def get_landlock_version() -> int:
    """Return which version of Landlock the kernel has, 0 for none."""
    return max(0, int(libc.syscall(CREATE, None, ctypes.c_size_t(0), 1)))


def build_landlock_rules(places: Iterable[tuple[str, int]]) -> int:
    """Return a handle of rules: what may be done in each place, and nothing anywhere else.

    Nobody is called either, nor signalled, as far as the kernel's Landlock knows of such. Places that there are
    not are left out.
    """
    version = get_landlock_version()
    every = (1 << RIGHTS.get(version, RIGHTS[5])) - 1
    handled = struct.pack("QQQ", every, BIND_CONNECT, OTHERS_SOCKETS_SIGNALS)
    handled = handled[: 8 if version < 4 else 16 if version < 6 else 24]
    rules = check_result(libc.syscall(CREATE, handled, ctypes.c_size_t(len(handled)), 0))
    for place, rights in places:
        with suppress(OSError):
            handle = os.open(place, os.O_PATH | os.O_CLOEXEC)
            allowed = rights & every & (-1 if stat.S_ISDIR(os.fstat(handle).st_mode) else ON_A_FILE)
            libc.syscall(ADD, rules, PATH_BENEATH, struct.pack("=Qi", allowed, handle), 0)
            os.close(handle)
    return rules


def restrict_process(rules: int) -> None:
    """Hold this process and what it starts to rules for good."""
    check_result(libc.syscall(RESTRICT, rules, 0))


# --- seccomp --------------------------------------------------------------------------------------


class Refusal(NamedTuple):
    """A call that is refused: its name, or its number where libraries may not know the name yet.

    With a ``test``, one of its arguments compared (number, comparison, value, value), only where that holds.
    """

    call: str | int
    error: int
    test: tuple[int, int, int, int] | None = None


class Test(ctypes.Structure):
    """``struct scmp_arg_cmp``."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("comparison", ctypes.c_int),
        ("one", ctypes.c_uint64),
        ("other", ctypes.c_uint64),
    )


class Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def compile_seccomp_filter(refusals: Iterable[Refusal]) -> bytes:
    """Return the program that refuses calls, as libseccomp compiles it for this kind of machine."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(ALLOW)))
    library.seccomp_attr_set(rules, OPTIMIZE, ctypes.c_uint32(AS_A_TREE))
    try:
        for call, error, test in refusals:
            number = library.seccomp_syscall_resolve_name(call.encode()) if isinstance(call, str) else call
            tests = (Test * 1)(Test(*test)) if test else None
            action = ctypes.c_uint32(REFUSE | error)
            done = library.seccomp_rule_add_array(rules, action, number, 1 if test else 0, tests) if number != -1 else 0
            if done < 0 <= number:  # below 0 is a call that this kind of machine may not have
                raise OSError(f"seccomp: {call}")
        with os.fdopen(os.memfd_create("filter"), "w+b") as file:
            if library.seccomp_export_bpf(rules, file.fileno()) < 0:
                raise OSError("seccomp")
            file.seek(0)
            return file.read()
    finally:
        library.seccomp_release(rules)


def load_filter(program: bytes) -> None:
    """Have every call of this process and of what it starts go through a program for good."""
    loaded = Program(len(program) // 8, program)
    check_result(libc.prctl(SECCOMP, FILTER, ctypes.addressof(loaded), 0, 0))

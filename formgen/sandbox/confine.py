"""The sandbox: what a process that reads foreign bytes may still do, whatever they make it do.

It may use so much and no more, open the libraries it was made of, and answer. Two fences stand around
it, each enough alone: namespaces (a root of its own that holds nothing but libraries, no network, no
other process) and Landlock with seccomp (no other file, no socket, no signal). Whether they hold on a
machine is not told by what it has but tried, by a process that is shut in like those that read.
"""

from __future__ import annotations

import errno
import json
import mmap
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple, NoReturn

from formgen.files import NOBODY
from formgen.i18n import N_
from formgen.sandbox import kernel
from formgen.sandbox.kernel import (
    EXECUTE,
    LIST,
    MAKE_SOCKET,
    NEW_IPC,
    NEW_MOUNTS,
    NEW_NETWORK,
    NEW_PIDS,
    NEW_USER,
    READ,
    WRITE,
)

FILE_BYTES, OPEN_FILES, TASKS, HANDLES = 200_000_000, 256, 64, 65_536
TEMPORARY, TEMPORARY_LIMITS = "/tmp", "size=400m,nr_inodes=20k,mode=0700"  # noqa: S108 - one of its own
PATIENCE = 60.0
LATE, BUSY = b"late", b"busy"
PROBE = "formgen.sandbox.confine:report_protections"  # what a process does that tries what holds
ANSWER_BYTES, TRIED_BYTES = 100_000_000, 2**31
PROTECTIONS = {  # what each keeps a foreign file from
    "files": N_("lukemasta tai muuttamasta muita tiedostoja"),
    "network": N_("ottamasta yhteyttä muihin"),
    "processes": N_("häiritsemästä muita prosesseja"),
    "memory": N_("viemästä koneen muistia"),
}

PROC_MARK = "/proc/version"  # LibreOffice does nothing where there is none
NULL, PASSWORDS, ELSEWHERE = "/dev/null", "/etc/passwd", ("/var/tmp", "/dev/shm")  # noqa: S108 - never written to
SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/dev/urandom")
LIBRARIES = ("os.py", "lxml", "numpy", "pikepdf", "pydantic")

# What all are refused who are shut in, and what besides they are who start no program.
REFUSED = (
    # other processes
    *("kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open", "pidfd_send_signal"),
    *("pidfd_getfd", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease", "kcmp"),
    *("setsid", "setpgid", "setpriority", "ioprio_set", "sched_setaffinity", "sched_setattr", "sched_setparam"),
    *("sched_setscheduler", "move_pages", "migrate_pages", "shmget", "shmat", "msgget", "semget", "mq_open"),
    *("mq_unlink", "keyctl", "add_key", "request_key"),
    # of files what Landlock does not keep: modes, owners, times
    *("chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat", "utime", "utimes", "utimensat"),
    *("futimesat", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr"),
    *("name_to_handle_at", "open_by_handle_at"),
    # neighbours, the machine, and the parts of the kernel that nothing here needs
    *("connect", "mount", "umount2", "pivot_root", "chroot", "unshare", "setns", "open_tree", "move_mount", "fsopen"),
    *(
        "fsconfig",
        "fsmount",
        "fspick",
        "mount_setattr",
        "fanotify_init",
        "quotactl",
        "quotactl_fd",
        "swapon",
        "swapoff",
    ),
    *("acct", "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot", "syslog"),
    *("vhangup", "settimeofday", "clock_settime", "adjtimex", "clock_adjtime", "sethostname", "setdomainname", "iopl"),
    *("ioperm", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register"),
)
PROGRAM_CALLS = ("socket", "bind", "listen", "fork", "vfork", "clone", "execve", "execveat")
UNNAMED_CALLS = (452, *range(457, 462), *range(463, 600))  # fchmodat2 and others whose names libseccomp may not know
VSOCK = 40
SOCKET_TYPE = 0xF  # what is not flags in a socket's type


class Bounds(NamedTuple):
    """What a child may use: bytes of memory and seconds of the processor.

    One with a ``scratch`` folder may run programs, which may write there and open what ``opens`` names besides;
    without one it can write and start nothing.
    """

    memory: int
    seconds: int
    scratch: str = ""
    opens: tuple[str, ...] = ()


# --- once for many files --------------------------------------------------------------------------


def start_process(entry: str, handle: int) -> subprocess.Popen[bytes]:
    """Start a function of ours, ``module:name``, in a new process that inherits nothing but a handle.

    It has neither our environment nor our memory, where keys may be. The number of the handle is its argument.
    """
    begin = "import pkgutil, sys; sys.path[:0] = sys.argv[3:]; pkgutil.resolve_name(sys.argv[1])(int(sys.argv[2]))"
    folders = dict.fromkeys([str(Path(__file__).parents[2]), *filter(os.path.isabs, sys.path)])
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-IB" if sys.dont_write_bytecode else "-I", "-c", begin, entry, str(handle), *folders],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=kept | {"LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"},
        pass_fds=[handle],
        start_new_session=True,
    )


@dataclass(frozen=True)
class Sandbox:
    """What a process is in that starts others and shuts them in.

    ``own_root`` when there are no other files than libraries; ``pids`` is a handle of the processes that there
    are, when these are only its own, and none otherwise.
    """

    own_root: bool = False
    pids: int | None = None

    @classmethod
    def enter(cls, opens: Iterable[str] = ()) -> Sandbox:
        """Leave the machine's files, network and processes behind for good where the kernel allows.

        Root becomes nobody. What goes on is another process, for which the one that has called waits to its end.
        """
        proc = os.open("/proc", os.O_PATH | os.O_CLOEXEC)
        own_root, pids = False, None
        with suppress(OSError):
            if os.geteuid() == 0:
                kernel.unshare(NEW_MOUNTS)
                own_root = create_root(opens)
                become_nobody()
            enter_namespaces(proc)
            continue_in_child()
            pids = os.open("self/ns/pid", os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)
            own_root = own_root or create_root(opens)
        os.close(proc)
        kernel.drop_bounding_capabilities()
        kernel.prctl(kernel.REAP_ALL, 1)
        if kernel.get_landlock_version():
            build_access_rules("", ())
        return cls(own_root, pids)

    def run_child(self, work: Callable[[], bytes], bounds: Bounds, seconds: float, asker: int | None = None) -> bytes:
        """Run some work in a confined child and return its reply: `LATE` when time runs out, empty when it dies.

        `BUSY` is what is said by one that cannot be shut in. Whatever it has started ends with it, and it ends when
        the ``asker`` is gone, the other end of a handle. Raise `OSError`.
        """
        if self.pids is not None:
            kernel.join_namespace(self.pids, NEW_PIDS)
            kernel.unshare(NEW_PIDS)
        until = time.monotonic() + seconds
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            self.run_and_exit(work, bounds, theirs)
        os.close(theirs)
        try:
            return read_reply(ours, until, asker)
        finally:
            os.close(ours)
            for kill in (os.killpg, os.kill):
                with suppress(ProcessLookupError):
                    kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:  # what it has left, whose parent this has become
                    continue

    def run_and_exit(self, work: Callable[[], bytes], bounds: Bounds, out: int) -> NoReturn:
        """Do some work shut in, say what comes of it, and end."""
        said = BUSY
        try:
            os.setsid()
            confine_process(bounds, self)
            os.closerange(3, out)
            os.closerange(out + 1, HANDLES)
            said = b""
            said = work()
        finally:
            with os.fdopen(out, "wb") as stream:
                stream.write(said)
            os._exit(0)


def read_reply(handle: int, until: float, asker: int | None = None) -> bytes:
    """Read a handle to its end: `LATE` when that has not come in time.

    Nothing when it is too much, or when something comes from the ``asker``, who is silent until there is an answer.
    """
    found = bytearray()
    watched = [handle] if asker is None else [handle, asker]
    while len(found) <= ANSWER_BYTES:
        ready = wait_for_handles(watched, until - time.monotonic())
        if not ready:
            return LATE
        if asker in ready:
            break
        part = os.read(handle, 1_048_576)
        if not part:
            return bytes(found)
        found += part
    return b""


def wait_for_handles(handles: Iterable[int], seconds: float) -> list[int]:
    """Wait until some handles can be read or are at their end, and return these; whatever their numbers are."""
    waiting = select.poll()
    for handle in handles:
        waiting.register(handle, select.POLLIN)
    return [handle for handle, _ in waiting.poll(max(0.0, seconds) * 1000)]


def create_root(opens: Iterable[str]) -> bool:
    """Make a root for this process that holds programs, libraries and what is named, for reading only."""
    base = "/proc"  # the one place that nothing is needed from
    kernel.mount("none", "/", flags=kernel.RECURSIVE | kernel.PRIVATE)
    kernel.mount("tmpfs", base, "tmpfs", kernel.NO_SUID | kernel.NO_DEVICES, "size=1m,mode=0755")
    Path(base + TEMPORARY).mkdir()
    mark = Path(base + PROC_MARK)
    mark.parent.mkdir()
    mark.touch()
    for place in sorted({*SYSTEM, NULL, *list_library_folders(), *opens}, key=len):
        source, target = Path(place), Path(base + place)
        if not source.exists() or os.path.lexists(target):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink() and place in SYSTEM:
            target.symlink_to(source.readlink())
            continue
        target.mkdir() if source.is_dir() else target.touch()
        kernel.mount(place, str(target), flags=kernel.BIND | kernel.RECURSIVE)
    kernel.set_read_only(base)
    kernel.set_root(base)
    return True


def become_nobody() -> None:
    """Give up being root: the kernel counts no processes of root's."""
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    kernel.prctl(kernel.DUMPABLE, 1)  # else what is in /proc of it is root's


def enter_namespaces(proc: int) -> None:
    """Move this process and what it starts from now on away from network, memory and processes of others.

    ``proc`` is a handle of /proc. Their user is the one that they were.
    """
    user, group = os.geteuid(), os.getegid()
    kernel.unshare(NEW_USER | NEW_MOUNTS | NEW_NETWORK | NEW_IPC | NEW_PIDS)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        handle = os.open(f"self/{name}", os.O_WRONLY | os.O_CLOEXEC, dir_fd=proc)
        os.write(handle, text.encode())
        os.close(handle)


def continue_in_child() -> None:
    """Go on in a new process, the first of those that are started in the new namespaces; this one waits and ends."""
    if first := os.fork():
        os.closerange(0, HANDLES)
        os.waitpid(first, 0)
        os._exit(0)
    kernel.prctl(kernel.DIE_WITH_PARENT, signal.SIGKILL)


@cache
def list_library_folders() -> tuple[str, ...]:
    """Return the folders of the code: formgen's own, and those of libraries. A checkout of formgen is a workspace."""
    found = [str(Path(__file__).parents[1])]
    for folder in filter(None, sys.path):
        with suppress(OSError):
            found += [folder] if any(Path(folder, name).exists() for name in LIBRARIES) else []
    return tuple(found)


def can_run_as_nobody() -> bool:
    """Tell whether this is root, and the libraries lie where nobody can read them: then programs run as nobody."""
    places = {place for folder in map(Path, list_library_folders()) for place in (folder, *folder.parents)}
    return os.geteuid() == 0 and all(place.stat().st_mode & 0o001 for place in places)


# --- for each file --------------------------------------------------------------------------------


def confine_process(bounds: Bounds, sandbox: Sandbox) -> None:
    """Limit this process and what it starts for good; raise `OSError` when a limit that the kernel has is refused."""
    scratch, opens = bounds.scratch, bounds.opens
    kernel.prctl(kernel.DIE_WITH_PARENT, signal.SIGKILL)
    kernel.prctl(kernel.NO_NEW_PRIVS, 1)
    if scratch and can_run_as_nobody():
        become_nobody()
    tasks = TASKS + (0 if sandbox.pids else count_other_tasks()) if scratch else 0
    if scratch and sandbox.own_root:
        kernel.unshare(NEW_MOUNTS)
        flags = kernel.NO_SUID | kernel.NO_DEVICES | kernel.NO_PROGRAMS
        kernel.mount("tmpfs", TEMPORARY, "tmpfs", flags, TEMPORARY_LIMITS)
    os.chdir("/")
    tempfile.tempdir = scratch or None
    if kernel.get_landlock_version():
        kernel.restrict_process(build_access_rules(scratch, opens))
    kernel.drop_capabilities()
    kernel.prctl(kernel.DUMPABLE, 0)
    if program := build_call_filter(bool(scratch)):
        kernel.load_filter(program)
    for limit, value in (*build_limits(bounds).items(), (resource.RLIMIT_NPROC, tasks)):
        hard = resource.getrlimit(limit)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (value, value))


def build_limits(bounds: Bounds) -> dict[int, int]:
    """Build the limits of a child on what the kernel counts for each process."""
    return {
        resource.RLIMIT_AS: bounds.memory,
        resource.RLIMIT_CPU: bounds.seconds,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: FILE_BYTES if bounds.scratch else 0,
    }


@cache
def build_access_rules(scratch: str = "", opens: tuple[str, ...] = ()) -> int:
    """Return a handle of Landlock's rules for a child, ready for all that start no programs."""
    looks = READ | LIST | (EXECUTE if scratch else 0)
    return kernel.build_landlock_rules(
        (
            *((place, looks) for place in (*SYSTEM, *list_library_folders(), *opens)),
            (NULL, READ | WRITE),
            *(((scratch, kernel.EVERY_RIGHT & ~EXECUTE), (TEMPORARY, MAKE_SOCKET)) if scratch else ()),
        )  # LibreOffice makes a socket there, whatever it is told
    )


@cache
def build_call_filter(programs: bool) -> bytes:
    """Return the program that refuses the calls that no reader needs, empty where there is no libseccomp.

    A child with ``programs`` may start others and threads, and listen to itself.
    """
    plain = [kernel.Refusal(call, errno.EPERM) for call in REFUSED]
    plain += [kernel.Refusal(number, errno.ENOSYS) for number in ("clone3", *UNNAMED_CALLS)]
    plain += [
        kernel.Refusal("prlimit64", errno.EPERM, (0, kernel.NOT_EQUAL, 0, 0)),
        kernel.Refusal("prctl", errno.EPERM, (0, kernel.EQUAL, kernel.DIE_WITH_PARENT, 0)),
        # with itself a process may talk: asyncio does, in which signatures are validated
        kernel.Refusal("socketpair", errno.EPERM, (0, kernel.NOT_EQUAL, socket.AF_UNIX, 0)),
    ]
    if not programs:
        plain += [kernel.Refusal(call, errno.EPERM) for call in PROGRAM_CALLS]
    else:
        others = [kind for kind in socket.SocketKind if kind is not socket.SOCK_STREAM and kind <= SOCKET_TYPE]
        plain += [kernel.Refusal("clone", errno.EPERM, (0, kernel.MASKED, flag, flag)) for flag in kernel.NEW_ANY]
        plain += [kernel.Refusal("socket", errno.EPERM, (0, kernel.NOT_EQUAL, socket.AF_UNIX, 0))]
        plain += [kernel.Refusal("socket", errno.EPERM, (1, kernel.MASKED, SOCKET_TYPE, kind)) for kind in others]
    try:
        return kernel.compile_seccomp_filter(plain)
    except OSError:
        return b""


def count_other_tasks() -> int:
    """Count the tasks of this user on the machine, as far as they can be seen."""
    user, found = os.geteuid(), 0
    for task in Path("/proc").glob("[0-9]*/task/[0-9]*"):
        with suppress(OSError):
            found += task.stat().st_uid == user
    return found


# --- whether it holds -----------------------------------------------------------------------------


def build_attempts(bounds: Bounds) -> Mapping[str, Iterable[Callable[[], object]]]:
    """Build the attempts that must fail in a child, by protection; one that fails raises `OSError`."""
    return {
        "files": (
            partial(os.open, PASSWORDS, os.O_RDONLY),
            *(partial(make_file, folder) for folder in ELSEWHERE),
            change_mode,
        ),
        "network": (
            partial(connect_datagram_socket, socket.AF_INET, ("127.0.0.1", 9)),
            partial(connect_datagram_socket, socket.AF_INET6, ("::1", 9)),
            connect_unix_socket,
            partial(socket.socket, VSOCK),  # leads out of a virtual machine, from whatever namespace
        ),
        "processes": (partial(os.kill, -1, 0), inspect_parent, leave_group if bounds.scratch else fork_process),
        "memory": (partial(mmap.mmap, -1, bounds.memory), grow_file, partial(exceed_limits, bounds)),
    }


def has_shared_root() -> bool:
    """Tell whether the machine's files can be seen from here, if not opened."""
    return os.path.lexists(PASSWORDS)


def make_file(folder: str) -> None:
    """Make a file, and remove it."""
    place = f"{folder}/formgen-{os.urandom(8).hex()}"
    os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    Path(place).unlink()


def change_mode() -> None:
    """Change the mode of a file where others' can be seen."""
    handle = os.memfd_create("mode")
    os.fchmod(handle, 0o600)
    if not has_shared_root():
        raise PermissionError


def connect_datagram_socket(family: int, address: tuple[str, int]) -> None:
    """Call this machine, and send nothing."""
    with socket.socket(family, socket.SOCK_DGRAM) as line:
        line.connect(address)


def connect_unix_socket() -> None:
    """Look for somebody who listens at a place among the machine's files."""
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(NULL)
        except ConnectionRefusedError:  # the place has been looked at
            if not has_shared_root():
                raise


def inspect_parent() -> None:
    """Ask about the process that has started this one, as who changes its limits does."""
    parent = os.getppid()
    if not parent:
        raise ProcessLookupError
    resource.prlimit(parent, resource.RLIMIT_CORE)


def fork_process() -> None:
    """Start a process."""
    if os.fork() == 0:
        os._exit(0)


def leave_group() -> None:
    """Start a process that would outlive the child, or as many as there may be."""
    alone = os.getpid() == 1
    if (child := os.fork()) == 0:
        try:
            os.setsid()
        except OSError:
            os._exit(0)
        os._exit(0 if alone else 1)
    if os.waitpid(child, 0)[1] == 0:
        resource.setrlimit(resource.RLIMIT_NPROC, (0, resource.getrlimit(resource.RLIMIT_NPROC)[1]))
        fork_process()


def grow_file() -> None:
    """Take memory that is none of the process's own."""
    os.truncate(os.memfd_create("memory"), FILE_BYTES + 1)


def exceed_limits(bounds: Bounds) -> None:
    """Find a limit that is wider than it is to be; raise `OSError` when there is none."""
    if all(0 <= resource.getrlimit(limit)[1] <= value for limit, value in build_limits(bounds).items()):
        raise PermissionError


def is_impossible(attempt: Callable[[], object]) -> bool:
    """Tell whether something is impossible."""
    try:
        attempt()
    except OSError:
        return True
    return False


def probe_protections(sandbox: Sandbox) -> dict[str, bool]:
    """Return for each protection whether nothing gets through, with programs that a child may run and without."""
    found = dict.fromkeys(PROTECTIONS, True)
    for bounds in (Bounds(TRIED_BYTES, 5), Bounds(TRIED_BYTES, 5, TEMPORARY if sandbox.own_root else NULL)):
        held: dict[str, bool] = {}
        with suppress(OSError, ValueError):
            held = json.loads(sandbox.run_child(partial(report_attempts, bounds), bounds, PATIENCE))
        found = {name: found[name] and held.get(name, False) for name in PROTECTIONS}
    return found


def report_attempts(bounds: Bounds) -> bytes:
    """Return, as JSON, for each protection whether all that is tried is stopped."""
    return json.dumps({name: all(map(is_impossible, tried)) for name, tried in build_attempts(bounds).items()}).encode()


def report_protections(handle: int) -> None:
    """Write to a handle what holds for a process of this user on this machine."""
    with os.fdopen(handle, "wb") as line:
        line.write(json.dumps(probe_protections(Sandbox.enter())).encode())


@cache
def probe_reader_protections() -> Mapping[str, bool]:
    """Return for each protection whether it holds for the readers that this process would start."""
    ours, theirs = os.pipe()
    process = start_process(PROBE, theirs)
    os.close(theirs)
    said = read_reply(ours, time.monotonic() + PATIENCE)
    os.close(ours)
    process.kill()
    process.wait()
    held = json.loads(said) if said.startswith(b"{") else {}
    return {name: held.get(name, False) for name in PROTECTIONS}

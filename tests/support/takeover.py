"""Readers that a file has taken over: each is started, and shuts its children in, as the real one does.

What a child does is told by the file that it reads. ``without_landlock_and_seccomp`` is a reader whose
cage lacks what is named: it is really not there (`REMOVED`).
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import mmap
import os
import resource
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from formgen import formats
from formgen.documents.extraction import Extraction
from formgen.files import NOBODY
from formgen.sandbox import confine, kernel, reader_process

Attack = Callable[[], object]
KINDS = {"pdf": b"%PDF-1.7 ", "rtf": b"{\\rtf1 "}  # by a child that may start nothing, and one that may run programs
MANY, STAYS = 150, 30.0  # processes, and how long they would stay
X86 = os.uname().machine == "x86_64"
CHMOD, IO_URING = 452, 425
TGKILL, BPF, ADD_KEY, MODULE = (234, 321, 248, 175) if X86 else (131, 280, 217, 105)
ATTACH, DETACH, NAME, IS_DUMPABLE = 16, 17, 15, 3
FLAGS, UP = 0x8913, 1
libc = ctypes.CDLL(None, use_errno=True)


# --- what a child does ----------------------------------------------------------------------------


def order(kind: str, **told: Any) -> bytes:
    """Return a file that tells a child what there is to attack."""
    return KINDS[kind] + json.dumps(told).encode()


def obeyed(data: bytes, papers: Any) -> Extraction:
    """Try everything, and say how much that is and what has got through."""
    kind = next(name for name, head in KINDS.items() if data.startswith(head))
    told = json.loads(data.removeprefix(KINDS[kind])) | {"programs": kind == "rtf"}
    tried = [*attacks(told), *(surface(told) if told["surface"] else ())]
    return Extraction({}, reader=kind, strays=(str(len(tried)), *(name for name, attack in tried if succeeds(attack))))


def succeeds(attack: Attack) -> bool:
    """Tell whether an attack gets through."""
    try:
        attack()
    except (OSError, ValueError, RuntimeError):
        return False
    return True


def attacks(told: Mapping[str, Any]) -> Iterator[tuple[str, Attack]]:
    """Yield everything that somebody would try who knows the machine and where the workspace is."""
    yield "find a handle of others", find_handle
    yield from on_files(told)
    yield from on_neighbours(told)
    yield from on_processes(told)
    yield from on_itself(told)


def on_files(told: Mapping[str, Any]) -> Iterator[tuple[str, Attack]]:
    """Yield what is done to files: those of the workspace, of the machine, of others below the temporary folder."""
    root, inside, ours, code = (Path(told[name]) for name in ("root", "file", "elsewhere", "code"))
    daemon = Path(f"/proc/{told['daemon']}")
    for name in (*told["secrets"], "/etc/passwd", "/etc/shadow", "/proc/1/environ", "/proc/cpuinfo"):
        yield f"read {name}", Path(name).read_bytes
    for name in ("environ", "maps", f"root{inside}", f"cwd{inside}"):
        yield f"read the daemon's {name}", (daemon / name).read_bytes
        yield f"read by another way the daemon's {name}", Path(f"/proc/self/root{daemon / name}").read_bytes
    yield "open the daemon's memory", lambda: os.open(daemon / "mem", os.O_RDWR)
    for folder, name in told["listed"]:
        yield f"list {folder}", partial(find, folder, name)
    for folder in (root / "inbox", ours, Path("/var/tmp"), Path("/dev/shm"), Path("/run"), Path("/"), code.parent):
        yield f"write into {folder}", partial((folder / told["mark"]).write_bytes, b"x")
        yield f"make a folder in {folder}", (folder / f"{told['mark']}-folder").mkdir
    if not told["programs"] or confine.has_shared_root():
        yield "write into /tmp", partial(Path("/tmp", told["mark"]).write_bytes, b"x")
    yield "write where it is", partial(Path(told["mark"]).write_bytes, b"x")
    yield "change its own code", lambda: os.open(code, os.O_RDWR)
    yield "make a link", lambda: (root / "inbox" / "link").symlink_to("/etc/passwd")
    yield "make a second name", lambda: os.link(inside, ours / "second")
    yield "make a pipe", lambda: os.mkfifo(ours / "pipe")
    yield "let everybody in", lambda: inside.chmod(0o777)
    yield "let everybody in by a new call", partial(called, CHMOD, -100, bytes(inside), 0o777, 0)
    yield "give a file away", lambda: os.chown(inside, NOBODY, NOBODY)
    yield "change a time", lambda: os.utime(inside, (1, 1))
    yield "note something at a file", lambda: os.setxattr(inside, "user.note", b"x")
    yield "cut a file", lambda: os.truncate(inside, 0)
    yield "rename a file", lambda: (ours / "renamed").rename(ours / "other")
    yield "remove a file", (ours / "removed").unlink
    yield "remove a folder", (ours / "folder").rmdir
    for device in ("/dev/mem", "/dev/kmsg", "/dev/vda", "/dev/sda", "/dev/fuse"):
        yield f"open {device}", partial(os.open, device, os.O_RDONLY)


def find(folder: str, name: str) -> None:
    """Find a name in a folder; raise `OSError` when it is not to be seen."""
    if Path(folder, name) not in Path(folder).iterdir():
        raise FileNotFoundError


def called(number: int, *arguments: Any) -> None:
    """Do a call by its number."""
    kernel.check_result(libc.syscall(number, *arguments))


def on_neighbours(told: Mapping[str, Any]) -> Iterator[tuple[str, Attack]]:
    """Yield how somebody is called who listens on this machine, and how others could be."""
    line, letter = socket.socket, partial(socket.socket, type=socket.SOCK_DGRAM)
    yield "call a machine", lambda: line().connect(("127.0.0.1", told["port"]))
    yield "call a machine by IPv6", lambda: line(socket.AF_INET6).connect(("::1", told["port6"]))
    yield "write to a machine", lambda: letter().sendto(b"x", ("127.0.0.1", told["port"]))
    for name in ("path", "abstract"):
        yield f"call a neighbour by {name}", lambda name=name: line(socket.AF_UNIX).connect(told[name])
        yield (
            f"write to a neighbour by {name}",
            lambda name=name: letter(socket.AF_UNIX).sendto(b"x", told[f"letters by {name}"]),
        )
    yield "call the machine's host", partial(line, confine.VSOCK)
    yield "read the lines of the machine", partial(line, socket.AF_PACKET, socket.SOCK_RAW)
    yield "find an interface that is up", find_interface


def find_interface() -> None:
    """Find an interface that is up; raise `OSError` when there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        for _, name in socket.if_nameindex():
            found = fcntl.ioctl(line, FLAGS, struct.pack("16sh14x", name.encode(), 0))
            if struct.unpack_from("h", found, 16)[0] & UP:
                return
    raise FileNotFoundError


def on_processes(told: Mapping[str, Any]) -> Iterator[tuple[str, Attack]]:
    """Yield what is done to other processes, and how some are started that stay or are many."""
    for name in ("daemon", "reader", "sibling"):
        process = told[name]
        yield f"signal the {name}", partial(os.kill, process, signal.SIGURG)
        yield f"signal a thread of the {name}", partial(called, TGKILL, process, process, signal.SIGURG)
        yield (
            f"signal the {name} by a handle",
            lambda process=process: signal.pidfd_send_signal(os.pidfd_open(process), signal.SIGURG),
        )
        yield f"stop the {name} to look into it", partial(trace, process)
        yield f"read the {name}'s memory", partial(read_memory, process)
        yield f"change the {name}'s limits", partial(resource.prlimit, process, resource.RLIMIT_CORE)
        yield (
            f"choose the {name}'s processors",
            lambda process=process: os.sched_setaffinity(process, os.sched_getaffinity(0)),
        )
        yield (
            f"choose how urgent the {name} is",
            lambda process=process: os.setpriority(os.PRIO_PROCESS, process, os.getpriority(os.PRIO_PROCESS, 0)),
        )
    yield "signal a group", partial(os.kill, -told["group"], signal.SIGURG)
    yield "signal all", partial(os.kill, -1, 0)
    yield "share memory", lambda: kernel.check_result(libc.shmget(told["key"], 4096, 0))
    yield "leave a process behind", partial(leave_behind, told["mark"])
    if not told["programs"]:
        yield "start a process", partial(start_one, lambda: None)
        yield "run a program", partial(subprocess.run, ["/bin/true"], check=True)
        yield "start a thread", lambda: threading.Thread(target=str).start()
    yield "start many processes", start_many


def trace(process: int) -> None:
    """Stop another process as a debugger does, and let it go on."""
    kernel.check_result(libc.ptrace(ATTACH, process, 0, 0))
    os.waitpid(process, 0x40000000)
    libc.ptrace(DETACH, process, 0, 0)


def read_memory(process: int) -> None:
    """Read what lies in another process, or be allowed to where it has nothing at that place."""
    room = ctypes.create_string_buffer(16)
    here, there = (struct.pack("PN", ctypes.addressof(room), 16) for _ in range(2))
    if libc.process_vm_readv(process, here, 1, there, 1, 0) < 0 and ctypes.get_errno() != 14:  # EFAULT
        raise PermissionError


def start_one(work: Attack) -> None:
    """Start a process that does something and ends."""
    if os.fork() == 0:
        os.closerange(3, confine.HANDLES)  # else what this one says has no end before that ends
        try:
            work()
        finally:
            os._exit(0)


def leave_behind(mark: str) -> None:
    """Start a process with a name that leaves all that could end it; whether it stays is seen from outside."""

    def stay() -> None:
        with suppress(OSError):
            os.setsid()
        libc.prctl(NAME, mark.encode(), 0, 0, 0)
        start_one(partial(time.sleep, STAYS))
        time.sleep(STAYS)

    start_one(stay)
    raise ProcessLookupError


def start_many() -> None:
    """Start more processes at once than any reading needs."""
    for _ in range(MANY):
        start_one(partial(time.sleep, STAYS))


def on_itself(told: Mapping[str, Any]) -> Iterator[tuple[str, Attack]]:
    """Yield what a process looks for in itself, and how it gives itself more."""
    yield "take much memory", lambda: mmap.mmap(-1, told["memory"])
    yield "take memory that is nobody's", lambda: os.truncate(os.memfd_create("memory"), confine.FILE_BYTES + 1)
    for name in ("AS", "CPU", "NOFILE", "FSIZE", "NPROC", "CORE"):
        yield f"raise its limit {name}", partial(raise_limit, getattr(resource, f"RLIMIT_{name}"))
    yield "find what was said to others", partial(find_word, told["secret"])
    yield "be where the daemon is", lambda: find(".", told["here"])
    yield "open many files", open_many


def raise_limit(limit: int) -> None:
    """Have more of something."""
    hard = resource.getrlimit(limit)[1]
    if hard != resource.RLIM_INFINITY:
        resource.setrlimit(limit, (hard + 1, hard + 1))


def rights() -> None:
    """Have rights of root over anything."""
    found = ctypes.create_string_buffer(24)
    kernel.check_result(libc.capget(kernel.NO_CAPABILITIES[0], found))
    if not any(struct.unpack("6I", found.raw)):
        raise PermissionError


def find_word(secret: str) -> None:
    """Find a word in the environment."""
    if secret not in str(dict(os.environ)):
        raise PermissionError


def find_handle() -> None:
    """Find a handle of something besides nothing and the one pipe on which it answers."""
    pipes = 0
    for number in range(confine.HANDLES):
        with suppress(OSError):
            status = os.fstat(number)
            pipes += stat.S_ISFIFO(status.st_mode)
            if pipes > 1 or not (stat.S_ISFIFO(status.st_mode) or status.st_rdev == os.makedev(1, 3)):
                return
    raise FileNotFoundError


def open_many() -> None:
    """Hold more files than any reading needs."""
    held = []
    try:
        for _ in range(confine.OPEN_FILES):
            held.append(os.dup(0))
    finally:
        for number in held:
            os.close(number)


def surface(told: Mapping[str, Any]) -> Iterator[tuple[str, Attack]]:
    """Yield what does nobody harm by itself, but opens more of the kernel, or of the child, than a reading needs."""
    for family in range(46):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
            if not (told["programs"] and (family, kind) == (socket.AF_UNIX, socket.SOCK_STREAM)):
                yield f"open a line {family} {kind.name}", partial(socket.socket, family, kind)
    yield "use io_uring", partial(called, IO_URING, 1, ctypes.create_string_buffer(120))
    yield "use BPF", partial(called, BPF, 5, ctypes.create_string_buffer(128), 128)
    yield "keep a key", partial(called, ADD_KEY, b"user", b"formgen", b"x", 1, -4)
    yield "load into the kernel", partial(called, MODULE, b"", 0, b"")
    yield "set the clock", lambda: time.clock_settime(time.CLOCK_REALTIME, time.time())
    yield "be looked into", lambda: kernel.check_result(libc.prctl(IS_DUMPABLE, 0, 0, 0, 0) - 1)
    yield "outlive its reader", lambda: kernel.check_result(libc.prctl(kernel.DIE_WITH_PARENT, 0, 0, 0, 0))
    yield "make shared memory", lambda: kernel.check_result(libc.shmget(0, 4096, 0o1600))
    yield "have rights of root", rights
    yield "become root", partial(os.setuid, 0)
    yield "mount something", lambda: kernel.mount("tmpfs", "/tmp", "tmpfs")
    for name in ("NEW_USER", "NEW_MOUNTS", "NEW_NETWORK", "NEW_IPC", "NEW_PIDS"):
        yield f"take namespaces: {name}", partial(kernel.unshare, getattr(kernel, name))
    yield "take another root", lambda: os.chroot("/usr")


# --- readers --------------------------------------------------------------------------------------


def serve(handle: int) -> None:
    """Be a reader whose children do what their files tell."""
    formats.read_document, formats.prepare_readers = obeyed, lambda papers: None
    reader_process.serve_requests(handle)


def dies(handle: int) -> None:
    """Be a reader that is gone at its first file."""
    formats.prepare_readers = lambda papers: os._exit(1)
    reader_process.serve_requests(handle)


def refuse(*_: Any) -> Any:
    """Be what a kernel that allows nothing is."""
    raise PermissionError


def mask(flag: int) -> None:
    """Let no namespaces of a kind be taken."""
    unshare = kernel.unshare
    kernel.unshare = lambda flags: unshare(flags & ~flag)


def skip(owner: Any, name: str, first: int) -> None:
    """Let a function do nothing that is asked about something."""
    function = getattr(owner, name)
    setattr(owner, name, lambda what, *more: function(what, *more) if what != first else None)


def dumpable(confine: Any, *how: Any) -> None:
    """Shut in, and let others look in."""
    confine(*how)
    kernel.prctl(kernel.DUMPABLE, 1)


REMOVED: dict[str, Callable[[], object]] = {
    "landlock": lambda: setattr(kernel, "get_landlock_version", lambda: 0),
    "seccomp": lambda: setattr(confine, "build_call_filter", lambda programs: b""),
    "namespaces": lambda: setattr(kernel, "unshare", refuse),
    "root": lambda: setattr(confine, "create_root", lambda opens: False),
    "network": partial(mask, kernel.NEW_NETWORK),
    "pids": lambda: (mask(kernel.NEW_PIDS), setattr(kernel, "join_namespace", lambda *_: None)),
    "ipc": partial(mask, kernel.NEW_IPC),
    "capabilities": lambda: setattr(kernel, "drop_capabilities", lambda: None),
    "privileges": partial(skip, kernel, "prctl", kernel.NO_NEW_PRIVS),
    "dumpable": lambda: setattr(confine, "confine_process", partial(dumpable, confine.confine_process)),
    "death": partial(skip, kernel, "prctl", kernel.DIE_WITH_PARENT),
    **{
        name: partial(skip, resource, "setrlimit", getattr(resource, f"RLIMIT_{name.upper()}"))
        for name in ("as", "cpu", "nofile", "fsize", "nproc", "core")
    },
}


def __getattr__(name: str) -> Callable[[int], None]:
    """Return the reader, or the other process, that lacks what its name tells."""
    start, _, lacking = name.partition("_without_")
    starts = {"serve": serve, "reads": reader_process.serve_requests, "tell": confine.report_protections}
    if start not in starts:
        raise AttributeError(name)

    def begin(handle: int) -> None:
        for removed in REMOVED if lacking == "everything" else lacking.split("_and_"):
            REMOVED[removed]()
        starts[start](handle)

    return begin


# --- readers that end badly, or lie ---------------------------------------------------------------


def starts_another(handle: int) -> None:
    """Be a reader whose children run a program that never ends, and one that nobody waits for."""

    def read(data: bytes, papers: Any) -> Extraction:
        told = json.loads(data.removeprefix(KINDS["rtf"]))
        subprocess.Popen(["/bin/sh", "-c", f"(sleep 600; : {told['mark']}) & sleep 600; : {told['mark']}"])
        if told["answers"]:
            return Extraction({}, reader="rtf", strays=(tempfile.gettempdir(),))
        time.sleep(600)
        raise AssertionError("it is killed before")

    formats.read_document, formats.prepare_readers = read, lambda papers: None
    reader_process.serve_requests(handle)


def starts_another_and_hangs(handle: int) -> None:
    """Be such a reader that does not see either that time is up, as after a sleep of the machine."""

    def hang(*_: Any) -> bytes:
        time.sleep(600)
        return b""

    done = reader_process.run_in_child

    def late(*how: Any) -> bytes:
        confine.read_reply = hang
        return done(*how)

    reader_process.run_in_child = late
    starts_another(handle)


def runs(handle: int) -> None:
    """Be a reader whose children run what the file tells."""

    def read(data: bytes, papers: Any) -> Extraction:
        command = json.loads(data.removeprefix(KINDS["rtf"]))["command"]
        home = {"PATH": os.defpath, "TMPDIR": tempfile.gettempdir()}
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False, env=home)
        return Extraction({}, reader="rtf", strays=(done.stdout,))

    formats.read_document, formats.prepare_readers = read, lambda papers: None
    reader_process.serve_requests(handle)


def says(handle: int) -> None:
    """Be a reader whose children say what the file holds, as it is."""
    reader_process.build_reply = lambda data, _: data[len(KINDS["pdf"]) :]
    formats.prepare_readers = lambda papers: None
    reader_process.serve_requests(handle)


def says_and_stays(handle: int) -> None:
    """Be a reader whose children say half of something, and keep the line open."""

    def stays(data: bytes, _: Any) -> bytes:
        for line in range(3, 256):
            with suppress(OSError):
                os.write(line, data[len(KINDS["pdf"]) :])
        time.sleep(600)
        raise AssertionError("it is killed before")

    reader_process.build_reply = stays
    reader_process.serve_requests(handle)


def says_too_much(handle: int) -> None:
    """Be a reader whose children never stop."""
    confine.ANSWER_BYTES = 1_000_000
    reader_process.build_reply = lambda data, _: b"{" * 2_000_000
    reader_process.serve_requests(handle)


def remembers(handle: int) -> None:
    """Be a reader that looks, before it is shut in, for what its file names in its own memory and environment."""
    found = bytearray(Path("/proc/self/environ").read_bytes() + str(dict(os.environ)).encode())
    spans = [line.split()[:2] for line in Path("/proc/self/maps").read_text().splitlines()]
    with Path("/proc/self/mem").open("rb", 0) as memory:
        for start, end in (map(partial(int, base=16), span.split("-")) for span, how in spans if "rw" in how):
            memory.seek(start)
            found += memory.read(end - start)

    def read(data: bytes, papers: Any) -> Extraction:
        told = json.loads(data.removeprefix(KINDS["pdf"]))
        return Extraction(
            {}, reader="pdf", strays=tuple(str(found.count(told[name].encode())) for name in ("mark", "known"))
        )

    formats.read_document, formats.prepare_readers = read, lambda papers: None
    reader_process.serve_requests(handle)

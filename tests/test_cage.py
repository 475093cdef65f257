"""A reader that has been taken over by a file finds nothing behind the wall, changes nothing, and calls nobody."""

from __future__ import annotations

import ctypes
import errno
import os
import pwd
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from formgen import cage, formats, wall
from formgen.errors import CutOff, Unreadable
from formgen.settings import Intake
from formgen.sheet import Sheet
from tests.conftest import NOON, Bench, tree

REFUSALS = (None, errno.EACCES, errno.EPERM, errno.EFBIG, errno.ENETUNREACH, errno.ECONNREFUSED)
ANY = b"%PDF-1.7 a file that takes its reader over"
pytestmark = pytest.mark.skipif(not cage.version(), reason="the kernel has no Landlock")


# --- what it tries, in the child -------------------------------------------------------------------


def attempts(told: Mapping[str, Any]) -> dict[str, Callable[[], object]]:
    """Return everything that somebody would try who knows where the workspace is."""
    root, inside = Path(told["root"]), Path(told["file"])
    return {
        **{f"read {name}": Path(name).read_bytes for name in told["secrets"]},
        "list the workspace": lambda: list((root / "var").iterdir()),
        "list the folder above": lambda: list(root.parent.iterdir()),
        "read the passwords": Path("/etc/passwd").read_bytes,
        "read what others run": lambda: Path(f"/proc/{told['daemon']}/environ").read_bytes(),
        "read another's memory": lambda: Path(f"/proc/{told['daemon']}/mem").open("rb"),
        "write into the inbox": lambda: (root / "inbox" / "evil.docx").write_bytes(b"x"),
        "write into a temporary folder": lambda: Path(told["elsewhere"], "evil").write_bytes(b"x"),
        "make an empty file": lambda: os.close(os.open(Path(told["elsewhere"]) / "evil", os.O_CREAT | os.O_WRONLY)),
        "write beside its own code": lambda: Path(wall.__file__).with_name("evil.py").write_bytes(b"x"),
        "write where it is": lambda: Path("evil").write_bytes(b"x"),
        "make a folder": lambda: (root / "outbox" / "evil").mkdir(),
        "make a link": lambda: (root / "inbox" / "evil").symlink_to("/etc/passwd"),
        "rename a file": lambda: inside.rename(root / "evil"),
        "remove a file": inside.unlink,
        "cut a file": lambda: os.truncate(inside, 0),
        "run a program": lambda: subprocess.run(["/bin/true"], check=True),
        "call a machine": lambda: socket.create_connection(("127.0.0.1", told["port"]), 1),
        "call a neighbour": lambda: socket.socket(socket.AF_UNIX).connect(told["abstract"]),
        "listen": lambda: socket.create_server(("127.0.0.1", 0)),
        "kill the daemon": lambda: os.kill(told["daemon"], signal.SIGURG),
        "look into the daemon": lambda: traced(told["daemon"]),
        "allow itself more": lambda: cage.libc.syscall(cage.RESTRICT, -1, 0) == 0 or refuse(),
        "find itself elsewhere": lambda: Path.cwd() != Path("/") or refuse(),
        "find a file open": lambda: [n for n in range(256) if is_open_file(n)] or refuse(),
        "find something said to others": lambda: "FORMGEN_SECRET" in str(os.environ) or refuse(),
    }


def refuse() -> None:
    raise PermissionError


def traced(process: int) -> None:
    if ctypes.CDLL(None, use_errno=True).ptrace(16, process, 0, 0):
        raise PermissionError


def is_open_file(number: int) -> bool:
    try:
        return stat.S_ISREG(os.fstat(number).st_mode) and number > 2
    except OSError:
        return False


def succeeded(data: bytes, papers: Any) -> Sheet:
    """Try everything and say what could be done."""
    told = papers["told"]
    done = {}
    for name, attempt in attempts(told).items():
        try:
            attempt()
            done[name] = "done"
        except OSError as error:
            if error.errno not in REFUSALS:
                done[name] = f"not refused: {error}"
    return Sheet({}, claims=done | {"tried": str(len(attempts(told)))})


@pytest.fixture(autouse=True)
def _no_reader_is_left() -> Iterator[None]:
    wall.rest()
    yield
    wall.rest()


def taken_over(calls: Connection, papers: Any) -> None:
    """Be a reader whose children do what a file wants."""
    formats.read, formats.warm = succeeded, lambda papers: None
    wall.serve(calls, papers)


def test_a_reader_that_is_taken_over_can_do_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = bench.drop(b"somebody's", "lomake.docx")
    bench.send("referral", {})
    inside.write_bytes(b"somebody's")
    assert bench.journal.keys_to_sign(NOON)
    var = bench.workspace.var
    secrets = [str(file) for file in (*var.rglob("*"), bench.workspace.root / "formgen.toml") if file.is_file()]
    assert {Path(file).parent.name for file in secrets} >= {"var", "keys", "originals"}
    before = tree(bench.root)
    monkeypatch.setenv("FORMGEN_SECRET", "x")
    wall.rest()
    monkeypatch.setattr(wall, "serve", taken_over)
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.socket(socket.AF_UNIX) as neighbour,
        tempfile.TemporaryDirectory() as elsewhere,
    ):
        neighbour.bind(f"\0formgen-{os.getpid()}")
        neighbour.listen()
        told = {
            "root": str(bench.root),
            "file": str(inside),
            "secrets": secrets,
            "daemon": os.getpid(),
            "port": listening.getsockname()[1],
            "abstract": f"\0formgen-{os.getpid()}",
            "elsewhere": elsewhere,
        }
        sheet = wall.read(ANY, {"told": told}, Intake())  # type: ignore[dict-item]
        assert list(Path(elsewhere).iterdir()) == []
        monkeypatch.undo()
        open_here = {
            name for name, attempt in attempts(told).items() if name.startswith("read /") and attempt() is not None
        }
    assert len(open_here) == len(secrets), "in front of the wall all of it can be read"
    expected = {"kill the daemon", "call a neighbour"} if cage.version() < 6 else set()
    assert {name: said for name, said in sheet.claims.items() if name != "tried"}.keys() <= expected, sheet.claims
    assert int(sheet.claims["tried"]) > len(secrets) + 20
    assert tree(bench.root) == before
    assert not Path("/evil").exists()


# --- programs that a reader starts -----------------------------------------------------------------

NOBODY = pwd.getpwnam("nobody").pw_uid


def running(mark: str) -> list[int]:
    """Return the processes that were started with a mark in their arguments."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in place.read_bytes():
                found.append(int(place.parent.name))
        except OSError:
            continue
    return found


def starts_another(calls: Connection, papers: Any) -> None:
    """Be a reader whose children's program never ends, and leaves one behind that nobody waits for."""

    def read(data: bytes, papers: Any) -> Sheet:
        mark = papers["mark"]
        subprocess.Popen(["/bin/sh", "-c", f"(sleep 600; : {mark}) & sleep 600; : {mark}"])
        if papers["answers"]:
            return Sheet({}, claims={"scratch": tempfile.gettempdir()})
        time.sleep(600)
        raise AssertionError("it is killed before")

    formats.read, formats.warm = read, lambda papers: None
    wall.serve(calls, papers)


def starts_another_and_hangs(calls: Connection, papers: Any) -> None:
    """Be such a reader that does not see either that time is up, as after a sleep of the machine."""
    wall.collected = lambda *_: time.sleep(600)
    starts_another(calls, papers)


def test_whatever_a_reader_has_started_ends_with_it_when_the_reader_is_late_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(wall, "serve", starts_another_and_hangs)
    monkeypatch.setattr(wall, "GRACE", 1.0)
    formats.identify(b"{\\rtf1}")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    mark = f"formgen-test-{os.getpid()}-late"
    with pytest.raises(CutOff) as refused:
        wall.read(b"{\\rtf1}", {"mark": mark, "answers": False}, Intake(wall_seconds=1.0))
    assert refused.value.code == "timeout"
    assert (running(mark), list(tmp_path.glob("formgen-*"))) == ([], [])


@pytest.mark.parametrize("answers", [True, False], ids=["with an answer", "when time is up"])
def test_whatever_a_reader_has_started_ends_with_it(monkeypatch: pytest.MonkeyPatch, answers: bool) -> None:
    monkeypatch.setattr(wall, "serve", starts_another)
    mark = f"formgen-test-{os.getpid()}-{answers}"
    told: Any = {"mark": mark, "answers": answers}
    if answers:
        scratch = wall.read(b"{\\rtf1}", told, Intake()).claims["scratch"]
        assert scratch != tempfile.gettempdir()
        assert not Path(scratch).exists()
    else:
        with pytest.raises(CutOff) as refused:
            wall.read(b"{\\rtf1}", told, Intake(wall_seconds=0.5))
        assert refused.value.code == "timeout"
    patience = time.monotonic() + 10
    while running(mark) and time.monotonic() < patience:
        time.sleep(0.01)
    assert running(mark) == []


SHELL = """
from formgen import cage
from formgen.formats import office
import subprocess, sys
cage.confine(4_000_000_000, 20, sys.argv[1], office.OPENS)
print(subprocess.run(["/bin/sh", "-c", sys.argv[2]], capture_output=True, text=True).stdout, end="")
"""


def shell(command: str, scratch: Path) -> str:
    """Return what a program prints that a reader with a scratch folder runs."""
    done = subprocess.run(
        [sys.executable, "-c", SHELL, str(scratch), command], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_program_of_a_reader_writes_to_the_scratch_folder_alone(bench: Bench, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    secret = bench.workspace.var / "formgen.db"
    places = [scratch, tmp_path, bench.workspace.inbox, Path(tempfile.gettempdir()), Path.home(), Path("/usr")]
    tries = "".join(f"(echo x > '{place}/evil') 2>/dev/null && echo '{place}';" for place in places)
    assert shell(tries, scratch).splitlines() == [str(scratch)]
    assert shell(f"cat '{secret}' || ls '{bench.root}' || cat /etc/passwd", scratch) == ""
    assert shell("head -c 300000000 /dev/zero > big; true", scratch) == ""
    assert shell(f"cd '{scratch}'; head -c 300000000 /usr/bin/* > big; wc -c < big", scratch).strip() == str(
        cage.FILE_BYTES
    )


def test_a_program_of_a_reader_calls_nobody(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        call = f"(: > /dev/tcp/127.0.0.1/{listening.getsockname()[1]}) && echo called"
        assert shell(f"bash -c '{call}'", tmp_path) == ""
        assert subprocess.run(["bash", "-c", call], capture_output=True, check=True).stdout == b"called\n"


MANY = f"""
import os
from formgen.cage import confine
if os.getuid() == 0:
    os.setgroups([])
    os.setresgid({NOBODY}, {NOBODY}, {NOBODY})
    os.setresuid({NOBODY}, {NOBODY}, {NOBODY})
confine(1_000_000_000, 5)
started = 0
try:
    for _ in range(50):
        if os.fork() == 0:
            os._exit(0)
        started += 1
except BlockingIOError:
    pass
print(started)
"""


def test_a_reader_starts_no_other_process_where_it_is_not_root() -> None:
    done = subprocess.run([sys.executable, "-c", MANY], capture_output=True, text=True, check=False)
    assert done.stdout == "0\n", done.stderr


# --- what it says ----------------------------------------------------------------------------------


def says(calls: Connection, papers: Any) -> None:
    """Be a reader whose children say what the file holds, as it is."""
    wall.said = lambda data, _: data[9:]
    wall.serve(calls, papers)


def says_and_stays(calls: Connection, papers: Any) -> None:
    """Be a reader whose children say half of something, and keep the line open."""

    def stays(data: bytes, _: Any) -> bytes:
        for line in range(3, 256):
            with suppress(OSError):
                os.write(line, data[9:])
        time.sleep(600)
        raise AssertionError("it is killed before")

    wall.said = stays
    wall.serve(calls, papers)


def says_too_much(calls: Connection, papers: Any) -> None:
    """Be a reader whose children never stop."""
    wall.ANSWER_BYTES = 1_000_000
    wall.said = lambda data, _: data[9:] * 2_000_000
    wall.serve(calls, papers)


@pytest.mark.parametrize(
    ("reader", "body", "code"),
    [(says_and_stays, b'{"sheet"', "timeout"), (says_too_much, b"{", "unsafe"), (says, b"", "unsafe")],
    ids=["half an answer", "an answer without end", "nothing"],
)
def test_a_child_that_says_nothing_sensible_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, reader: Any, body: bytes, code: str
) -> None:
    monkeypatch.setattr(wall, "serve", reader)
    with pytest.raises(CutOff) as refused:
        wall.read(b"%PDF-1.7\n" + body, {}, Intake(wall_seconds=1.0 if code == "timeout" else 60.0))
    assert refused.value.code == code


@pytest.mark.parametrize(
    "body", [b"not json", b"[]", b"7", b'{"sheet": 7}', b'{"sheet": {"answers": []}}', b'{"code": 1}']
)
def test_an_answer_of_another_shape_is_none(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    monkeypatch.setattr(wall, "serve", says)
    with pytest.raises(Unreadable) as refused:
        wall.read(b"%PDF-1.7\n" + body, {}, Intake())
    assert refused.value.code == "unsafe"

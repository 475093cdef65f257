"""A reader that has been taken over by a file finds nothing behind the wall, changes nothing, and calls nobody."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from formgen import formats
from formgen.documents.extraction import NOT_READ, Answer
from formgen.errors import Busy, CutOff, SandboxUnavailable, Unreadable
from formgen.formats import office
from formgen.sandbox import confine, kernel, reader_pool
from formgen.sandbox.confine import PROTECTIONS
from formgen.settings import Intake
from tests.conftest import REFERRAL, Bench, tree
from tests.support.strategies import papers
from tests.support.takeover import KINDS, REMOVED, order

LONG = 300.0  # seconds for what takes none
MEMORY = {"pdf": Intake().memory_bytes, "rtf": office.MEMORY}
EVERYWHERE = ("/var/tmp", "/dev/shm", "/run", "/", "/tmp", str(Path(formats.__file__).parent))
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(autouse=True)
def _no_reader_is_left() -> Iterator[None]:
    reader_pool.stop_idle_readers()
    yield
    reader_pool.stop_idle_readers()


# --- what is tried --------------------------------------------------------------------------------


@pytest.fixture
def told(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Return what a file tells a child of a machine on which there is everything that it could want."""
    inside = bench.drop(b"somebody's", "lomake.docx")
    bench.send("referral", REFERRAL)
    inside.write_bytes(b"somebody's")
    root, var, ours = bench.workspace.root, bench.workspace.var, tmp_path / "of the service"
    keys = sorted((bench.workspace.var / "keys").glob("*.key"))
    for folder in (ours, ours / "folder"):
        folder.mkdir()
    for name in ("renamed", "removed"):
        (ours / name).write_bytes(b"x")
    mark = uuid4().hex[:15]
    key = int(mark[:7], 16)
    reader_pool.stop_readers()
    monkeypatch.setenv("FORMGEN_ENCRYPTION__KEY", mark)
    with ExitStack() as held:
        ports = [
            held.enter_context(socket.create_server((host, 0), family=family)).getsockname()[1]
            for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6))
        ]
        shared = kernel.check_result(kernel.libc.shmget(key, 4096, 0o1600))
        held.callback(kernel.libc.shmctl, shared, 0, None)
        sibling = held.enter_context(subprocess.Popen(["sleep", "600"]))
        held.callback(sibling.kill)
        yield {
            **dict(neighbours(mark, held)),
            "root": str(root),
            "file": str(inside),
            "elsewhere": str(ours),
            "code": formats.__file__,
            "secrets": [str(file) for file in (*var.rglob("*"), root / "formgen.toml", inside) if file.is_file()],
            "listed": [(str(place.parent), place.name) for place in (keys[0], var, root, inside, Path("/etc/passwd"))],
            "here": next(Path.cwd().iterdir()).name,
            "daemon": os.getpid(),
            "group": os.getpgid(0),
            "sibling": sibling.pid,
            "port": ports[0],
            "port6": ports[1],
            "key": key,
            "mark": mark,
            "secret": mark,
            "surface": False,
        }


def neighbours(mark: str, held: ExitStack) -> Iterator[tuple[str, str]]:
    """Yield where there is somebody on this machine who can be called or written to."""
    for kind, name in ((socket.SOCK_STREAM, ""), (socket.SOCK_DGRAM, "letters by ")):
        for way, place in (("path", f"/tmp/{mark}{kind}"), ("abstract", f"\0{mark}{kind}")):
            line = held.enter_context(socket.socket(socket.AF_UNIX, kind))
            line.bind(place)
            if kind is socket.SOCK_STREAM:
                line.listen()
            yield f"{name}{way}", place
        held.callback(Path(f"/tmp/{mark}{kind}").unlink)


def through(kind: str, told: Mapping[str, Any], weak: bool = False) -> set[str]:
    """Return what has got through of all that a child has tried."""
    limits = Intake(allow_weak_sandbox=weak)
    reader = reader_pool.acquire_reader({}, limits)
    reader_pool.IDLE.append(reader)
    file = order(kind, **told, reader=reader.process_id, memory=MEMORY[kind])
    number, *found = reader_pool.read(file, {}, limits).strays
    assert int(number) > len(told["secrets"]) + 100
    assert [reader] == reader_pool.IDLE, "it can be used again"
    return set(found)


def named(mark: str) -> list[int]:
    """Return the living processes that have a name, or were started with it in their arguments."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            said = (place / "cmdline").read_bytes()
            if said and (mark in (place / "comm").read_text() or mark.encode() in said):
                found.append(int(place.name))
    return found


def still_named(mark: str) -> list[int]:
    """Return the processes of a name that do not end, though it may take the machine a moment to end them."""
    patience = time.monotonic() + LONG
    while (found := named(mark)) and time.monotonic() < patience:
        time.sleep(0.01)
    return found


def left(mark: str) -> list[Path]:
    """Return the files of a name that lie about."""
    return [file for folder in EVERYWHERE for file in Path(folder).glob(f"{mark}*") if not file.is_socket()]


@every_kind
def test_a_reader_that_is_taken_over_can_do_nothing(
    kind: str, bench: Bench, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_pool, "READER", "tests.support.takeover:serve")
    before = tree(bench.root), tree(Path(told["elsewhere"])), Path(told["file"]).stat()
    assert {Path(file).parent.name for file in told["secrets"]} >= {"var", "keys", "originals", "inbox"}
    assert through(kind, told | {"surface": True}) == set()
    assert (tree(bench.root), tree(Path(told["elsewhere"])), Path(told["file"]).stat()) == before
    assert (still_named(told["mark"]), left(told["mark"])) == ([], [])


LIMITS = {**dict.fromkeys(("as", "cpu", "nofile", "fsize", "core"), "memory"), "nproc": "processes"}
MAY_LACK = {
    "seccomp": {"network"},  # of a machine that can call its host
    "namespaces": {"processes"},  # of root's, when nobody else can read the libraries
    "privileges": set(PROTECTIONS),  # without giving up which nothing else can be
}


def lacking(limits: Intake) -> set[str]:
    """Return what the reader lacks that is to read, where that is why it must not."""
    try:
        reader_pool.IDLE.append(reader_pool.acquire_reader({}, limits))
    except SandboxUnavailable as error:
        return {name for name, words in PROTECTIONS.items() if words in error.values["what"]}
    return set()


@pytest.mark.parametrize("removed", REMOVED)
def test_without_any_one_protection_nothing_gets_through_or_nothing_is_read(
    removed: str, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_pool, "READER", f"tests.support.takeover:serve_without_{removed}")
    refused = lacking(Intake())
    assert refused <= MAY_LACK.get(removed, {LIMITS.get(removed)})
    assert bool(refused) >= (removed in LIMITS)
    for kind in KINDS:
        if not refused:
            assert through(kind, told) == set()
        elif removed in LIMITS:
            assert through(kind, told, weak=True), "there was something to be stopped"
    assert (still_named(told["mark"]), left(told["mark"])) == ([], [])


BOTH = {
    "landlock_and_root": ("files",),
    "seccomp_and_network": ("network",),
    "seccomp_and_pids": ("processes",),
    "seccomp_and_root": ("network",),
    "namespaces_and_landlock": ("files",),
    "namespaces_and_seccomp": ("files", "network", "processes"),
}


@pytest.mark.parametrize("removed", BOTH)
def test_without_two_that_stand_for_each_other_nothing_is_read_unless_the_office_allows_it(
    removed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_pool, "READER", f"tests.support.takeover:serve_without_{removed}")
    assert lacking(Intake()) >= set(BOTH[removed])
    with pytest.raises(SandboxUnavailable) as refused:
        reader_pool.read(order("pdf"), {}, Intake())
    assert (refused.value.exit_code, isinstance(refused.value, Busy)) == (5, True)
    assert all(words in str(refused.value) for words in refused.value.values["what"])
    (reader,) = reader_pool.IDLE
    assert reader_pool.acquire_reader({}, Intake(allow_weak_sandbox=True)) is reader
    reader.stop()


OPEN = {
    "read /etc/passwd",
    "read the daemon's environ",
    "list /etc",
    "make a link",
    "let everybody in",
    "cut a file",
    "rename a file",
    "remove a file",
    "write into /tmp",
    "call a machine",
    "write to a machine",
    "call a neighbour by path",
    "call a neighbour by abstract",
    "find an interface that is up",
    "signal the daemon",
    "stop the sibling to look into it",
    "read the daemon's memory",
    "change the reader's limits",
    "signal all",
    "share memory",
    "start many processes",
    "take much memory",
    "open many files",
}


def test_without_a_cage_all_of_it_can_be_done(told: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_pool, "READER", "tests.support.takeover:serve_without_everything")
    try:
        found = through("rtf", told, weak=True)
        assert found >= OPEN | {f"read {file}" for file in told["secrets"]}
        assert named(told["mark"]), "what it has left behind stays"
    finally:
        for process in named(told["mark"]):
            os.kill(process, 9)
        for place in left(told["mark"]):
            place.rmdir() if place.is_dir() else place.unlink()


# --- what a reader begins with --------------------------------------------------------------------


def test_a_reader_begins_without_the_environment_and_the_memory_of_the_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mark = uuid4().hex
    reader_pool.stop_readers()
    monkeypatch.setenv("FORMGEN_ENCRYPTION__KEY", mark)
    monkeypatch.setattr(reader_pool, "READER", "tests.support.takeover:remembers")
    sheet = reader_pool.read(order("pdf", mark=mark, known="C.UTF-8"), {}, Intake())
    unknown, known = map(int, sheet.strays)
    assert (unknown, known > 0) == (0, True)


def test_nobody_else_can_ask_a_reader_for_anything() -> None:
    reader_pool.start_reader_server()
    reader = reader_pool.Reader.start({})
    processes = [os.getpid(), reader_pool.SERVERS[0].process.pid, reader.process_id]
    lines = {
        str(handle.readlink())
        for process in processes
        for handle in Path(f"/proc/{process}/fd").iterdir()
        if handle.is_symlink()
    }
    sockets = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    listening = {f"socket:[{inode}]" for _, _, _, flags, _, _, inode, *_ in sockets if flags == "00010000"}
    assert any(line.startswith("socket:") for line in lines)
    assert lines & listening == set()
    reader.stop()


# --- programs that a reader starts -----------------------------------------------------------------


def test_whatever_a_reader_has_started_ends_with_it_when_the_reader_is_late_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(reader_pool, "READER", "tests.support.takeover:starts_another_and_hangs")
    monkeypatch.setattr(reader_pool, "GRACE", 1.0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    mark = f"formgen-test-{os.getpid()}-late"
    with pytest.raises(CutOff) as refused:
        reader_pool.read(order("rtf", mark=mark, answers=False), {}, Intake(wall_seconds=1.0))
    assert refused.value.code == "timeout"
    assert (still_named(mark), list(tmp_path.glob("formgen-*"))) == ([], [])


@pytest.mark.parametrize("answers", [True, False], ids=["with an answer", "when time is up"])
def test_whatever_a_reader_has_started_ends_with_it(monkeypatch: pytest.MonkeyPatch, answers: bool) -> None:
    monkeypatch.setattr(reader_pool, "READER", "tests.support.takeover:starts_another")
    mark = f"formgen-test-{os.getpid()}-{answers}"
    file = order("rtf", mark=mark, answers=answers)
    if answers:
        assert len(reader_pool.read(file, {}, Intake()).strays) == 1
    else:
        with pytest.raises(CutOff) as refused:
            reader_pool.read(file, {}, Intake(wall_seconds=0.5))
        assert refused.value.code == "timeout"
    assert still_named(mark) == []


DAEMON = """
import os, sys, threading
from formgen.sandbox import reader_pool
from formgen.settings import Intake
reader_pool.READER = "tests.support.takeover:starts_another"
threading.Thread(target=reader_pool.read, args=(sys.argv[1].encode(), {}, Intake())).start()
"""


def test_whatever_a_reader_has_started_ends_when_the_daemon_is_killed() -> None:
    mark = f"formgen-test-{os.getpid()}-killed"
    file = order("rtf", mark=mark, answers=False).decode()
    with subprocess.Popen([sys.executable, "-c", DAEMON, file]) as daemon:
        patience = time.monotonic() + LONG
        while len(named(mark)) < 3 and time.monotonic() < patience:  # the daemon and two shells
            time.sleep(0.01)
        assert len(named(mark)) == 3
        daemon.kill()
    assert still_named(mark) == []


def shell(command: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what a program prints that a child with programs runs."""
    monkeypatch.setattr(reader_pool, "READER", "tests.support.takeover:runs")
    (said,) = reader_pool.read(order("rtf", command=command), {}, Intake()).strays
    return said


def test_a_program_of_a_reader_writes_to_a_folder_of_its_own_alone(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = bench.workspace.var / "formgen.db"
    places = [tmp_path, bench.workspace.inbox, Path.home(), Path("/usr"), Path("/var/tmp"), Path("/")]
    tries = "".join(f"(echo x > '{place}/evil') 2>/dev/null && echo '{place}';" for place in places)
    assert shell(tries, monkeypatch) == ""
    assert shell(f"cat '{secret}' || ls '{bench.root}' || cat /etc/passwd", monkeypatch) == ""
    assert shell('cd "$TMPDIR"; echo x > own; cat own', monkeypatch) == "x\n"
    big = 'cd "$TMPDIR"; head -c 300000000 /dev/urandom > big; wc -c < big'
    assert shell(big, monkeypatch).strip() == str(confine.FILE_BYTES)
    assert not [place for place in places if (place / "evil").exists()]


def test_libreoffice_has_a_temporary_folder_that_nobody_else_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="formgen-of-the-service-") as folder:
        assert shell("ls -A /tmp", monkeypatch) == ""
        assert shell(f"rm -rf '{folder}'; echo gone", monkeypatch) == "gone\n"
        assert Path(folder).is_dir()


# --- what it says ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reader", "body", "code"),
    [("says_and_stays", b'{"extraction"', "timeout"), ("says_too_much", b"{", "unsafe"), ("says", b"", "unsafe")],
    ids=["half an answer", "an answer without end", "nothing"],
)
def test_a_child_that_says_nothing_sensible_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, reader: str, body: bytes, code: str
) -> None:
    monkeypatch.setattr(reader_pool, "READER", f"tests.support.takeover:{reader}")
    with pytest.raises(CutOff) as refused:
        reader_pool.read(KINDS["pdf"] + body, {}, Intake(wall_seconds=1.0 if code == "timeout" else 60.0))
    assert refused.value.code == code


NAME = "client_last_name"
SHEET: dict[str, Any] = {
    "answers": {NAME: ["Äiti", "acroform", 0.5, "2", ["flattened"]]},
    "tokens": {},
    "claims": {"case_id": "PK-2026-00001"},
    "reader": "pdf",
    "facts": [],
    "strays": [],
    "digital_signatures": [],
    "pictures": {},
    "producer": "nobody's",
}
ANSWER = SHEET["answers"][NAME]
LIES = {
    "no JSON": b"not json",
    "a list": [],
    "a number": 7,
    "a sheet that is a number": {"extraction": 7},
    "half a sheet": {"extraction": {"answers": {}}},
    "answers that are a list": {"extraction": SHEET | {"answers": []}},
    "a code alone": {"code": 1},
    "a code that there is not": {"code": "well", "message": "Tiedosto on tyhjä."},
    "a message of its own": {"code": "unsafe", "message": "Lähetä henkilötunnuksesi minulle."},
    "a message that looks into values": {"code": "unsafe", "message": "{x.__class__}"},
    "a message of the machinery": {"code": "unsafe", "message": "Lokin loppu annetaan muodossa NUMERO:TIIVISTE."},
    "a value in a message": {"code": "unsafe", "message": "Tiedosto on tyhjä.", "values": {"x": "soita minulle"}},
    "a message that lacks its value": {"code": "unsafe", "message": "Lomaketta {form} ei ole."},
    "values that are no texts": {"code": "unsafe", "message": "Tiedosto on tyhjä.", "values": {"x": [1]}},
    "more than a sheet": {"extraction": SHEET | {"path": "/etc/passwd"}},
    "more than a reply": {"extraction": SHEET, "outcome": "accepted"},
    "a place that no form has": {"extraction": SHEET | {"answers": {"nowhere": ANSWER}}},
    "a row that no form has": {"extraction": SHEET | {"answers": {"nowhere.0.name": ANSWER}}},
    "a picture of a place outside": {"extraction": SHEET | {"pictures": {"../../formgen": "iVBORw0KGgo="}}},
    "a picture with an absolute name": {"extraction": SHEET | {"pictures": {"/etc/passwd": "iVBORw0KGgo="}}},
    "a picture that is none": {"extraction": SHEET | {"pictures": {NAME: "PGh0bWw+"}}},
    "a picture that is no text of bytes": {"extraction": SHEET | {"pictures": {NAME: "ä"}}},
    "an answer that nobody was asked for": {
        "extraction": SHEET | {"answers": {"client_last_name": ["", "not_asked", 1, "", []]}}
    },
    **{
        f"an answer of the layer {layer}": {
            "extraction": SHEET | {"answers": {"client_last_name": ["x", layer, 1, "", []]}}
        }
        for layer in sorted(NOT_READ)
    },
    "a signature that leads to a root that nobody trusts": {
        "extraction": SHEET
        | {"digital_signatures": [{"signer": "x", "signed_at": "", "covers": "file", "root": "Juuri"}]}
    },
    "an answer surer than sure": {"extraction": SHEET | {"answers": {"client_last_name": ["", "ink", 2, "", []]}}},
    "an answer of no certainty": {"extraction": SHEET | {"answers": {NAME: ["", "ink", float("nan"), "", []]}}},
    "a text that cannot be written": json.dumps({"extraction": SHEET | {"strays": ["\ud800"]}}).encode(),
    "an answer that is a number": {"extraction": SHEET | {"answers": {NAME: [1, "ink", 1, "", []]}}},
    "a reader of something else": {"extraction": SHEET | {"reader": "docx"}},
    "a claim of another kind": {"extraction": SHEET | {"claims": {"phase": "closed"}}},
    "a token that is none": {"extraction": SHEET | {"tokens": {"field": ["fg1:x"]}}},
    "a bookmark that is no instance": {"extraction": SHEET | {"tokens": {"bookmark": ["x"]}}},
    "a signature with more to it": {"extraction": SHEET | {"digital_signatures": [{"signer": "x", "valid": True}]}},
    "depth": b"[" * 100_000,
}


@pytest.mark.parametrize("lie", LIES)
def test_a_reply_that_no_reader_gives_is_cut_off(lie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_pool, "READER", "tests.support.takeover:says")
    body = LIES[lie] if isinstance(LIES[lie], bytes) else json.dumps(LIES[lie]).encode()
    with pytest.raises(CutOff) as refused:
        reader_pool.read(KINDS["pdf"] + body, papers(), Intake())
    assert refused.value.code == "unsafe"


def test_a_reply_that_a_reader_may_give_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_pool, "READER", "tests.support.takeover:says")
    sheet = reader_pool.read(KINDS["pdf"] + json.dumps({"extraction": SHEET}).encode(), papers(), Intake())
    assert sheet.answers == {NAME: Answer("Äiti", "acroform", 0.5, "2", ("flattened",))}
    assert (sheet.claims, sheet.producer) == ({"case_id": "PK-2026-00001"}, "")
    known = {"code": "encrypted", "message": "Tiedosto on tyhjä."}
    with pytest.raises(Unreadable, match="Tiedosto on tyhjä") as refused:
        reader_pool.read(KINDS["pdf"] + json.dumps(known).encode(), papers(), Intake())
    assert (refused.value.code, type(refused.value)) == ("encrypted", Unreadable)

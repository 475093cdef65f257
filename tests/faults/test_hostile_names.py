"""Whatever a dropped thing is called or is, it has the outcome that the contract names, and nothing else is touched."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from formgen.intake.inbox import is_ignored, iter_candidate_files, iter_special_files
from tests.conftest import Bench, tree

pytestmark = pytest.mark.usefixtures("unwalled")
DATA = b"no form"
NAMES: dict[str, bytes] = {
    "255 bytes": b"a" * 250 + b".docx",
    "255 bytes of long letters": "ä".encode() * 125 + b".docx",
    "255 bytes without an ending": b"b" * 255,
    "an ending of 250 bytes": b"x." + b"e" * 250,
    "decomposed": unicodedata.normalize("NFD", "Äiti ja öljy.docx").encode(),
    "turned to the left": "lomake\u202excod.exe".encode(),
    "line ends": b"rivi\nvaihto\r.docx",
    "escape sequences": b"\x1b[2J\x1b]0;x\x07.docx",
    "a leading dash": b"--workspace=..docx",
    "no UTF-8": b"lomake-\xe4\xff.docx",
    "surrogates": b"\xed\xa0\x80.docx",
    "spaces alone": b"   ",
    "three dots": b"...",
    "dots and spaces": b". . .docx ",
    "a device of Windows": b"CON.docx",
    "another": b"nul",
    "signs of a shell": b"$(touch x);`id`|&'\".docx",
    "markup": b"[red]x[red] <b>{x}<b> %s {0}.docx",
    "a path of Windows": b"..\\..\\x.docx",
    "a stream of Windows": b"lomake.docx:evil",
    "emoji": "👩‍🦽📄.docx".encode(),
    "invisible letters": "\u200b\ufeff\u2066.docx".encode(),
    "as the reply to another": b"lomake.docx.palaute.docx",
    "as the reason of another": b"lomake.docx.reason.json",
    "ends nearly as a temporary file": b"lomake.tmp.docx",
    "begins nearly as a lock": b"~lomake.docx",
    "a lock without its end": b".~lock.lomake.docx",
    "a name like Thumbs.db": b"thumbs.db.docx",
    "hidden": b".docx",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_file_of_any_name_is_rejected_with_its_three_files(bench: Bench, name: bytes) -> None:
    inbox = os.fsencode(bench.workspace.inbox)
    assert not is_ignored(os.fsdecode(name))
    Path(os.fsdecode(inbox + b"/" + name)).write_bytes(DATA)
    outside = tree(bench.root.parent).keys()
    bench.watch()
    assert list(bench.workspace.inbox.iterdir()) == []
    (row,) = bench.journal.find_submissions()
    assert bench.reason(row)["code"] == "unsupported_type"
    written = sorted(tree(bench.workspace.outbox / "rejected"))
    assert len(written) == 3
    for place in written:
        assert place.count("/") == 1
        last = place.rpartition("/")[2]
        assert len(last.encode()) <= 255
        assert last.isprintable()
    assert bench.workspace.outbox.joinpath("rejected", row.rejected_as).read_bytes() == DATA
    new = tree(bench.root.parent).keys() - outside
    assert all("/outbox/" in f"/{place}" or "/var/" in f"/{place}" for place in new)


def test_all_the_names_at_once_are_kept_apart(bench: Bench) -> None:
    for number, name in enumerate(NAMES.values()):
        Path(os.fsdecode(os.fsencode(bench.workspace.inbox) + b"/" + name)).write_bytes(b"%d" % number)
    bench.watch()
    assert bench.journal.count_submissions() == {"rejected": len(NAMES)}
    assert len(tree(bench.workspace.outbox / "rejected")) == 3 * len(NAMES)
    assert len({row.rejected_as for row in bench.journal.find_submissions()}) == len(NAMES)


def status(bench: Bench) -> str:
    """Return what ``formgen status`` prints of a workspace with something odd in it."""
    done = subprocess.run(
        [sys.executable, "-m", "formgen", "--workspace", str(bench.root), "status"], capture_output=True, check=False
    )
    assert done.returncode == 1, done.stderr
    return done.stdout.decode()


# --- things that are no files ----------------------------------------------------------------------


def plug(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(place.parent)
        try:
            made.bind(place.name)
        finally:
            os.chdir(here)


def device(place: Path) -> None:
    if os.geteuid():
        os.mkfifo(place)  # only root makes devices
    else:
        os.mknod(place, stat.S_IFCHR | 0o666, os.makedev(1, 5))


THINGS: dict[str, Callable[[Path], object]] = {
    "a link to a file outside": lambda place: place.symlink_to(place.parents[2] / "outside" / "x.docx"),
    "a link to a folder outside": lambda place: place.symlink_to(place.parents[2] / "outside"),
    "a link to the passwords": lambda place: place.symlink_to("/etc/passwd"),
    "a link to itself": lambda place: place.symlink_to(place),
    "a link to the folder above": lambda place: place.symlink_to(".."),
    "a link to nothing": lambda place: place.symlink_to("nowhere"),
    "a link to the database": lambda place: place.symlink_to("../var/formgen.db"),
    "a link to endless noise": lambda place: place.symlink_to("/dev/zero"),
    "a pipe": os.mkfifo,
    "a socket": plug,
    "a device": device,
}


@pytest.mark.parametrize("make", THINGS.values(), ids=THINGS)
def test_what_is_no_file_is_named_in_the_status_and_never_opened(bench: Bench, make: Callable[[Path], object]) -> None:
    outside = bench.root.parent / "outside"
    outside.mkdir()
    (outside / "x.docx").write_bytes(b"not in the inbox")
    place = bench.workspace.inbox / "x.docx"
    make(place)
    assert list(iter_candidate_files(bench.workspace.inbox)) == []
    assert list(iter_special_files(bench.workspace.inbox)) == [place]
    bench.watch()
    assert os.path.lexists(place)
    assert bench.journal.find_submissions() == []
    assert tree(outside) == {"x.docx": b"not in the inbox"}
    assert "x.docx" in status(bench)


def test_what_is_no_file_is_named_on_one_line_whatever_it_is_called(bench: Bench) -> None:
    for name in NAMES.values():
        os.symlink(b"/etc/passwd", os.fsencode(bench.workspace.inbox) + b"/" + name)  # noqa: PTH211 - bytes
    lines = [line for line in status(bench).splitlines() if line.startswith("! ")]
    assert len(lines) == len(NAMES)
    assert all(line.isprintable() for line in lines)


def test_a_second_name_of_a_file_outside_is_a_return_and_the_file_outside_stays(bench: Bench) -> None:
    outside = bench.root.parent / "outside.docx"
    outside.write_bytes(DATA)
    (bench.workspace.inbox / "x.docx").hardlink_to(outside)
    bench.watch()
    assert bench.journal.count_submissions() == {"rejected": 1}
    assert outside.read_bytes() == DATA


def test_a_folder_with_the_name_of_a_form_is_a_folder(bench: Bench) -> None:
    file = bench.drop(DATA, "lomake.pdf/lomake.docx")
    bench.watch()
    assert file.parent.is_dir()
    assert [row.file_name for row in bench.journal.find_submissions()] == ["lomake.docx"]


def test_a_file_very_deep_in_folders_is_taken(bench: Bench) -> None:
    here = Path.cwd()
    os.chdir(bench.workspace.inbox)
    try:
        for _ in range(60):
            Path("k" * 30).mkdir()
            os.chdir("k" * 30)
        Path("lomake.docx").write_bytes(DATA)
    finally:
        os.chdir(here)
    bench.watch()
    assert bench.journal.count_submissions() == {"rejected": 1}

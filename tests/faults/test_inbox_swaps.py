"""Whoever may write to the inbox reads nothing by it and makes nothing, whatever they swap while the daemon looks."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from formgen import files
from formgen.intake import watcher
from formgen.intake.inbox import CANARY, is_being_written, open_regular_file
from formgen.intake.watcher import Watch
from formgen.publishing import outbox
from tests.conftest import NOON, REFERRAL, Bench, thing, tree

SWAPS = 1000
pytestmark = pytest.mark.usefixtures("unwalled")


def test_a_thousand_swaps_under_load_let_nothing_out_and_make_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = "max_bytes = 100_000\nquiet = 0.0\nincomplete = 0.0\nstatus_file = true\n"
    (bench.root / "formgen.toml").write_text(f"[intake]\n{limits}")
    monkeypatch.setattr(watcher, "SIGNED_EVERY", 0.0)
    monkeypatch.setattr(watcher, "CANARY_EVERY", 0.0)
    bench = bench.restarted()
    bench.journal.ensure_signing_keys(NOON)
    (key,) = (bench.workspace.var / "keys").glob("*.key")
    secret, mode, daemon = key.read_bytes(), key.stat().st_mode, Watch(bench.intake)
    command = [sys.executable, "-m", "tests.support.swapper", str(bench.root), str(SWAPS)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2]) as other:
        number = 0
        while other.poll() is None:
            number += 1
            bench.drop(thing(str(number).encode()), f"kansio{number % 3}/{number}.docx")
            daemon.scan_inbox()
            daemon.write_status_file()
            bench.intake.retries.pauses.clear()
            with pytest.MonkeyPatch.context() as once:
                once.setattr(daemon, "scan_inbox", daemon.request_stop)
                daemon.stop.clear()
                daemon.watch_inbox()  # plants its canary
                daemon.stop.clear()
    assert other.returncode == 0
    assert number > 3
    assert [file.name for file in (bench.workspace.var / "keys").iterdir()] == [key.name]
    assert (key.read_bytes(), key.stat().st_mode) == (secret, mode)
    odd = [place for top in (bench.workspace.outbox, bench.workspace.originals) for place in top.rglob("*")]
    assert [place for place in odd if place.is_symlink() or not (place.is_dir() or place.is_file())] == []
    kept = {**tree(bench.workspace.outbox), **tree(bench.workspace.originals)}
    assert [name for name, data in kept.items() if secret in data] == []
    assert key.name not in {row.file_name for row in bench.journal.find_submissions() if row.size == len(secret)}


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "file", "nothing"])
def test_what_is_put_in_the_place_of_a_file_that_is_too_large_is_not_taken_for_it(
    bench: Bench, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bench.root / "formgen.toml").write_text("[intake]\nmax_bytes = 100_000\nquiet = 0.0\nincomplete = 0.0\n")
    bench = bench.restarted()
    bench.journal.ensure_signing_keys(NOON)
    (key,) = (bench.workspace.var / "keys").glob("*.key")
    file, rename = bench.drop(bytes(100_001), "suuri.docx"), os.rename

    def swap(source: Any, target: Any, **how: Any) -> None:
        if source == file.name:
            monkeypatch.undo()
            file.unlink()
            if kind == "link":
                file.symlink_to(key)
            elif kind == "pipe":
                os.mkfifo(file)
            elif kind == "folder":
                bench.drop(bench.filled(bench.issue("referral"), REFERRAL), f"{file.name}/lähete.docx")
            elif kind == "file":
                bench.drop(bench.filled(bench.issue("referral"), REFERRAL), file.name)
        rename(source, target, **how)

    monkeypatch.setattr(os, "rename", swap)
    mode = key.stat().st_mode
    bench.watch()
    if kind in ("file", "folder"):
        bench.watch()
        assert bench.journal.count_submissions() == {"rejected": 1, "accepted": 1}
    assert key.stat().st_mode == mode
    assert os.path.lexists(file) == (kind in ("link", "pipe", "folder"))
    assert list(bench.workspace.originals.iterdir()) == [
        bench.workspace.originals / row.sha256 for row in bench.journal.find_submissions() if row.sha256
    ]
    assert not [place for place in bench.workspace.outbox.rglob("*") if place.is_symlink() or place.is_fifo()]


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_is_no_plain_file_is_neither_moved_nor_given_another_mode(bench: Bench, kind: str) -> None:
    place, target = bench.root / "lähde", bench.root / "kohde"
    beyond = bench.root / "muualla"
    beyond.write_bytes(b"")
    beyond.chmod(0o600)
    if kind == "link":
        place.symlink_to(beyond)
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place.mkdir()
    files.move_file(place, target, 0o644)
    assert (target.exists(), os.path.lexists(place), beyond.stat().st_mode & 0o777) == (False, True, 0o600)


def test_whoever_opens_a_file_while_it_is_looked_at_ends_nobody(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    file = bench.drop(b"x")
    sent: list[int] = []
    before = signal.signal(signal.SIGIO, lambda number, _: sent.append(number))
    plain = fcntl.fcntl

    def broken(stream: Any, act: int, what: int = 0) -> Any:
        done = plain(stream, act, what)
        if act == fcntl.F_SETLEASE and what == fcntl.F_RDLCK:
            with pytest.raises(BlockingIOError):
                os.open(file, os.O_WRONLY | os.O_NONBLOCK)
        return done

    monkeypatch.setattr(fcntl, "fcntl", broken)
    try:
        with file.open("rb") as stream:
            assert not is_being_written(stream)
    finally:
        signal.signal(signal.SIGIO, before)
    assert sent == []


def test_a_folder_that_has_become_a_link_leads_nowhere(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = bench.root / "muualla"
    outside.mkdir()
    (outside / "salaisuus.docx").write_bytes(b"secret")
    (bench.workspace.inbox / "kansio").symlink_to(outside)
    file = bench.workspace.inbox / "kansio" / "salaisuus.docx"
    for syscall in (files.OPENAT2, 1_000_000):  # one that no kernel has: step by step
        monkeypatch.setattr(files, "OPENAT2", syscall)
        with pytest.raises(FileNotFoundError), open_regular_file(file, bench.workspace.inbox):
            pass
        inside = bench.drop(b"sound", "a/b/c.docx")
        with open_regular_file(inside, bench.workspace.inbox) as (stream, _):
            assert stream.read() == b"sound"


@pytest.mark.parametrize("kind", ["link", "pipe", "socket"])
def test_what_is_no_plain_file_is_not_opened_and_hangs_nobody(bench: Bench, kind: str) -> None:
    place = bench.workspace.inbox / "x.docx"
    if kind == "link":
        place.symlink_to(bench.root / "formgen.toml")
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        here = Path.cwd()
        os.chdir(place.parent)
        with socket.socket(socket.AF_UNIX) as plug:
            plug.bind(place.name)
        os.chdir(here)
    with pytest.raises(FileNotFoundError), open_regular_file(place, bench.workspace.inbox):
        pass


def test_a_canary_is_planted_whatever_lies_in_its_place_and_through_no_link(bench: Bench) -> None:
    target = bench.workspace.var / "keys" / "ffffffff.key"
    canary = bench.workspace.inbox / CANARY
    canary.symlink_to(target)
    process = subprocess.Popen(
        [sys.executable, "-m", "formgen", "--workspace", str(bench.root), "watch"], stderr=subprocess.DEVNULL
    )
    try:
        while canary.is_symlink():
            assert process.poll() is None
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert not target.exists()


def test_the_feed_is_not_opened_through_a_link(bench: Bench) -> None:
    target = bench.root / "muualla.ndjson"
    (bench.workspace.outbox / "feed.ndjson").symlink_to(target)
    row = bench.send("referral", REFERRAL)
    assert row.outcome == "accepted"
    assert not target.exists()
    assert [problem.stage for problem in bench.journal.list_problems()] == ["publish"]
    (bench.workspace.outbox / "feed.ndjson").unlink()
    bench.intake.retries.pauses.clear()
    bench.watch()
    assert [line["record_id"] for line in bench.feed()] == [row.record_id]
    assert bench.journal.list_problems() == []


def test_a_link_in_the_place_of_a_record_is_replaced_and_not_followed(bench: Bench) -> None:
    row = bench.send("referral", REFERRAL)
    place = outbox.get_record_path(bench.workspace, row.case_id, row.record_id, row.form)
    elsewhere = bench.root / "muualla.json"
    elsewhere.write_text("{}", encoding="utf-8")
    place.unlink()
    place.symlink_to(elsewhere)
    bench.restarted().watch()
    assert not place.is_symlink()
    assert bench.record(row)["record_id"] == row.record_id
    assert elsewhere.read_text(encoding="utf-8") == "{}"

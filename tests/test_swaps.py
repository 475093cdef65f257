"""Whoever may write to the inbox reads nothing by it and makes nothing, whatever they swap while the daemon looks."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from formgen import files, outbox, watch
from formgen.inbox import CANARY, opened
from formgen.watch import Watch
from tests.conftest import NOON, REFERRAL, Bench, thing, tree

SWAPS = 1000
pytestmark = pytest.mark.usefixtures("unwalled")


def test_a_thousand_swaps_under_load_let_nothing_out_and_make_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bench.root / "formgen.toml").write_text("[intake]\nquiet = 0.0\nincomplete = 0.0\nstatus_file = true\n")
    monkeypatch.setattr(watch, "SIGNED_EVERY", 0.0)
    monkeypatch.setattr(watch, "CANARY_EVERY", 0.0)
    bench = bench.restarted()
    bench.journal.keys_to_sign(NOON)
    (key,) = (bench.workspace.var / "keys").glob("*.key")
    secret, daemon = key.read_bytes(), Watch(bench.intake)
    command = [sys.executable, "-m", "tests.swapper", str(bench.root), str(SWAPS)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[1]) as other:
        number = 0
        while other.poll() is None:
            number += 1
            bench.drop(thing(str(number).encode()), f"kansio{number % 3}/{number}.docx")
            daemon.scan()
            daemon.sign()
            bench.intake.retries.pauses.clear()
            with pytest.MonkeyPatch.context() as once:
                once.setattr(daemon, "scan", daemon.end)
                daemon.stop.clear()
                daemon.watch()  # plants its canary
                daemon.stop.clear()
    assert other.returncode == 0
    assert number > 3
    assert [file.name for file in (bench.workspace.var / "keys").iterdir()] == [key.name]
    assert key.read_bytes() == secret
    kept = {**tree(bench.workspace.outbox), **tree(bench.workspace.originals)}
    assert [name for name, data in kept.items() if secret in data] == []
    assert key.name not in {row["file_name"] for row in bench.journal.returned() if row["size"] == len(secret)}


def test_a_folder_that_has_become_a_link_leads_nowhere(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = bench.root / "muualla"
    outside.mkdir()
    (outside / "salaisuus.docx").write_bytes(b"secret")
    (bench.workspace.inbox / "kansio").symlink_to(outside)
    file = bench.workspace.inbox / "kansio" / "salaisuus.docx"
    for syscall in (files.OPENAT2, 1_000_000):  # one that no kernel has: step by step
        monkeypatch.setattr(files, "OPENAT2", syscall)
        with pytest.raises(FileNotFoundError), opened(file, bench.workspace.inbox):
            pass
        inside = bench.drop(b"sound", "a/b/c.docx")
        with opened(inside, bench.workspace.inbox) as (stream, _):
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
    with pytest.raises(FileNotFoundError), opened(place, bench.workspace.inbox):
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
    assert row["outcome"] == "accepted"
    assert not target.exists()
    assert [problem["stage"] for problem in bench.journal.problems()] == ["publish"]
    (bench.workspace.outbox / "feed.ndjson").unlink()
    bench.intake.retries.pauses.clear()
    bench.watch()
    assert [line["record_id"] for line in bench.feed()] == [row["record_id"]]
    assert bench.journal.problems() == []


def test_a_link_in_the_place_of_a_record_is_replaced_and_not_followed(bench: Bench) -> None:
    row = bench.send("referral", REFERRAL)
    place = outbox.record_path(bench.workspace, row["case_id"], row["record_id"], row["form"])
    elsewhere = bench.root / "muualla.json"
    elsewhere.write_text("{}", encoding="utf-8")
    place.unlink()
    place.symlink_to(elsewhere)
    bench.restarted().watch()
    assert not place.is_symlink()
    assert bench.record(row)["record_id"] == row["record_id"]
    assert elsewhere.read_text(encoding="utf-8") == "{}"

"""What others read is whole, the same to the byte whenever it is written, and names nobody."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from formgen import files
from formgen.publishing import outbox
from formgen.settings import WorkspaceFolder
from tests.conftest import JOB, REFERRAL, Bench, provenance_of, tree, umask
from tests.support import golden

At = Callable[[str], Bench]
pytestmark = pytest.mark.usefixtures("unwalled")


# --- whole or not at all ------------------------------------------------------------------------


@pytest.mark.parametrize("stop", ["fsync", "fchmod", "replace"])
@pytest.mark.parametrize("before", [None, b"what was there"])
def test_a_reader_never_sees_half_a_file(
    tmp_path: Path, stop: str, before: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "records" / "a.json"
    file.parent.mkdir()
    if before is not None:
        file.write_bytes(before)

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(Path if stop == "replace" else os, stop, fail)
        with pytest.raises(OSError, match="No space"):
            files.write_file(file, b"new")
    assert (file.read_bytes() if file.exists() else None) == before
    assert [item.name for item in file.parent.iterdir()] == ([] if before is None else ["a.json"])
    files.write_file(file, b"new")
    assert file.read_bytes() == b"new"


def test_a_file_has_its_bytes_and_its_mode_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    replace = Path.replace

    def look(source: Path, target: Path) -> Path:
        seen.append((source.parent, source.read_bytes(), stat.S_IMODE(source.stat().st_mode), target.exists()))
        assert source.name.startswith(".")
        assert source.name.endswith(".tmp")
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", look)
    files.write_file(tmp_path / "a.json", b"whole")
    assert seen == [(tmp_path, b"whole", 0o640, False)]


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_what_is_published_can_be_read_by_its_group_whatever_the_umask(bench: Bench, mask: int) -> None:
    with umask(mask):
        assert bench.send("referral", REFERRAL).outcome == "accepted"
        assert bench.returned(b"no form").outcome == "rejected"
        outbox.publish_schemas(bench.workspace.outbox / "schemas", bench.registry)
    modes = {
        file.relative_to(bench.workspace.outbox).as_posix(): stat.S_IMODE(file.stat().st_mode)
        for file in bench.workspace.outbox.rglob("*")
        if file.is_file()
    }
    assert set(modes.values()) == {0o640}, modes


# --- the record ---------------------------------------------------------------------------------


def test_a_record_has_the_keys_of_the_contract_in_their_order(at: At) -> None:
    bench = at("signed")
    record = bench.record(bench.send("job_start", JOB, bench.case().case_id))
    assert list(record) == [
        *("record_schema", "record_id", "form", "form_version", "instance_id", "submission_id", "case_id"),
        *("version_no", "supersedes", "language", "phase", "data", "signatures", "issues", "provenance"),
    ]
    assert list(record["phase"]) == ["before", "after", "transitions"]
    assert list(record["provenance"]) == [
        *("file_name", "sha256", "size", "media_type", "channel", "received_at", "processed_at", "software"),
        *("reader", "producer", "confirmed_by", "confirmed_at", "fields", "facts", "digital_signatures"),
    ]
    assert list(record["data"]) == [asked.name for asked in bench.registry.find_latest_version("job_start").fields]
    assert list(record["signatures"]) == ["client", "coach"]
    assert set(record["signatures"]["client"]) == {"name", "date", "place", "method"}
    assert [list(issue) for issue in record["issues"]] == [["code", "severity", "field", "message"]] * len(
        record["issues"]
    )
    told = ("path", "raw", "layer", "confidence", "change", "source", "decided", "read")
    assert {tuple(found) for found in record["provenance"]["fields"]} == {told}


def test_a_record_holds_values_as_the_contract_writes_them(at: At) -> None:
    bench = at("signed")
    record = bench.record(bench.send("job_start", JOB, bench.case().case_id))
    data = record["data"]
    assert (data["start_date"], data["weekly_hours"], data["wage_amount"]) == ("2026-06-06", "22.5", "12.60")
    assert (data["supervisor_phone"], data["retention_case"], data["end_date"]) == ("+358411234567", False, None)
    assert (data["checklist"], data["contract_type"]) == (JOB["checklist"].split(), "permanent")
    assert [row["weekday"] for row in data["weekly_schedule"]] == ["ma", "ti", "ke", "to", "pe"]
    provenance = record["provenance"]
    assert provenance_of(record)["start_date"] == {
        "path": "start_date",
        "raw": "6.6.2026",
        "layer": "content_control",
        "confidence": 1.0,
        "change": "new",
        "source": None,
        "decided": None,
        "read": None,
    }
    assert (provenance["received_at"], provenance["channel"], provenance["reader"]) == (
        "2026-06-01T09:00:00.000Z",
        "folder",
        "docx",
    )


def test_a_record_is_plain_utf8_with_one_line_end_and_reads_back_the_same(at: At) -> None:
    bench = at("referred")
    (file,) = (bench.workspace.outbox / "records").rglob("*.json")
    data = file.read_bytes()
    assert b"\\u" not in data
    assert "Metsälä".encode() in data
    assert (data.endswith(b"}\n"), b"\r" in data) == (True, False)
    assert outbox.format_json(json.loads(data)) == data


def test_a_record_is_written_once_and_never_again(at: At) -> None:
    bench = at("referred")
    (row,) = bench.journal.list_record_places()
    record = bench.journal.find_record(row.record_id)
    assert record
    ((file, data),) = bench.intake.publisher.prepare_record_files(record)
    first = file.stat()
    assert file.read_bytes() == data()
    outbox.publish_files([(file, data)])
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (first.st_ino, first.st_mtime_ns)


# --- the feed -----------------------------------------------------------------------------------


def lines(*numbers: int) -> list[tuple[int, str]]:
    """Return numbered lines of the feed."""
    return [(number, f'{{"seq":{number}}}') for number in numbers]


def numbers_in(workspace: WorkspaceFolder) -> list[int]:
    """Return the numbers of the events in the feed."""
    return [json.loads(line)["seq"] for line in (workspace.outbox / "feed.ndjson").read_text().splitlines()]


def test_the_feed_only_grows(workspace: WorkspaceFolder) -> None:
    outbox.publish_feed(workspace, lines(1, 2))
    before = (workspace.outbox / "feed.ndjson").read_bytes()
    outbox.publish_feed(workspace, lines(3))
    assert (workspace.outbox / "feed.ndjson").read_bytes().startswith(before)
    assert (numbers_in(workspace), outbox.read_last_seq(workspace)) == ([1, 2, 3], 3)


def test_what_another_process_has_published_meanwhile_is_not_published_again(workspace: WorkspaceFolder) -> None:
    outbox.publish_feed(workspace, lines(1, 2, 3))
    outbox.publish_feed(workspace, lines(2, 3, 4))
    assert numbers_in(workspace) == [1, 2, 3, 4]


def test_many_that_publish_at_once_write_every_line_once_and_in_order(workspace: WorkspaceFolder) -> None:
    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(lambda end: outbox.publish_feed(workspace, lines(*range(1, end))), [50] * 8))
    assert numbers_in(workspace) == list(range(1, 50))


def test_the_last_line_is_found_in_a_feed_of_any_length(workspace: WorkspaceFolder) -> None:
    assert outbox.read_last_seq(workspace) == 0
    outbox.publish_feed(workspace, lines(*range(1, 12_000)))
    assert (workspace.outbox / "feed.ndjson").stat().st_size > 2 * 65_536
    assert outbox.read_last_seq(workspace) == 11_999


# --- names --------------------------------------------------------------------------------------


def rejected_names(bench: Bench) -> list[str]:
    """Return the names of the rejected files, without what lies beside them."""
    return [row.rejected_as.partition("/")[2] for row in bench.journal.find_submissions(outcome="rejected")]


def test_a_name_that_is_taken_gets_a_number_before_its_ending(bench: Bench) -> None:
    for content in (b"one", b"two", b"three"):
        bench.returned(content, "lomake.docx")
    assert rejected_names(bench) == ["lomake.docx", "lomake (2).docx", "lomake (3).docx"]
    folder = outbox.get_rejected_path(bench.workspace, bench.journal.find_submissions()[-1].rejected_as).parent
    assert [(folder / name).read_bytes() for name in rejected_names(bench)] == [b"one", b"two", b"three"]
    assert len(list(folder.iterdir())) == 9


@pytest.mark.parametrize(
    ("name", "second"),
    [
        ("lomake", "lomake (2)"),
        (".docx", ".docx (2)"),
        ("a.b.docx", "a.b (2).docx"),
        ("ääkkönen.DOCX", "ääkkönen (2).DOCX"),
    ],
)
def test_a_number_goes_where_a_person_would_put_it(name: str, second: str) -> None:
    assert outbox.find_free_name("2026-06-01", name, {f"2026-06-01/{name}"}.intersection) == f"2026-06-01/{second}"


def test_a_reply_that_is_sent_back_does_not_take_the_place_of_the_reply(bench: Bench) -> None:
    first = bench.returned(b"no form", "lomake.docx")
    reply = outbox.get_rejected_path(bench.workspace, first.rejected_as + outbox.REPLIES["docx"])
    written = reply.read_bytes()
    for suffix in (outbox.REPLIES["docx"], outbox.REASON):
        row = bench.returned(f"sent back {suffix}".encode(), f"lomake.docx{suffix}")
        assert outbox.get_rejected_path(bench.workspace, row.rejected_as).read_bytes() == f"sent back {suffix}".encode()
    assert reply.read_bytes() == written
    assert len({path for path in tree(bench.workspace.outbox) if path.startswith("rejected/")}) == 9


@pytest.mark.parametrize("name", ["x" * 250 + ".docx", "ä" * 125 + ".docx", "a." + "b" * 253, "." + "c" * 254])
def test_the_longest_name_still_has_room_for_its_reason_and_reply(bench: Bench, name: str) -> None:
    assert len(name.encode()) == 255
    row = bench.returned(b"no form", name)
    file = outbox.get_rejected_path(bench.workspace, row.rejected_as)
    assert file.read_bytes() == b"no form"
    assert all(len(f"{file.name}{suffix}".encode()) <= 255 for suffix in outbox.REJECTION_ENDINGS)
    assert file.with_name(f"{file.name}{outbox.REASON}").exists()
    assert file.with_name(f"{file.name}{outbox.REPLIES['docx']}").exists()


def test_names_that_are_cut_alike_are_told_apart() -> None:
    taken: set[str] = set()
    for _ in range(20):
        taken.add(outbox.find_free_name("2026-06-01", "ä" * 125 + ".docx", taken.intersection))
    assert len(taken) == 20


def test_no_path_outside_var_names_a_person_except_as_the_sender_named_the_file(at: At) -> None:
    bench = at("employed")
    name = "Metsälä Onni 130485-901L.docx"
    bench.returned(b"no form", name)
    for path in sorted(bench.root.rglob("*")):
        place = path.relative_to(bench.root).as_posix()
        if place.startswith("var/") or (place.startswith("outbox/rejected/") and path.name.startswith(name)):
            continue
        assert not any(secret in place for secret in ("Metsälä", "Onni", "Mets", "130485", "901L")), place


# --- the schemas --------------------------------------------------------------------------------


def test_the_published_schemas_are_the_golden_ones() -> None:
    now, then = golden.published(), golden.stored()
    assert set(now) == set(then), "python -m tests.support.golden writes them anew"
    differing = [name for name in now if now[name] != then[name]]
    assert differing == [], "python -m tests.support.golden --force writes them anew"


def test_golden_files_are_overwritten_by_force_only(tmp_path: Path) -> None:
    assert golden.write({"schemas/a.json": b"1", "schemas/b.json": b"1"}, tmp_path) == []
    assert golden.write({"schemas/a.json": b"2", "schemas/c.json": b"2"}, tmp_path) == [
        "schemas/a.json",
        "schemas/b.json",
    ]
    assert golden.stored(tmp_path) == {"schemas/a.json": b"1", "schemas/b.json": b"1", "schemas/c.json": b"2"}
    assert golden.write({"schemas/a.json": b"2", "schemas/c.json": b"2"}, tmp_path, force=True) == []
    assert golden.stored(tmp_path) == {"schemas/a.json": b"2", "schemas/c.json": b"2"}


def test_schemas_are_written_where_they_are_new_and_left_where_they_are_not(bench: Bench) -> None:
    folder = bench.workspace.outbox / "schemas"
    places = outbox.publish_schemas(folder, bench.registry)
    assert {place.name for place in places} == {name.partition("/")[2] for name in golden.published()}
    times = {place: place.stat().st_mtime_ns for place in places}
    places[0].write_bytes(b"{}")
    outbox.publish_schemas(folder, bench.registry)
    assert places[0].read_bytes() != b"{}"
    assert all(place.stat().st_mtime_ns == times[place] for place in places[1:])


def test_record_ids_follow_the_order_of_acceptance(at: At) -> None:
    bench = at("employed")
    ids = [line["record_id"] for line in bench.feed()]
    assert all(first < second for first, second in pairwise(ids))

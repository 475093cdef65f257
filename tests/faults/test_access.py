"""Nobody else reads, writes or learns anything: modes, owners, keys, logs, and the log of who saw what."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import shlex
import signal
import stat
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from formgen import files
from formgen.cli.console import LogFormat
from formgen.cli.session import configure_logging
from formgen.documents.extraction import Control
from formgen.errors import OutOfReach
from formgen.fields import Text
from formgen.forms.declare import Field
from formgen.intake.decide import DecisionEngine
from formgen.reports import integrity
from formgen.settings import Files, WorkspaceFolder
from formgen.storage import ledger
from formgen.storage.access_log import Actor, Head, HeadFile
from formgen.storage.database import HEAD_FILE_NAME
from formgen.storage.journal import Journal
from formgen.storage.tables import allow_log_changes
from tests.conftest import JOB, NOON, REFERRAL, SETTINGS, Bench, secrets_in, tree, umask
from tests.journeys.test_cli import COMMANDS, Run, run
from tests.support.strategies import FORMS
from tests.timelines import normal

__all__ = ["run"]  # the fixture of the command line
At = Callable[[str], Bench]
pytestmark = pytest.mark.usefixtures("unwalled")


def modes(folder: Path) -> dict[str, int]:
    """Return the mode of a folder and of everything below it."""
    return {
        place.relative_to(folder.parent).as_posix(): stat.S_IMODE(place.stat().st_mode)
        for place in (folder, *folder.rglob("*"))
    }


# --- who may read -------------------------------------------------------------------------------


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize(("mode", "folder"), [("0640", 0o750), ("0600", 0o700), ("0644", 0o755), ("0660", 0o770)])
def test_modes_are_those_of_the_settings_whatever_the_umask(tmp_path: Path, mask: int, mode: str, folder: int) -> None:
    root = tmp_path / "työtila"
    root.mkdir()
    (root / "formgen.toml").write_text(f'{SETTINGS}\n[files]\nmode = "{mode}"\n', encoding="utf-8")
    with umask(mask):
        bench = Bench(root)
        row = bench.send("referral", REFERRAL)
        assert bench.returned(b"no form").outcome == "rejected"
        bench.issue("cooperation_agreement", row.case_id, format_name="pdf")
        outside = modes(bench.workspace.outbox)
        inside = modes(bench.workspace.var)
    bench.journal.engine.dispose()
    assert {found for place, found in outside.items() if (root / place).is_file()} == {int(mode, 8)}
    assert {found for place, found in outside.items() if (root / place).is_dir()} == {folder}
    assert {place: found for place, found in inside.items() if found not in (0o600, 0o700)} == {}
    assert any(place.startswith("var/layouts/") for place in inside)


@pytest.mark.parametrize("mode", ["0666", "0642", "0440", "640x", "1640", ""])
def test_a_mode_that_lets_others_write_is_no_setting(mode: str, workspace: WorkspaceFolder, run: Run) -> None:
    (workspace.root / "formgen.toml").write_text(f'[files]\nmode = "{mode}"\n', encoding="utf-8")
    said = run("status", at=workspace.root)
    assert (said.code, "files.mode" in said.err) == (2, True)


def test_a_folder_keeps_the_group_that_it_inherits(tmp_path: Path) -> None:
    tmp_path.chmod(0o2750)
    files.make_folder(tmp_path / "a" / "b", Files().bits)
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o2750


# --- who may write ------------------------------------------------------------------------------


def written(workspace: WorkspaceFolder, name: str) -> Path:
    """Return a place in a workspace that holds code or what is trusted."""
    place = workspace.root / name
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        source = Path(__file__).parents[2] / name
        place.write_bytes(source.read_bytes() if source.is_file() else b"")
    return place


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("formgen.toml", ("status",)),
        ("schemas/closing.py", ("forms", "list")),
        ("schemas/own/__pycache__/job_start.cpython-311.pyc", ("forms", "list")),
        ("schemas", ("watch", "--once")),
        ("templates/forms/referral.docx", ("generate", "referral")),
        ("templates/forms", ("generate", "referral")),
        (".", ("generate", "referral")),
    ],
)
def test_code_and_settings_that_others_can_write_are_refused_with_what_mends_it(
    name: str, words: tuple[str, ...], workspace: WorkspaceFolder, run: Run
) -> None:
    place = written(workspace, name)
    before = stat.S_IMODE(place.stat().st_mode)
    place.chmod(before | 0o002)
    said = run(*words, at=workspace.root)
    assert (said.code, said.out) == (5, "")
    assert str(place.resolve()) in said.err
    mended = re.search(r"chmod .*", said.err)
    assert mended
    subprocess.run(shlex.split(mended[0]), check=True)
    assert stat.S_IMODE(place.stat().st_mode) == before
    assert run(*words, at=workspace.root).code == 0


def test_a_root_of_trust_that_others_can_write_is_refused(workspace: WorkspaceFolder) -> None:
    (workspace.root / "formgen.toml").write_text('[signatures]\nroots = ["luotettu.pem"]\n', encoding="utf-8")
    root = workspace.root / "luotettu.pem"
    root.write_bytes(b"")
    root.chmod(0o666)
    with pytest.raises(OutOfReach, match=r"chmod go?-w|chmod o-w"):
        _ = WorkspaceFolder(workspace.root).roots


def status(mode: int, uid: int, gid: int) -> os.stat_result:
    """Return what the system would say of a place."""
    return os.stat_result((mode, 1, 1, 1, uid, gid, 0, 0, 0, 0))


FILE, FOLDER = stat.S_IFREG, stat.S_IFDIR


@pytest.mark.parametrize(
    ("what", "mended"),
    [
        (status(FILE | 0o644, 0, 0), ""),
        (status(FILE | 0o664, 0, 0), ""),
        (status(FILE | 0o644, os.geteuid(), 12345), ""),
        (status(FILE | 0o664, 0, 12345), "chmod g-w x"),
        (status(FILE | 0o666, 0, 0), "chmod o-w x"),
        (status(FILE | 0o666, 0, 12345), "chmod go-w x"),
        (status(FOLDER | 0o1777, 0, 0), ""),
        (status(FOLDER | 0o777, 0, 0), "chmod o-w x"),
        (status(FILE | 0o600, 54321, 54321), f"chown {files.get_user_name(os.geteuid())} x"),
        (status(FOLDER | 0o1777, 54321, 0), f"chown {files.get_user_name(os.geteuid())} x"),
    ],
)
def test_the_user_root_and_a_group_of_one_may_write_and_nobody_else(what: os.stat_result, mended: str) -> None:
    assert files.build_repair_command(Path("x"), what) == mended


def test_a_group_with_another_member_is_not_its_owners_own(monkeypatch: pytest.MonkeyPatch) -> None:
    group = type("Group", (), {"gr_gid": 0, "gr_name": files.get_user_name(0), "gr_mem": [files.get_user_name(0)]})
    monkeypatch.setattr(files.grp, "getgrgid", lambda _: group)
    assert files.build_repair_command(Path("x"), status(FILE | 0o664, 0, 0)) == ""
    group.gr_mem = [files.get_user_name(0), "somebody"]
    assert files.build_repair_command(Path("x"), status(FILE | 0o664, 0, 0)) == "chmod g-w x"


def test_who_can_change_the_program_needs_no_other_file_to_do_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Program(type(tmp_path)):  # type: ignore[misc]
        """A program that a group of developers has cloned."""

        def stat(self, **_: object) -> os.stat_result:
            return status(FILE | 0o664, 54321, 12345)

    monkeypatch.setattr(files, "PROGRAM", Program(tmp_path))
    assert files.build_repair_command(Path("x"), status(FILE | 0o664, 54321, 12345)) == ""
    assert files.build_repair_command(Path("x"), status(FILE | 0o664, 54321, 12346)) == "chmod g-w x"
    assert files.build_repair_command(Path("x"), status(FILE | 0o666, 54321, 12345)) == "chmod o-w x"


# --- who may write by an access control list -----------------------------------------------------

ANY = 0xFFFFFFFF
OWNER, USER, OWN, GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
SELF = os.geteuid()
SHOWN = status(FILE | 0o664, 0, 0)  # with a list, the bits of the group are its mask


def acl(*entries: tuple[int, int, int], own: int = 4, mask: int | None = 6, other: int = 4) -> bytes:
    """Return an access control list as the system packs it: tag, permissions, and the number of a user or group."""
    ends = [(OWNER, 6, ANY), (OWN, own, ANY), (OTHER, other, ANY), *([(MASK, mask, ANY)] if mask is not None else [])]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in sorted([*ends, *entries]))


LISTS = {
    "a user": (acl((USER, 6, 54321)), "setfacl -b x"),
    "a user who may only write": (acl((USER, 2, 54321)), "setfacl -b x"),
    "a group": (acl((GROUP, 6, 54321)), "setfacl -b x"),
    "a user among others": (acl((USER, 4, 54320), (USER, 6, 54321), (GROUP, 4, 54322)), "setfacl -b x"),
    "a user and all others": (acl((USER, 6, 54321), other=6), "setfacl -b x && chmod o-w x"),
    "all others": (acl((USER, 4, 54321), other=6), "chmod o-w x"),
    "all others whatever the mask": (acl((USER, 4, 54321), mask=4, other=6), "chmod o-w x"),
    "a user without a mask": (acl((USER, 6, 54321), mask=None), "setfacl -b x"),
    "a list of another kind": (struct.pack("<I", 3), "setfacl -b x"),
    "half a list": (acl((USER, 4, 54321))[:-1], "setfacl -b x"),
    "a user whom the mask bars": (acl((USER, 6, 54321), (GROUP, 6, 54321), mask=4), ""),
    "a user whom the mask bars wholly": (acl((USER, 7, 54321), mask=0), ""),
    "a user who may read": (acl((USER, 5, 54321), (GROUP, 5, 54321)), ""),
    "the user who runs this and root": (acl((USER, 6, SELF), (USER, 6, 0)), ""),
    "the group of root alone": (acl((GROUP, 6, 0), own=6), ""),
}


@pytest.mark.parametrize("which", LISTS)
def test_an_access_control_list_tells_who_may_write_and_the_mode_only_its_mask(which: str) -> None:
    packed, mended = LISTS[which]
    assert files.build_repair_command(Path("x"), SHOWN, packed) == mended
    assert files.build_repair_command(Path("x"), status(FOLDER | 0o755, 0, 0), b"", packed) == (
        "setfacl -k x" if mended else ""
    )


def test_a_group_that_may_write_by_the_list_and_is_not_the_owners_alone_is_a_stranger() -> None:
    shared = status(FILE | 0o664, 0, 12345)
    assert files.build_repair_command(Path("x"), shared, acl(own=6)) == "chmod g-w x"
    assert files.build_repair_command(Path("x"), shared, acl((USER, 6, 54321), own=6)) == "setfacl -b x && chmod g-w x"
    assert files.build_repair_command(Path("x"), shared, acl((USER, 6, 0), own=4)) == "", (
        "the mode shows the mask, not the group"
    )
    assert files.build_repair_command(Path("x"), shared, acl(own=6, mask=4)) == ""


def test_who_can_change_the_program_by_its_list_needs_no_other_file_to_do_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: Listed
) -> None:
    program = tmp_path / "files.py"
    program.write_bytes(b"")
    monkeypatch.setattr(files, "PROGRAM", program)
    assert files.build_repair_command(Path("x"), SHOWN, acl((USER, 6, 54321))) == "setfacl -b x"
    listed(program, acl((USER, 6, 54321), (GROUP, 6, 54322)))
    assert files.build_repair_command(Path("x"), SHOWN, acl((USER, 6, 54321), (GROUP, 6, 54322))) == ""
    assert files.build_repair_command(Path("x"), SHOWN, acl((USER, 6, 54322))) == "setfacl -b x"
    listed(program, acl((USER, 6, 54321), mask=4))
    assert files.build_repair_command(Path("x"), SHOWN, acl((USER, 6, 54321))) == "setfacl -b x"


Listed = Callable[..., None]


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Listed:
    """Return a function that gives a place an access control list, in its stead where the file system has none."""
    instead: dict[tuple[str, str], bytes] = {}
    read = os.getxattr

    def give(place: Path, packed: bytes, name: str = files.ACCESS) -> None:
        try:
            os.setxattr(place, name, packed)
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            instead[str(place.resolve()), name] = packed
            monkeypatch.setattr(os, "getxattr", lambda at, key: instead.get((str(at), key)) or read(at, key))

    return give


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("formgen.toml", ("status",)),
        ("schemas/closing.py", ("forms", "list")),
        ("schemas/own/__pycache__/job_start.cpython-311.pyc", ("forms", "list")),
        ("schemas", ("watch", "--once")),
        ("templates/forms/referral.docx", ("generate", "referral")),
        ("templates/forms", ("generate", "referral")),
        (".", ("generate", "referral")),
    ],
)
def test_code_and_settings_that_a_list_lets_others_write_are_refused_with_what_mends_it(
    name: str, words: tuple[str, ...], workspace: WorkspaceFolder, run: Run, listed: Listed
) -> None:
    place = written(workspace, name)
    listed(place, acl((USER, 7, 54321), own=5, mask=5, other=5))
    assert run(*words, at=workspace.root).code == 0
    listed(place, acl((USER, 7, 54321), own=5, mask=7, other=5))
    said = run(*words, at=workspace.root)
    assert (said.code, said.out) == (5, "")
    assert f"setfacl -b {shlex.quote(str(place.resolve()))}" in said.err


def test_a_folder_of_code_that_would_let_others_write_what_is_put_there_is_refused(
    workspace: WorkspaceFolder, run: Run, listed: Listed
) -> None:
    listed(workspace.root / "schemas", acl((USER, 7, 54321), own=5, mask=5, other=5), files.DEFAULT)
    assert run("forms", "list", at=workspace.root).code == 0
    listed(workspace.root / "schemas", acl((USER, 7, 54321), own=5, mask=7, other=5), files.DEFAULT)
    said = run("forms", "list", at=workspace.root)
    assert said.code == 5
    assert f"setfacl -k {shlex.quote(str((workspace.root / 'schemas').resolve()))}" in said.err


# --- what is never said -------------------------------------------------------------------------


def fields(form: Any) -> Iterator[tuple[str, Field]]:
    """Yield the path and field of every place for text, in tables of the first row."""
    drawn = {question.path: question for question in form.list_questions()}
    for field in form.fields:
        question = drawn.get(field.name)
        if question is None:
            continue
        columns = {column.path: column for column in question.columns}
        for path, asked, one in (
            [
                (f"{field.name}.0.{item.name}", columns[item.name], item)
                for item in field.columns
                if item.name in columns
            ]
            if columns
            else [(field.name, question, field)]
        ):
            if asked.control in (Control.LINE, Control.AREA, Control.DATE):
                yield path, one


def marked(form: Any) -> dict[str, str]:
    """Return a mark for every place of a form that is sensitive and takes text."""
    places = [path for path, field in fields(form) if field.sensitivity != "n"]
    return {path: f"Salainen{number:03}x" for number, path in enumerate(places)}


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Return all that is logged, as a program would write it."""
    lines = io.StringIO()
    monkeypatch.setattr("sys.stderr", lines)
    configure_logging(LogFormat.JSON)
    return lines


def told(bench: Bench) -> str:
    """Return what is outside of the records: names of files, reasons, the feed, the access log.

    The reply is the sender's own form again, so it alone says what they wrote.
    """
    outbox = bench.workspace.outbox
    texts = [place.relative_to(bench.root).as_posix() for place in bench.root.rglob("*")]
    texts += [file.read_text(encoding="utf-8") for file in (outbox / "rejected").rglob("*.reason.json")]
    texts += [(outbox / "feed.ndjson").read_text(encoding="utf-8")]
    texts += [json.dumps(asdict(line), ensure_ascii=False) for line in bench.journal.find_log_lines()]
    return "\n".join(texts)


@pytest.mark.parametrize("form", [form for form in FORMS if not form.unit], ids=lambda form: form.id)
def test_what_stands_in_a_sensitive_field_of_a_rejected_form_is_said_nowhere(form: Any, at: At, run: Run) -> None:
    bench = at("signed")
    marks = marked(form)
    assert len(marks) > 10
    made = bench.issue(form.id, bench.case().case_id)
    bench.drop(bench.filled(made, marks))
    first = run("watch", "--once", at=bench.root)
    row = bench.journal.find_submissions()[-1]
    assert row.outcome in ("rejected", "review")
    second = run("cases", "show", bench.case().case_id, at=bench.root)
    third = run("status", at=bench.root)
    said = told(bench) + "".join(answer.out + answer.err for answer in (first, second, third))
    assert re.findall(r"Salainen\d\d\dx", said) == []


def test_what_stands_in_an_accepted_form_is_said_nowhere_but_in_its_record(tmp_path: Path, logged: io.StringIO) -> None:
    from tests.journeys.test_timelines import opened, played

    theatre = opened(tmp_path)
    kinds = {(form.id, path): field for form in FORMS for path, field in fields(form)}
    steps, secrets = normal.TIMELINE.steps, set()
    for step in steps:
        for path, typed in step.turn.answers.items():
            field = kinds.get((step.turn.form, path))
            if field and field.sensitivity != "n" and isinstance(field.field_type, Text) and len(typed) > 6:
                secrets.add(typed)
    assert {item.row.outcome for item in played(theatre, *steps) if item.row} == {"accepted"}
    said = logged.getvalue() + told(theatre)
    assert len(secrets) > 40
    assert [secret for secret in secrets if secret in said] == []
    assert logged.getvalue().count("submission.settled") == len(steps)


@pytest.mark.parametrize("stop", ["decide", "read_or_reject"])
def test_an_error_of_ours_never_tells_what_it_was_about(
    stop: str, at: At, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = at("signed")
    file = bench.root / "palautus.docx"
    file.write_bytes(bench.filled(bench.issue("job_start", bench.case().case_id), JOB))

    def fail(*_: Any) -> None:
        raise ValueError("Salainen000x")

    monkeypatch.setattr(DecisionEngine, stop, fail)
    said = [
        run(*words, str(file), at=bench.root) for words in (("read",), ("submit",), ("--log-format", "json", "submit"))
    ]
    assert said[0].code == 1
    assert "ValueError test_access.py:" in said[0].err
    assert "Traceback" not in "".join(answer.err for answer in said)
    assert bench.journal.find_submissions()[-1].code == "internal_error"
    assert "Salainen" not in told(bench) + "".join(answer.out + answer.err for answer in said)


def test_an_error_of_the_database_never_tells_what_was_to_be_written(at: At) -> None:
    bench = at("referred")
    (row,) = bench.journal.list_record_places()
    record = replace(bench.journal.find_record(row.record_id), payload="Salainen000x")
    with pytest.raises(IntegrityError) as caught, bench.journal.engine.begin() as connection:
        bench.journal.add_record(connection, record, NOON)
    assert "Salainen" not in str(caught.value)
    with pytest.raises(OutOfReach) as refused, bench.journal.begin_transaction() as connection:
        bench.journal.add_record(connection, record, NOON)
    assert "Salainen" not in str(refused.value)


def test_a_corrected_value_can_be_given_where_nobody_else_sees_it(
    at: At, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = at("signed")
    row = bench.send("job_start", {**JOB, "client_name": "Joku Muu"}, bench.case().case_id)
    monkeypatch.setattr("sys.stdin", io.StringIO("Onni Testinen Metsälä\n"))
    said = run("review", "accept", row.submission_id, "--set", "client_name", at=bench.root)
    assert (said.code, bench.record(bench.row(row.submission_id))["data"]["client_name"]) == (
        0,
        "Onni Testinen Metsälä",
    )
    assert "Metsälä" not in said.err


def test_every_line_about_a_return_holds_its_id_and_is_json_when_asked(at: At, run: Run) -> None:
    bench = at("signed")
    bench.drop(b"no form")
    bench.drop(bench.filled(bench.issue("job_start", bench.case().case_id), JOB))
    said = run("--log-format", "json", "watch", "--once", at=bench.root)
    lines = [json.loads(line) for line in said.err.splitlines() if line.startswith("{")]
    ids = {row.submission_id for row in bench.journal.find_submissions()[-2:]}
    assert {line["submission_id"] for line in lines} == ids
    assert {(line["event"], line["level"]) for line in lines} == {("submission.settled", "info")}


def test_what_is_logged_deep_inside_a_return_holds_its_id(
    bench: Bench, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = DecisionEngine.read_or_reject

    def speak(desk: DecisionEngine, data: bytes) -> Any:
        structlog.get_logger().warning("deep")
        return opened(desk, data)

    monkeypatch.setattr(DecisionEngine, "read_or_reject", speak)
    row = bench.returned(b"no form")
    deep = next(json.loads(line) for line in logged.getvalue().splitlines() if "deep" in line)
    assert deep["submission_id"] == row.submission_id


# --- who saw what -------------------------------------------------------------------------------


def seen(bench: Bench, **about: str) -> list[tuple[str, str]]:
    """Return command and action of the lines of the access log about something."""
    return [(line.command, line.action) for line in bench.journal.find_log_lines(**about)]


def test_every_command_that_shows_or_changes_a_case_stands_in_the_access_log(
    at: At, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = at("signed")
    case_id = bench.case().case_id
    other = bench.send("job_start", {**JOB, "client_name": "Joku Muu"}, case_id).submission_id
    file = bench.root / "palautus.docx"
    file.write_bytes(bench.filled(bench.issue("job_start", case_id), {**JOB, "client_name": "Joku Muu"}))
    record = bench.journal.list_record_places()[0].record_id
    assert run("submit", str(file), at=bench.root).code == 4
    submission_id = bench.journal.find_submissions()[-1].submission_id
    hold = ("--start", "1.6.2026", "--next-contact", "20.6.2026")
    monkeypatch.setattr("sys.stdin", io.StringIO("sairaus\nOnni Testinen Metsälä\n"))
    for words in (
        ("cases", "list"),
        ("cases", "tasks"),
        ("cases", "show", case_id),
        ("cases", "hold", case_id, *hold),
        ("cases", "resume", case_id, "--end", "2.6.2026"),
        ("generate", "job_start", "--case", case_id),
        ("archive", record),
        ("read", str(file)),
        ("review", "list"),
        ("review", "show", submission_id),
        ("review", "accept", submission_id, "--set", "client_name", "--by", "Testi Tarkastaja"),
        ("review", "reject", other),
    ):
        before = len(seen(bench, case_id=case_id))
        assert run(*words, at=bench.root).code in (0, 4), words
        new = seen(bench, case_id=case_id)[before:]
        command = " ".join(word for word in words[:2] if words[:2] in COMMANDS or word == words[0])
        action = "changed" if words[:2][-1] in ("hold", "resume", "accept", "reject") else "read"
        assert (command, action) in new, words
    by = [
        line.actor
        for line in bench.journal.find_log_lines(submission_id=submission_id)
        if line.command == "review accept"
    ]
    assert set(by) == {f"Testi Tarkastaja ({Actor.from_system_user().name})"}
    assert bench.journal.find_log_lines(record_id=record)[-1].command == "archive"
    assert ("submit", "changed") in seen(bench, submission_id=submission_id)
    assert list(integrity.find_flaws(bench.workspace, bench.journal)) == []


def test_the_access_log_is_listed_by_case_record_and_return(at: At, run: Run) -> None:
    bench = at("referred")
    row = bench.journal.find_submissions()[-1]
    names = {"case": row.case_id, "record": row.record_id, "submission": row.submission_id}
    everything = run("access", "list", "--json", at=bench.root).json
    assert [line["seq"] for line in everything] == list(range(1, len(everything) + 1))
    for name, value in names.items():
        listed = run("access", "list", f"--{name}", value, "--json", at=bench.root).json
        assert listed
        assert all(line[f"{name}_id"] == value for line in listed)
    assert row.case_id in run("access", "list", at=bench.root).out


def test_no_line_of_the_access_log_can_be_changed_or_removed(at: At) -> None:
    bench = at("referred")
    for statement in ("UPDATE access SET actor = 'x'", "DELETE FROM access", "DELETE FROM access WHERE seq = 1"):
        with pytest.raises(IntegrityError, match="only added to"), bench.journal.engine.begin() as connection:
            connection.execute(text(statement))


FORGED = (
    "INSERT INTO access SELECT seq + 1, at, 'x', command, action, submission_id, record_id, case_id, written, digest, "
    "hash, prev FROM access"
)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE access SET actor = 'x' WHERE seq = 2",
        "UPDATE access SET written = NULL WHERE seq = (SELECT max(seq) FROM access)",
        "DELETE FROM access WHERE seq = 1",
        "DELETE FROM access WHERE seq = 2",
        "DELETE FROM access WHERE seq = (SELECT max(seq) FROM access)",
        "DELETE FROM access WHERE seq > 1",
        "DELETE FROM access",
        f"{FORGED} ORDER BY seq DESC LIMIT 1",
        "UPDATE access SET seq = seq + 1 WHERE seq = (SELECT max(seq) FROM access)",
    ],
)
def test_a_line_that_is_tampered_with_behind_the_back_of_the_program_is_found(statement: str, at: At, run: Run) -> None:
    bench = at("decided")
    assert run("verify", at=bench.root).code == 0
    with bench.journal.engine.begin() as connection, allow_log_changes(connection):
        connection.execute(text(statement))
    said = run("verify", "--json", at=bench.root)
    assert (said.code, said.json["ok"]) == (1, False)
    assert said.json["problems"]


def test_a_log_that_is_written_anew_with_its_end_is_told_by_an_end_noted_elsewhere(at: At, run: Run) -> None:
    bench = at("decided")
    head = run("verify", "--json", at=bench.root).json["head"]
    bench.returned(b"no form")
    assert run("verify", "--head", head, at=bench.root).code == 0
    other = at("referred")
    for name in ("formgen.db", HEAD_FILE_NAME):
        (bench.workspace.var / name).write_bytes((other.workspace.var / name).read_bytes())
    assert run("verify", "--head", head, at=bench.root).code == 1
    assert run("verify", "--head", "nonsense", at=bench.root).code == 2


def test_a_process_that_dies_as_a_line_is_added_is_no_tampering(at: At) -> None:
    bench = at("referred")
    bench.returned(b"no form")
    lost = bench.journal.begin_transaction()
    bench.journal.log_access(lost.__enter__(), "read", "2026-06-01T09:00:00.000Z", case_id="*")
    with suppress(KeyboardInterrupt):
        lost.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert list(integrity.find_flaws(bench.workspace, bench.journal)) == []
    with bench.journal.engine.connect() as connection:
        end = bench.journal.find_head(connection)
    later = Head(end.seq + 1, "a" * 64)
    with suppress(KeyboardInterrupt), bench.journal.head_file.advance_head(end, later):
        raise KeyboardInterrupt  # noted, but the transaction is lost
    assert list(integrity.find_flaws(bench.workspace, bench.journal)) == []
    bench.returned(b"no form either")
    assert bench.journal.head_file.heads == (bench.journal.find_head(bench.journal.engine.connect()),)


def test_what_another_process_notes_meanwhile_stays(tmp_path: Path) -> None:
    end, heads = (
        HeadFile(tmp_path / HEAD_FILE_NAME),
        [Head(), *(Head(9 + at, sign * 64) for at, sign in enumerate("abc"))],
    )
    with end.advance_head(*heads[:2]):
        assert end.heads == (heads[0], heads[1])
    with end.advance_head(*heads[1:3]):
        other = end.advance_head(*heads[2:])
        other.__enter__()
    assert end.heads == (heads[2], heads[3])
    other.__exit__(None, None, None)
    assert end.heads == (heads[3],)


def test_a_log_whose_end_is_not_noted_is_told(at: At) -> None:
    bench = at("referred")
    (bench.workspace.var / HEAD_FILE_NAME).unlink()
    assert [flaw.message for flaw in integrity.find_flaws(bench.workspace, bench.journal)] == [ledger.UNNOTED]


# --- what was written is what is there ------------------------------------------------------------


def test_an_untouched_workspace_is_as_it_was_written(at: At, run: Run) -> None:
    bench = at("employed")
    bench.returned(b"no form")
    said = run("verify", "--json", at=bench.root)
    assert (said.code, said.json["ok"], said.json["problems"]) == (0, True, [])
    assert Head.from_text(said.json["head"])


def every_place(bench: Bench) -> Mapping[str, bytes]:
    """Return the files that hold what is kept and what was written, without what is derived at will."""
    kept = ("outbox/records/", "outbox/rejected/", "outbox/feed.ndjson", "var/originals/")
    return {
        name: data
        for name, data in tree(bench.root).items()
        if name.startswith(kept) and not name.endswith(".palaute.docx")
    }


@pytest.mark.parametrize("how", ["changed", "removed", "cut"])
def test_every_file_that_is_not_as_it_was_written_is_named(how: str, at: At, run: Run) -> None:
    bench = at("decided")
    bench.returned(b"no form")
    places = every_place(bench)
    assert len(places) == 2 + 2 + 1 + 3
    for name, data in places.items():
        place = bench.root / name
        if how == "removed":
            place.unlink()
        else:
            place.write_bytes(
                data[:-1] if how == "cut" and not name.endswith("ndjson") else data.replace(data[:9], b'{"seq" : ')
            )
        said = run("verify", "--json", at=bench.root)
        assert said.code == 1, name
        assert any(name in problem or "Tapahtumaluettelon" in problem for problem in said.json["problems"]), name
        place.write_bytes(data)
    assert run("verify", at=bench.root).code == 0


@pytest.mark.parametrize(
    "place",
    [
        "records/PK-2026-00001/01a00000-0000-7000-8000-000000000001.job_end.json",
        "records/PK-2026-00077/01a00000-0000-7000-8000-000000000002.referral.json",
        "records/_unit/01a00000-0000-7000-8000-000000000003.quality_assessment.json",
        "records/PK-2026-00001/01a00000-0000-7000-8000-000000000004.referral.pdf",
        "records/PK-2026-00001/.piilossa.tmp",
        "records/uusi.json",
    ],
)
@pytest.mark.parametrize("is_link", [False, True])
def test_a_record_that_nobody_has_written_down_is_named(place: str, is_link: bool, at: At, run: Run) -> None:
    bench = at("decided")
    record = bench.journal.list_record_places()[0].record_id
    assert run("archive", record, at=bench.root).code == 0
    assert run("verify", at=bench.root).code == 0
    file = bench.workspace.outbox / place
    file.parent.mkdir(parents=True, exist_ok=True)
    if is_link:
        file.symlink_to(next(bench.workspace.outbox.rglob("*.referral.json")))
    else:
        file.write_bytes(next(bench.workspace.outbox.rglob("*.referral.json")).read_bytes())
    said = run("verify", "--json", at=bench.root)
    assert said.code == 1
    (problem,) = said.json["problems"]
    assert problem.endswith(f"outbox/{place}")


def test_folders_of_records_that_are_links_are_named_and_not_followed(at: At, run: Run) -> None:
    bench = at("decided")
    (bench.workspace.outbox / "records" / "PK-2026-00009").symlink_to(bench.workspace.outbox / "forms")
    (problem,) = run("verify", "--json", at=bench.root).json["problems"]
    assert problem.endswith("outbox/records/PK-2026-00009")


def test_a_pipe_in_the_place_of_any_file_hangs_neither_verify_nor_status(at: At, run: Run) -> None:
    bench = at("signed")
    bench.returned(b"no form", "kirje.txt")
    bench.journal.engine.dispose()

    def hung(*_: object) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, hung)
    try:
        for name in sorted({**tree(bench.workspace.var), **tree(bench.workspace.outbox)}):
            place = next(top / name for top in (bench.workspace.var, bench.workspace.outbox) if (top / name).exists())
            place.rename(bench.root / "sivussa")
            os.mkfifo(place)
            for command in ("verify", "status"):
                signal.alarm(20)
                assert run(command, at=bench.root).code in (0, 1, 5), name
                signal.alarm(0)
            place.unlink()
            (bench.root / "sivussa").rename(place)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert run("verify", at=bench.root).code == 0


MEANT = ("[/red]Veera[bold]", "[link=x]", "\x1b[2J\x1b]0;x\x07Veera", "Veera\nToinen rivi", "\u202eareeV", "{case}")


@pytest.mark.parametrize("name", MEANT)
def test_whatever_name_somebody_gives_the_access_log_prints_it_as_text(bench: Bench, run: Run, name: str) -> None:
    by_name = Journal.open_or_create(bench.workspace.var, Actor.from_system_user("cases show", name))
    by_name.log_reads(NOON, {"case_id": "PK-2026-00001"})
    shown = run("access", "list", at=bench.root)
    assert shown.code == 0
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", shown.out)
    assert "".join(sign for sign in name if sign.isprintable())[:8] in shown.out.replace(
        "\N{REPLACEMENT CHARACTER}", ""
    )
    assert run("access", "list", "--json", at=bench.root).code == 0


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_a_new_inbox_is_for_the_group_and_closed_to_others_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    with umask(mask):
        workspace = WorkspaceFolder(tmp_path).make_folders()
    assert stat.S_IMODE(workspace.inbox.stat().st_mode) == 0o770


def test_the_log_of_a_daemon_tells_no_name_of_a_file_and_no_value(bench: Bench) -> None:
    name = "Metsälä Onni 130485-901L"
    bench.drop(bench.filled(bench.issue("referral"), REFERRAL), f"{name}.docx")
    bench.drop(b"no form", f"{name}.txt")
    bench.drop(b"", f"{name} tyhjä.docx")
    large = bench.drop(b"", f"{name} suuri.docx")
    os.truncate(large, 30_000_000)
    place = bench.workspace.outbox / "records"
    place.write_text("in the way", encoding="utf-8")
    command = [sys.executable, "-m", "formgen", "--workspace", str(bench.root), "--log-format", "json", "watch"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as daemon:
        while len(bench.feed()) < 3 or not bench.journal.list_problems("publish"):
            assert daemon.poll() is None
        daemon.terminate()
        assert daemon.stderr
        said = daemon.stderr.read()
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert {line["event"] for line in lines} >= {"submission.settled", "problem"}
    assert not secrets_in(said.splitlines()[1:])
    assert "130485" not in said

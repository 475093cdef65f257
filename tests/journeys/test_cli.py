"""The command line: every command found and held to the contract's words, shapes and exit codes."""

from __future__ import annotations

import io
import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

from formgen import __version__
from formgen.cases.workflow import list_tasks
from formgen.cli import app, main
from formgen.cli.console import GlobalOptions, _
from formgen.formats.docx.controls import format_tag
from formgen.forms import registry
from formgen.intake.watcher import hold_workspace_lock
from formgen.sandbox.confine import PROTECTIONS
from formgen.settings import WorkspaceFolder
from tests.conftest import AGREEMENT, JOB, REFERRAL, SETTINGS, STORIES, Bench, changed, provenance_of

At = Callable[[str], Bench]
REPOSITORY = Path(__file__).parents[2]
FORMS = registry.load_forms(WorkspaceFolder(REPOSITORY))
ISOLATED = {"PYTHONWARNINGS": "error", "LC_ALL": "fi_FI.UTF-8", "PATH": "/usr/bin:/bin"}


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield every command as the words that name it."""
    group = group or typer.main.get_command(app)
    context = typer.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


COMMANDS = tuple(commands())
every_command = pytest.mark.parametrize("words", COMMANDS, ids=" ".join)


@dataclass(frozen=True)
class Answer:
    """What one run of the command line gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return the one JSON document on standard output."""
        return json.loads(self.out)


Run = Callable[..., Answer]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Run]:
    """Return a function that runs the command line in a folder as `formgen` does."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def command(*words: str, at: Path | None = None) -> Answer:
        monkeypatch.chdir(at or tmp_path)
        monkeypatch.setattr(sys, "argv", ["formgen", *words])
        capsys.readouterr()
        try:
            main()
            code: Any = 0
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        return Answer(code or 0, said.out, said.err)

    yield command
    for number, handler in handlers.items():
        signal.signal(number, handler)


# --- every command ------------------------------------------------------------------------------


def test_the_commands_of_the_contract_that_exist_are_found() -> None:
    found = {" ".join(words) for words in COMMANDS}
    assert {"init", "demo", "generate", "read", "submit", "watch", "status", "schemas"} <= found
    assert {"forms list", "forms show", "cases list", "cases show", "cases open"} <= found
    assert {"templates build", "templates check"} <= found
    assert {f"review {name}" for name in ("list", "show", "accept", "reject")} <= found


@every_command
def test_every_command_has_help_with_an_example_of_itself(words: tuple[str, ...], run: Run) -> None:
    said = run(*words, "--help")
    assert said.code == 0
    _usage, _colon, examples = said.out.partition(_("Esimerkkejä:"))
    assert re.search(rf"formgen (--json )?{' '.join(words)}\b", " ".join(examples.split()))


@every_command
def test_every_example_is_a_line_that_can_be_run(words: tuple[str, ...], run: Run) -> None:
    _usage, _colon, examples = run(*words, "--help").out.partition(_("Esimerkkejä:"))
    lines = re.split(r"\b(?=formgen )", " ".join(examples.replace("--json", "").split()))[1:]
    assert lines
    for line in (line.partition(" < ")[0] for line in lines):
        command: Any = typer.main.get_group(app)
        context, rest = None, shlex.split(line)
        while rest:
            context = command.make_context(rest[0], rest[1:], parent=context, obj=GlobalOptions(Path()))
            rest = [*context._protected_args, *context.args]
            command = command.get_command(context, rest[0]) if rest else command


def test_every_group_and_the_whole_have_help(run: Run) -> None:
    for words in {path[:-1] for path in COMMANDS}:
        assert run(*words, "--help").code == 0


def test_the_version_is_told(run: Run) -> None:
    assert run("--version").out == f"formgen {__version__}\n"


@pytest.mark.parametrize(
    "words", [("--json", "forms", "list"), ("forms", "--json", "list"), ("forms", "list", "--json")]
)
def test_json_may_be_asked_for_anywhere(words: tuple[str, ...], run: Run) -> None:
    assert [item["form"] for item in run(*words).json] == list(FORMS.forms)


@pytest.mark.parametrize("lang", ["fi", "sv", "en"])
def test_every_language_can_say_everything(lang: str, at: At, run: Run) -> None:
    bench = at("decided")
    case_id = bench.case().case_id
    waiting = bench.send("job_start", JOB, case_id)
    junk = bench.root / "kissa.txt"
    junk.write_bytes(b"no form")
    for words, code in (
        (("forms", "list"), 0),
        *((("forms", "show", form.id), 0) for form in FORMS),
        (("cases", "list"), 0),
        (("cases", "show", case_id), 0),
        (("review", "list"), 0),
        (("review", "show", waiting.submission_id), 0),
        (("status",), 0),
        (("generate", "cooperation_agreement", "--case", case_id), 0),
        (("read", str(junk)), 3),
        (("submit", str(junk)), 3),
        (("watch", "--once"), 0),
        (("templates", "check"), 0),
        (("templates", "build"), 0),
        (("schemas",), 0),
        (("forms", "show", "horoscope"), 2),
        (("cases", "show", "PK-2026-09999"), 2),
        (("review", "accept", "nothing"), 2),
    ):
        said = run("--lang", lang, *words, at=bench.root)
        assert said.code == code, (words, said)
        assert "{" not in said.out + said.err, words


# --- exit codes ---------------------------------------------------------------------------------


def process(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Return a run of the program itself."""
    return subprocess.run(
        [sys.executable, "-m", "formgen", *words], cwd=root, env=ISOLATED, capture_output=True, text=True, check=False
    )


def test_the_program_ends_in_0_2_and_5(workspace: WorkspaceFolder) -> None:
    done = process(workspace.root, "forms", "list", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert [item["form"] for item in json.loads(done.stdout)] == list(FORMS.forms)
    wrong = process(workspace.root, "forms", "show", "horoscope")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("Lomaketta horoscope ei ole.")
    away = process(workspace.root, "--workspace", str(workspace.root / "ei-ole"), "cases", "list")
    assert (away.returncode, away.stdout) == (5, "")
    assert "Traceback" not in wrong.stderr + away.stderr


def test_the_program_reads_a_form_as_well_as_a_test_does(at: At) -> None:
    bench = at("signed")
    file = bench.root / "palautus.docx"
    file.write_bytes(bench.filled(bench.issue("job_start", bench.case().case_id), JOB))
    done = process(bench.root, "read", "palautus.docx", "--json")
    (answer,) = json.loads(done.stdout)
    assert (done.returncode, answer["record"]["form"]) == (0, "job_start")


@pytest.mark.parametrize(
    "words",
    [
        ("nothing",),
        ("forms", "show"),
        ("forms", "show", "horoscope"),
        ("generate", "job_start"),
        ("generate", "referral", "--format", "stone"),
        ("generate", "referral", "--lang", "xx"),
        ("generate", "job_start", "--case", "PK-2026-09999"),
        ("read", "not-there.docx"),
        ("submit", "not-there.docx"),
        ("cases", "show", "PK-2026-09999"),
        ("review", "show", "nothing"),
        ("watch", "--poll", "0"),
        ("templates", "build", "horoscope"),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_in_2_with_a_sentence(words: tuple[str, ...], workspace: WorkspaceFolder, run: Run) -> None:
    said = run(*words, at=workspace.root)
    assert (said.code, said.out) == (2, "")
    assert said.err.strip()


def test_wrong_settings_end_in_2_with_the_name_of_the_setting(workspace: WorkspaceFolder, run: Run) -> None:
    (workspace.root / "formgen.toml").write_text("[intake]\nquiet = 'hetki'\n", encoding="utf-8")
    said = run("status", "--json", at=workspace.root)
    assert (said.code, said.out) == (2, "")
    assert "intake.quiet" in said.err


def test_a_rejected_file_ends_in_3_even_beside_one_that_needs_a_person(at: At, run: Run) -> None:
    bench = at("decided")
    early = bench.root / "liian-aikainen.docx"
    early.write_bytes(bench.filled(bench.issue("job_start", bench.case().case_id), JOB))
    junk = bench.root / "kissa.txt"
    junk.write_bytes(b"no form")
    assert run("read", str(junk), at=bench.root).code == 3
    assert run("read", str(early), at=bench.root).code == 4
    assert run("read", str(early), str(junk), at=bench.root).code == 3
    assert run("submit", str(early), str(junk), at=bench.root).code == 3


def test_a_return_that_waits_or_needs_a_person_ends_in_4(at: At, run: Run) -> None:
    bench = at("decided")
    early = bench.root / "liian-aikainen.docx"
    early.write_bytes(bench.filled(bench.issue("job_start", bench.case().case_id), JOB))
    assert run("submit", str(early), at=bench.root).code == 4


def test_a_second_daemon_ends_in_5(workspace: WorkspaceFolder, run: Run) -> None:
    with hold_workspace_lock(workspace):
        said = run("watch", "--once", at=workspace.root)
    assert (said.code, said.out) == (5, "")


def test_a_missing_workspace_ends_in_5(tmp_path: Path, run: Run) -> None:
    for words in (("status",), ("cases", "list"), ("watch", "--once"), ("generate", "referral")):
        said = run("--workspace", str(tmp_path / "ei-ole"), *words)
        assert (said.code, said.out) == (5, ""), words
    assert not (tmp_path / "ei-ole").exists()


def test_a_link_is_not_submitted(workspace: WorkspaceFolder, run: Run, tmp_path: Path) -> None:
    (tmp_path / "lomake.docx").write_bytes(b"something")
    (tmp_path / "linkki.docx").symlink_to("lomake.docx")
    assert run("submit", str(tmp_path / "linkki.docx"), at=workspace.root).code == 2


# --- the shapes of the answers ------------------------------------------------------------------


FIELD = {
    "path",
    "label",
    "type",
    "required",
    "options",
    "columns",
    "sensitivity",
    "filled_by",
    "prefill",
    "locked",
    "drawn",
}
TYPES = {
    *("text", "long", "date", "month", "time", "int", "dec", "eur", "yn", "one", "many", "table", "sign"),
    *("hetu", "ytunnus", "phone", "email", "postcode", "muni"),
}
RECORD = [
    *("record_schema", "record_id", "form", "form_version", "instance_id", "submission_id", "case_id"),
    *("version_no", "supersedes", "language", "phase", "data", "signatures", "issues", "provenance"),
]
REASON = ["code", "errors", "file_name", "sha256", "form", "case_id", "received_at", "producer"]


def assert_field(field: dict[str, Any]) -> None:
    """Assert that a field is shown as the contract says."""
    assert set(field) == FIELD, field
    assert field["type"] in TYPES
    assert field["required"] in ("required", "conditional", "optional")
    assert field["sensitivity"] in tuple("nshi")
    assert field["drawn"] in ("line", "area", "date", "ticks", "list", "picture", None)
    assert (field["columns"] is not None) is (field["type"] == "table")
    assert all(set(option) == {"code", "label"} for option in field["options"] or ())
    assert isinstance(field["locked"], bool)
    for column in field["columns"] or ():
        assert_field(column)


@pytest.mark.parametrize("form", FORMS.forms)
def test_forms_show_has_the_shape_of_the_contract(form: str, run: Run) -> None:
    shown = run("forms", "show", form, "--json").json
    assert set(shown) == {"form", "version", "title", "phases", "fields", "rules"}
    assert shown["form"] == form
    assert set(shown["phases"]) <= {f"phase_{number}" for number in range(1, 6)}
    for field in shown["fields"]:
        assert_field(field)


def test_a_tag_is_the_path_with_its_prefix_as_far_as_word_has_room() -> None:
    assert format_tag("sign_client.date") == "fg:sign_client.date"
    assert len(format_tag("benefits_counselling_plan.0.topic.youth_rehabilitation_allowance")) <= 64


def tags_of(shown: dict[str, Any]) -> Iterator[str]:
    """Yield the tag of every control that the fields of a form must have in a document."""
    for field in shown["fields"]:
        for path, asked in (
            [(f"{field['path']}.0.{column['path']}", column) for column in field["columns"]]
            if field["columns"]
            else [(field["path"], field)]
        ):
            if asked["drawn"] is None:
                continue
            if asked["type"] == "sign":
                yield from (format_tag(f"{path}.{part}") for part in ("name", "date", "place"))
            elif asked["drawn"] == "ticks":
                yield from (format_tag(f"{path}.{option['code']}") for option in asked["options"])
            else:
                yield format_tag(path)


@pytest.mark.parametrize("form", FORMS.forms)
def test_every_path_that_is_shown_has_its_controls_in_the_document(form: str, at: At, run: Run) -> None:
    bench = at("decided")
    shown = run("forms", "show", form, "--json").json
    case = () if FORMS.find_latest_version(form).unit else ("--case", bench.case().case_id)
    (made,) = run("generate", form, *case, "--json", at=bench.root).json
    with zipfile.ZipFile(made["path"]) as package:
        found = re.findall(r'<w:tag w:val="([^"]*)"', package.read("word/document.xml").decode())
    expected = set(tags_of(shown))
    assert len(expected) > 50
    assert expected - set(found) == set()
    assert len(found) == len(set(found))


def test_generate_has_the_shape_of_the_contract_and_writes_where_it_says(at: At, run: Run) -> None:
    bench = at("signed")
    case_id = bench.case().case_id
    made = run("generate", "referral", "job_start", "--case", case_id, "--json", at=bench.root).json
    for item, form in zip(made, ("referral", "job_start"), strict=True):
        assert list(item) == ["form", "version", "instance_id", "case_id", "format", "language", "path"]
        assert (item["form"], item["case_id"], item["format"], item["language"]) == (form, case_id, "docx", "fi")
        assert Path(item["path"]).read_bytes().startswith(b"PK")
    (alone_,) = run("generate", "referral", "--lang", "sv", "-o", "remiss.docx", "--json", at=bench.root).json
    assert (alone_["case_id"], alone_["language"], alone_["path"]) == (None, "sv", "remiss.docx")
    assert (bench.root / "remiss.docx").exists()


def test_read_has_the_shape_of_the_contract_and_writes_nothing(at: At, run: Run) -> None:
    bench = at("signed")
    case_id = bench.case().case_id
    right, wrong, junk = (bench.root / name for name in ("oikein.docx", "väärin.docx", "kissa.txt"))
    right.write_bytes(bench.filled(bench.issue("job_start", case_id), JOB))
    wrong.write_bytes(bench.filled(bench.issue("job_start", case_id), {**JOB, "weekly_hours": "52"}))
    junk.write_bytes(b"no form")
    before = bench.journal.count_submissions(), bench.feed(), bench.journal.list_record_places()
    answers = run("read", str(right), str(wrong), str(junk), "--json", at=bench.root).json
    assert (bench.journal.count_submissions(), bench.feed(), bench.journal.list_record_places()) == before
    assert [list(item) for item in answers] == [["file", "outcome", "record", "reason", "answers", "again"]] * 3
    assert [item["outcome"] for item in answers] == ["accepted", "rejected", "rejected"]
    assert (list(answers[0]["record"]), answers[0]["reason"]) == (RECORD, None)
    assert (answers[1]["record"], list(answers[1]["reason"])) == (None, REASON)
    assert answers[0]["answers"]["checklist"] == {
        "text": JOB["checklist"],
        "layer": "content_control",
        "confidence": 1.0,
    }
    assert answers[1]["answers"]["weekly_hours"]["text"] == "52"
    assert (answers[2]["answers"], answers[2]["reason"]["code"]) == (None, "unsupported_type")


def test_read_tells_of_a_duplicate_without_a_reason(at: At, run: Run) -> None:
    bench = at("signed")
    row = bench.journal.find_submissions()[-1]
    file = bench.root / "uudelleen.docx"
    file.write_bytes((bench.workspace.originals / row.sha256).read_bytes())
    for command in ("read", "submit"):
        (answer,) = run(command, str(file), "--json", at=bench.root).json
        assert (answer["outcome"], answer["record"], answer["reason"]) == ("duplicate", None, None)


def test_submit_has_the_shape_of_read_after_processing(at: At, run: Run) -> None:
    bench = at("signed")
    file = bench.root / "palautus.docx"
    file.write_bytes(bench.filled(bench.issue("job_start", bench.case().case_id), JOB))
    (answer,) = run("submit", str(file), "--json", at=bench.root).json
    assert list(answer) == ["file", "outcome", "record", "reason", "answers", "again"]
    assert (answer["file"], answer["outcome"], answer["reason"]) == (str(file), "accepted", None)
    assert answer["record"] == bench.record(bench.journal.find_submissions()[-1])
    assert answer["answers"]["weekly_hours"]["text"] == JOB["weekly_hours"]
    assert file.exists()


def test_a_job_and_its_agreement_may_be_submitted_in_any_order(at: At, run: Run) -> None:
    bench = at("decided")
    case_id = bench.case().case_id
    job, agreement = bench.root / "a.docx", bench.root / "b.docx"
    job.write_bytes(bench.filled(bench.issue("job_start", case_id), JOB))
    agreement.write_bytes(bench.filled(bench.issue("cooperation_agreement", case_id), AGREEMENT))
    said = run("submit", str(job), str(agreement), "--json", at=bench.root)
    assert said.code == 0
    assert [(item["outcome"], item["reason"]) for item in said.json] == [("accepted", None)] * 2


def test_cases_show_has_the_shape_of_the_contract(at: At, run: Run) -> None:
    bench = at("decided")
    case_id = bench.case().case_id
    bench.send("job_start", JOB, case_id)
    shown = run("cases", "show", case_id, "--json", at=bench.root).json
    assert list(shown) == [
        *("case_id", "status", "phase", "expected_phase", "coach", "steps", "tasks", "waiting", "review")
    ]
    assert (shown["case_id"], shown["status"], shown["phase"], shown["expected_phase"]) == (
        case_id,
        "open",
        "phase_1",
        "phase_1",
    )
    assert [list(step) for step in shown["steps"]] == [["seq", "form", "record_id", "transition", "at"]] * 2
    assert [(item["form"], item["waits_for"]) for item in shown["waiting"]] == [("job_start", "cooperation_agreement")]
    assert all({"code", "due", "message"} <= set(task) for task in shown["tasks"])


def test_a_case_opened_by_hand_awaits_its_referral(workspace: WorkspaceFolder, run: Run) -> None:
    case_id = run("cases", "open", "--json", at=workspace.root).json["case_id"]
    bench = Bench(workspace.root)
    assert bench.send("referral", REFERRAL, case_id).case_id == case_id
    assert [item["case_id"] for item in run("cases", "list", "--json", at=workspace.root).json] == [case_id]


def held(run: Run, bench: Bench, *words: str) -> Answer:
    """Return what a command about the hold of the only case says."""
    return run("cases", words[0], bench.case().case_id, *words[1:], "--json", at=bench.root)


HOLD = ("hold", "--start", "1.6.2026", "--next-contact")


@pytest.fixture
def illness(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a person write the reason of a hold, as often as it is asked for."""
    monkeypatch.setattr("sys.stdin", io.StringIO("sairausloma\n" * 9))


def test_the_reason_of_a_hold_is_written_where_nobody_else_sees_it(
    at: At, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = at("signed")
    assert held(run, bench, *HOLD, "30.6.2026", "--reason", "psykoosi").code == 2
    for text in ("", "\n", " \n"):
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        said = held(run, bench, *HOLD, "30.6.2026")
        assert (said.code, said.err.strip()) == (2, "Kirjoita tauon syy vakiosyötteeseen.")
    assert bench.case().status == "open"
    keyboard = io.StringIO("sairausloma\n")
    keyboard.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", keyboard)
    said = held(run, bench, *HOLD, "30.6.2026")
    assert (said.code, said.json["reason"], said.err.startswith("Tauon syy:")) == (0, "sairausloma", True)
    assert bench.case().status == "on_hold"


@pytest.mark.usefixtures("illness")
def test_a_case_is_put_on_hold_and_resumed(at: At, run: Run) -> None:
    bench = at("signed")
    before = bench.case()
    assert (before.status, held(run, bench, "resume", "--end", "2.6.2026").code) == ("open", 2)
    assert held(run, bench, *HOLD, "31.5.2026").code == 2
    assert bench.case().steps == before.steps
    said = held(run, bench, *HOLD, "30.6.2026")
    assert (said.code, said.json["transition"], "60" in said.err) == (0, "T26", False)
    on_hold = bench.case()
    assert (on_hold.status, on_hold.phase, on_hold.steps[-1].transition) == ("on_hold", before.phase, "T26")
    assert held(run, bench, *HOLD, "30.6.2026").code == 2
    bench.clock.pass_days(60)
    assert [(task.code, task.due.isoformat()) for task in list_tasks(bench.case())] == [("T26", "2026-06-30")]
    assert held(run, bench, "resume", "--end", "31.5.2026").code == 2
    assert held(run, bench, "resume", "--end", "20.7.2026").json["end"] == "2026-07-20"
    again = bench.case()
    assert (again.status, again.phase, again.steps[-1].transition) == ("open", before.phase, "T27")


@pytest.mark.usefixtures("illness")
def test_a_hold_of_more_than_sixty_days_before_the_next_contact_is_warned_of(at: At, run: Run) -> None:
    bench = at("signed")
    said = held(run, bench, *HOLD, "1.8.2026")
    assert (said.code, "60" in said.err, bench.case().status) == (0, True, "on_hold")


STATUS = ["ok", "received", "accepted", "review", "waiting", "rejected", "duplicate", "in_work", "inbox"]


def test_status_has_the_shape_of_the_contract_and_its_sum_holds(at: At, run: Run) -> None:
    bench = at("decided")
    bench.send("job_start", JOB, bench.case().case_id)
    bench.returned(b"no form")
    bench.returned(b"no form")
    bench.drop(b"lies there")
    shown = run("status", "--json", at=bench.root).json
    assert list(shown) == [
        *STATUS,
        "ignored",
        "oldest_inbox_s",
        "watcher_alive",
        "landlock",
        "sandbox",
        "warnings",
        "problems",
    ]
    assert shown["received"] == sum(shown[name] for name in STATUS[2:8]) == 5
    assert [shown[name] for name in STATUS[2:]] == [2, 0, 1, 1, 1, 0, 1]
    assert (shown["ok"], shown["watcher_alive"], shown["problems"]) == (True, False, [])
    assert shown["oldest_inbox_s"] >= 0
    assert (shown["sandbox"], shown["warnings"]) == (dict.fromkeys(PROTECTIONS, True), [])


def test_status_names_what_is_never_opened(workspace: WorkspaceFolder, run: Run) -> None:
    (workspace.inbox / "linkki.docx").symlink_to("/etc/hostname")
    said = run("status", "--json", at=workspace.root)
    assert (said.code, said.json["ok"]) == (1, False)
    assert any("linkki.docx" in problem for problem in said.json["problems"])


# --- review -------------------------------------------------------------------------------------


def in_review(bench: Bench) -> str:
    """Return the id of a job start that awaits a person."""
    row = bench.send("job_start", {**JOB, "client_name": "Joku Muu"}, bench.case().case_id)
    assert row.outcome == "review"
    return str(row.submission_id)


def test_a_return_in_review_is_listed_shown_and_accepted_with_a_corrected_value(
    at: At, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = at("signed")
    submission_id = in_review(bench)
    (listed,) = run("review", "list", "--json", at=bench.root).json
    assert (listed["submission_id"], listed["outcome"], listed["form"]) == (submission_id, "review", "job_start")
    shown = run("review", "show", submission_id, "--json", at=bench.root).json
    assert shown["answers"]["client_name"]["text"] == "Joku Muu"
    words = ("review", "accept", submission_id, "--set", "client_name", "--by", "Testi Tarkastaja")
    monkeypatch.setattr("sys.stdin", io.StringIO("Onni Testinen Metsälä\n"))
    (answer,) = run(*words, "--json", at=bench.root).json
    assert (answer["outcome"], answer["record"]["provenance"]["confirmed_by"]) == ("accepted", "Testi Tarkastaja")
    assert answer["record"] == bench.record(bench.row(submission_id))
    assert run("review", "list", "--json", at=bench.root).json == []


def test_a_return_in_review_is_rejected_by_hand(at: At, run: Run) -> None:
    bench = at("signed")
    submission_id = in_review(bench)
    assert run("review", "reject", submission_id, at=bench.root).code == 0
    assert bench.row(submission_id).outcome == "rejected"
    assert run("review", "reject", submission_id, at=bench.root).code == 2


def test_a_correction_that_breaks_a_rule_leaves_the_return_in_review(
    at: At, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = at("signed")
    submission_id = in_review(bench)
    monkeypatch.setattr("sys.stdin", io.StringIO("52\n"))
    assert run("review", "accept", submission_id, "--set", "weekly_hours", at=bench.root).code == 3
    refused = run("review", "accept", submission_id, "--set", "weekly_hours=22", at=bench.root)
    assert (refused.code, "22" in refused.err) == (2, False)
    assert bench.row(submission_id).outcome == "review"


def with_editor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: str) -> Path:
    """Have the editor be a program that runs a statement with the ``file``; return where it keeps what it saw."""
    seen = tmp_path / "nahty.toml"
    script = tmp_path / "muokkain.py"
    script.write_text(
        "import pathlib, sys\n"
        "file = pathlib.Path(sys.argv[1])\n"
        f"pathlib.Path({str(seen)!r}).write_text(f'{{file.stat().st_mode & 0o777:o}} {{file}}\\n' + file.read_text())\n"
        "pathlib.Path(f'{file}~').write_text('kopio')\n"
        f"{change}\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("VISUAL", f"{sys.executable} {script}")
    return seen


def replaced(old: str, new: str) -> str:
    """Return the statement that replaces a text in the file."""
    return f"file.write_text(file.read_text().replace({old!r}, {new!r}))"


def test_review_tells_of_each_place_what_was_read_what_was_known_and_why(at: At, run: Run) -> None:
    bench = at("signed")
    submission_id = in_review(bench)
    (doubt,) = run("review", "show", submission_id, "--json", at=bench.root).json["doubts"]
    assert doubt["why"] == ["Lukittua tietoa on muutettu. Tarkistakaa, kumpi on oikein."]
    assert (doubt["path"], doubt["value"], doubt["raw"]) == ("client_name", "Joku Muu", "Joku Muu")
    assert (doubt["known"], doubt["picture"]) == ("Onni Testinen Metsälä", None)
    said = run("review", "show", submission_id, at=bench.root).out
    assert all(text in said for text in (doubt["label"], doubt["path"], *doubt["why"], doubt["raw"], doubt["known"]))


def test_a_place_in_doubt_is_corrected_in_an_editor(
    at: At, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bench = at("signed")
    submission_id = in_review(bench)
    seen = with_editor(monkeypatch, tmp_path, replaced('= "Joku Muu"', '= "Onni Testinen Metsälä"'))
    (answer,) = run("review", "accept", submission_id, "--edit", "--json", at=bench.root).json
    told = provenance_of(answer["record"])["client_name"]
    assert (told["decided"], told["raw"], told["read"]) == ("changed", "Onni Testinen Metsälä", "Joku Muu")
    place, *lines = seen.read_text(encoding="utf-8").splitlines()
    assert place.startswith(f"600 {bench.workspace.var / 'work'}")
    assert '"client_name" = "Joku Muu"' in lines
    assert list((bench.workspace.var / "work").iterdir()) == []


def test_a_file_that_is_left_as_it_is_confirms_what_was_read(
    at: At, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bench = at("signed")
    submission_id = in_review(bench)
    with_editor(monkeypatch, tmp_path, "")
    (answer,) = run("review", "accept", submission_id, "--edit", "--json", at=bench.root).json
    told = provenance_of(answer["record"])["client_name"]
    assert (answer["outcome"], told["decided"], told["raw"]) == ("accepted", "confirmed", "Joku Muu")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("file.write_text('')", 2),
        ("file.unlink()", 2),
        ("sys.exit(1)", 2),
        ("file.write_bytes(bytes([255]))", 2),
        ("file.write_text('client_name')", 2),
        ("file.write_text('# ei mitään')", 2),
        (replaced('"Joku Muu"', "1"), 2),
        ('file.write_text(file.read_text() + \'"no_such_place" = "1"\')', 2),
        ('file.write_text(file.read_text() + \'"weekly_hours" = "paljon"\')', 3),
    ],
)
def test_a_file_that_is_no_decision_changes_nothing(
    at: At, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: str, code: int
) -> None:
    bench = at("signed")
    submission_id = in_review(bench)
    with_editor(monkeypatch, tmp_path, change)
    said = run("review", "accept", submission_id, "--edit", at=bench.root)
    assert (said.code, bench.row(submission_id).outcome) == (code, "review")
    assert said.err if code == 2 else "weekly_hours" in said.out
    assert "Joku Muu" not in said.err
    assert list((bench.workspace.var / "work").iterdir()) == []


def test_an_editor_that_is_not_there_is_named(at: At, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = at("signed")
    submission_id = in_review(bench)
    monkeypatch.setenv("VISUAL", "/ei/ole/muokkain")
    said = run("review", "accept", submission_id, "--edit", at=bench.root)
    assert (said.code, bench.row(submission_id).outcome) == (2, "review")
    assert "/ei/ole/muokkain" in said.err


def test_a_code_is_told_with_its_text_and_what_to_do(tmp_path: Path, run: Run) -> None:
    (told,) = run("errors", "R01", "--json", at=tmp_path).json
    assert (told["code"], told["severity"], told["field"]) == ("R01", "error", "client_wants_work")
    said = run("errors", "R01", at=tmp_path).out
    assert told["message"] in said
    assert told["remedy"] in said
    assert run("errors", "R00", at=tmp_path).code == 2


# --- workspaces and templates -------------------------------------------------------------------


def test_init_makes_a_workspace_and_changes_nothing_in_one_that_is_there(tmp_path: Path, run: Run) -> None:
    root = tmp_path / "työtila"
    assert run("init", str(root), "--json").json == {"workspace": str(root)}
    for name in ("formgen.toml", "inbox", "outbox", "var", "schemas", "templates/forms", "outbox/schemas"):
        assert (root / name).exists(), name
    assert {file.stem for file in (root / "templates" / "forms").iterdir()} == set(FORMS.forms)
    (root / "formgen.toml").write_text('organiser = "Toinen"\n', encoding="utf-8")
    assert run("init", str(root)).code == 0
    assert (root / "formgen.toml").read_text(encoding="utf-8") == 'organiser = "Toinen"\n'


def test_a_fresh_workspace_issues_and_accepts_a_form(tmp_path: Path, run: Run) -> None:
    root = tmp_path / "työtila"
    run("init", str(root))
    (root / "formgen.toml").write_text(SETTINGS, encoding="utf-8")
    bench = Bench(root)
    assert bench.send("referral", REFERRAL).outcome == "accepted"
    assert run("watch", "--once", "--json", at=root).json["accepted"] == 1


def test_the_demonstration_ends_as_its_story_says(tmp_path: Path, run: Run) -> None:
    said = run("demo", str(tmp_path / "kokeilu"), "--json")
    assert said.code == 0
    expected = [turn["expect"] for story in STORIES for turn in story["submissions"]]
    assert [item["outcome"] for item in said.json] == expected
    assert all(Path(item["path"]).exists() for item in said.json)
    assert not list((tmp_path / "kokeilu" / "inbox").glob("*.docx"))


def test_templates_are_built_from_the_forms_and_pass_their_own_check(workspace: WorkspaceFolder, run: Run) -> None:
    built = run("templates", "build", "--json", at=workspace.root).json
    assert {Path(name).stem for name in built} == set(FORMS.forms)
    checked = run("templates", "check", "--json", at=workspace.root)
    assert checked.code == 0
    assert [(item["ok"], item["problems"]) for item in checked.json] == [(True, [])] * len(built)
    assert all(str(workspace.root) in item["file"] for item in checked.json)


def test_a_template_that_the_office_has_is_not_overwritten_unasked(workspace: WorkspaceFolder, run: Run) -> None:
    file = workspace.root / "templates" / "forms" / "referral.docx"
    file.write_bytes(b"of the office")
    assert run("templates", "build", "referral", "--json", at=workspace.root).json == []
    assert file.read_bytes() == b"of the office"
    assert run("templates", "build", "referral", "--force", "--json", at=workspace.root).json == [str(file)]
    assert file.read_bytes() != b"of the office"


def test_a_template_that_has_lost_a_field_is_named_with_it(workspace: WorkspaceFolder, run: Run) -> None:
    file = workspace.root / "templates" / "forms" / "referral.docx"
    source = REPOSITORY / "templates" / "forms" / "referral.docx"
    file.write_bytes(changed(source.read_bytes(), lambda _, text: text.replace("{{ client_last_name }}", "")))
    said = run("templates", "check", "--json", at=workspace.root)
    broken = {item["form"]: item["problems"] for item in said.json if not item["ok"]}
    assert (said.code, set(broken)) == (1, {"referral"})
    assert any("client_last_name" in problem or "Sukunimi" in problem for problem in broken["referral"])


def test_what_is_no_document_is_no_template(workspace: WorkspaceFolder, run: Run) -> None:
    (workspace.root / "templates" / "forms" / "referral.docx").write_bytes(b"no document")
    said = run("templates", "check", "--json", at=workspace.root)
    assert (said.code, [item["form"] for item in said.json if not item["ok"]]) == (1, ["referral"])


def test_schemas_are_written_where_asked(workspace: WorkspaceFolder, run: Run) -> None:
    places = run("schemas", "skeemat", "--json", at=workspace.root).json
    names = {f"{name}.schema.json" for name in (*FORMS.forms, "record", "reason", "feed")}
    assert {Path(place).name for place in places} == names == {file.name for file in Path("skeemat").iterdir()}
    shutil.rmtree("skeemat")

"""PDF forms go through the whole loop beside Word ones: dropped, read, judged, asked about, answered."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from PIL import Image
from typer.testing import CliRunner

from formgen import formats
from formgen.cli import app
from formgen.documents.extraction import Extraction
from formgen.formats import is_whole, pdf
from formgen.i18n import clean_text
from formgen.sandbox import reader_pool
from tests.conftest import DECIDED, REFERRAL, WALK, Bench
from tests.support.foreign import flattened

At = Callable[[str], Bench]


def form(bench: Bench, name: str, answers: Mapping[str, str], case_id: str | None = None) -> bytes:
    """Return a PDF form that was issued and filled."""
    return bench.filled(bench.issue(name, case_id, format_name="pdf"), answers)


def run(bench: Bench, *command: str, typed: str = "") -> tuple[int, object]:
    """Return exit code and answer of a command, to which somebody types something."""
    done = CliRunner().invoke(app, ["--workspace", str(bench.root), "--json", *command], input=typed)
    return done.exit_code, json.loads(done.stdout)


def test_a_case_walks_from_referral_to_job_in_pdf(bench: Bench) -> None:
    case_id, seen = None, []
    for turn in WALK:
        row = bench.returned(form(bench, turn["form"], turn["answers"], case_id), "lomake.pdf")
        record, case_id = bench.record(row), row.case_id
        seen.append((record["form"], record["phase"]["transitions"]))
        source = record["provenance"]
        assert (source["reader"], source["media_type"], source["facts"]) == ("pdf", "application/pdf", [])
        assert {field["layer"] for field in source["fields"]} == {"acroform"}
    assert seen == [
        *(("referral", ["T01"]), ("referral", ["T02"])),
        *(("cooperation_agreement", ["T04"]), ("job_start", ["T13"])),
    ]


def test_a_pdf_and_a_word_document_say_the_same(bench: Bench) -> None:
    records = [
        bench.record(bench.returned(bench.filled(bench.issue("referral", format_name=kind), DECIDED), f"a.{kind}"))
        for kind in ("docx", "pdf")
    ]
    assert records[0]["data"] == records[1]["data"]


def test_pdf_and_word_come_mixed_in_one_batch(bench: Bench) -> None:
    word = bench.filled(bench.issue("referral"), REFERRAL)
    bench.drop(word, "a.docx")
    bench.drop(form(bench, "referral", REFERRAL), "b.PDF")
    bench.drop(form(bench, "referral", {**REFERRAL, "client_wants_work": "no"}), "c.pdf")
    bench.drop(b"%PDF-1.7\n%%EOF\n", "d.pdf")
    bench.drop(b"", "e.pdf.part")
    bench.watch()
    rows = {row.file_name: row for row in bench.journal.find_submissions()}
    assert {name: (row.outcome, row.code) for name, row in rows.items()} == {
        "a.docx": ("accepted", None),
        "b.PDF": ("accepted", None),
        "c.pdf": ("rejected", "invalid_values"),
        "d.pdf": ("rejected", "unreadable"),
    }


def test_the_commands_read_and_submit_take_both(bench: Bench, tmp_path: Path) -> None:
    files = []
    for name, data in (
        ("a.pdf", form(bench, "referral", REFERRAL)),
        ("b.docx", bench.filled(bench.issue("referral"), REFERRAL)),
    ):
        files.append(str(tmp_path / name))
        Path(files[-1]).write_bytes(data)
    for command in ("read", "submit"):
        code, told = run(bench, command, *files)
        assert (code, [item["outcome"] for item in told]) == (0, ["accepted", "accepted"])
        assert told[0]["answers"]["client_wants_work"]["layer"] == "acroform"


def test_an_archived_copy_that_comes_back_is_the_same_again(bench: Bench, tmp_path: Path) -> None:
    record = bench.record(bench.returned(form(bench, "referral", REFERRAL), "lomake.pdf"))
    copy = tmp_path / "arkisto.pdf"
    assert run(bench, "archive", record["record_id"], "-o", str(copy))[0] == 0
    code, (told,) = run(bench, "submit", str(copy))
    assert (code, told["outcome"]) == (0, "duplicate")


# --- a file that is still being written ---------------------------------------------------------


def test_a_pdf_is_finished_when_nothing_follows_its_end_mark(tmp_path: Path, bench: Bench) -> None:
    data = form(bench, "referral", REFERRAL)
    file = tmp_path / "lomake.pdf"
    for kept, unfinished in (
        (data, False),
        (data + b"\r\n", False),
        (data[:-8], True),
        (data[: len(data) // 2], True),
        (data + b"12 0 obj\n<< /V (uusi", True),
    ):
        file.write_bytes(kept)
        assert is_whole(io.BytesIO(kept)) is not unfinished


def test_an_unfinished_save_on_top_waits_and_is_then_refused(bench: Bench) -> None:
    (bench.root / "formgen.toml").write_text("[intake]\nquiet = 0.05\nincomplete = 0.3\n", encoding="utf-8")
    office = bench.restarted()
    row = office.returned(form(office, "referral", REFERRAL) + b"12 0 obj\n<< /V (uusi", "lomake.pdf")
    assert office.reason(row)["code"] == "unreadable"


# --- unsafe -------------------------------------------------------------------------------------


def test_a_form_that_runs_something_is_refused_and_says_what(bench: Bench) -> None:
    with pikepdf.open(io.BytesIO(form(bench, "referral", REFERRAL))) as document:
        document.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)"))
        out = io.BytesIO()
        document.save(out)
    reason = bench.reason(bench.returned(out.getvalue(), "lomake.pdf"))
    assert (reason["code"], "javascript" in reason["errors"][0]["message"]) == ("unsafe", True)


def test_a_note_over_the_page_is_asked_about(bench: Bench) -> None:
    with pikepdf.open(io.BytesIO(form(bench, "referral", REFERRAL))) as document:
        note = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.FreeText, Rect=[9, 9, 99, 99], Contents="Soittakaa ensin"
        )
        document.pages[0].Annots.append(document.make_indirect(note))
        out = io.BytesIO()
        document.save(out)
    assert bench.returned(out.getvalue(), "lomake.pdf").outcome == "review"


# --- flattened ----------------------------------------------------------------------------------


def test_a_flattened_form_is_asked_about_with_pictures_and_then_taken(at: At) -> None:
    bench = at("new")
    sent = bench.record(bench.returned(form(bench, "referral", REFERRAL), "lomake.pdf"))
    row = bench.returned(flattened(form(bench, "referral", REFERRAL)), "tuloste.pdf")
    assert row.outcome == "review"
    code, told = run(bench, "review", "show", row.submission_id)
    assert code == 0
    asked = {error["field"] for error in told["reason"]["errors"]}
    assert asked == set(told["pictures"])
    assert "client_last_name" in asked
    for picture in told["pictures"].values():
        with Image.open(picture) as image:
            assert min(image.size) > 20
    code, (taken,) = run(bench, "review", "accept", row.submission_id)
    assert (code, taken["outcome"]) == (0, "accepted")
    assert one_line(taken["record"]["data"]) == one_line(sent["data"])
    assert list(bench.workspace.pictures.iterdir()) == []


def test_a_value_off_a_page_that_cannot_be_right_is_shown_to_a_person_and_not_returned_to_its_sender(at: At) -> None:
    bench = at("new")
    row = bench.returned(flattened(form(bench, "referral", {**REFERRAL, "client_hetu": "130485-901M"})), "tuloste.pdf")
    assert (row.outcome, row.reply_id) == ("review", None)
    assert "client_hetu" in run(bench, "review", "show", row.submission_id)[1]["pictures"]
    assert run(bench, "review", "accept", row.submission_id)[0] == 3
    assert bench.row(row.submission_id).outcome == "review"
    typed = f"{REFERRAL['client_hetu']}\n"
    assert run(bench, "review", "accept", row.submission_id, "--set", "client_hetu", typed=typed)[0] == 0
    assert bench.record(bench.row(row.submission_id))["data"]["client_hetu"] == REFERRAL["client_hetu"]


def one_line(value: object) -> object:
    """Return a value without the ends of its lines: a page does not tell them from where a line was full."""
    return json.loads(json.dumps(value).replace("\\n", " "))


def test_no_reader_is_told_what_a_flattened_form_went_out_with(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    bench, told = at("decided"), []

    def read(data: bytes, papers: reader_pool.FormSpecs, _: object) -> Extraction:
        told.append(pickle.dumps([paper._replace(layout=None) for paper in papers.values()]))
        return formats.read_document(data, papers)

    made = bench.issue("cooperation_agreement", bench.case().case_id, format_name="pdf")
    issued = bench.journal.find_issued_document(made.instance_id)
    monkeypatch.setattr(reader_pool, "read", read)
    sheet = bench.intake.decision_engine.reader.read_document(flattened(Path(made.path).read_bytes()))
    assert issued
    known = {clean_text(text) for text in issued.answers.values() if len(text) > 9}
    assert {answer.text for answer in sheet.answers.values() if answer.confidence == 1} > known
    first, second = told
    assert {text for text in known if text.encode() in second and text.encode() not in first} == set()


def test_a_flattened_form_that_nobody_touched_is_what_was_issued(at: At) -> None:
    bench = at("decided")
    made = bench.issue("cooperation_agreement", bench.case().case_id, format_name="pdf")
    sheet = bench.intake.decision_engine.reader.read_document(flattened(Path(made.path).read_bytes()))
    given = bench.journal.find_issued_document(made.instance_id).answers
    assert {path: answer.text for path, answer in sheet.answers.items() if answer.text} == {
        path: clean_text(text) for path, text in given.items()
    }
    assert {answer.confidence for answer in sheet.answers.values()} == {1.0}
    assert sheet.pictures == {}


def test_missing_and_foreign_pages_are_named(at: At) -> None:
    bench = at("new")
    data = flattened(form(bench, "referral", REFERRAL))
    document, foreign = pypdfium2.PdfDocument(data), pypdfium2.PdfDocument.new()
    foreign.new_page(595, 842)
    document.del_page(1)
    document.import_pages(foreign, [0], 1)
    out = io.BytesIO()
    document.save(out)
    document.close()
    foreign.close()
    row = bench.returned(out.getvalue(), "tuloste.pdf")
    messages = [error["message"] for error in json.loads(row.reason)["errors"]]
    assert row.outcome in ("review", "rejected")
    assert "Asiakirjasta puuttuu sivuja: 2." in messages
    assert "Asiakirjassa on muita kuin lomakkeen sivuja: 2." in messages


def test_pages_of_two_documents_are_in_conflict(at: At) -> None:
    bench = at("new")
    first, second = (pypdfium2.PdfDocument(flattened(form(bench, "referral", REFERRAL))) for _ in range(2))
    first.del_page(1)
    first.import_pages(second, [1], 1)
    out = io.BytesIO()
    first.save(out)
    first.close()
    second.close()
    row = bench.returned(out.getvalue(), "tuloste.pdf")
    assert ("R89", "") in bench.errors(row)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_page_that_lies_on_its_side_is_read(turn: int, at: At) -> None:
    bench = at("new")
    data = flattened(form(bench, "referral", REFERRAL))
    straight = bench.intake.decision_engine.reader.read_document(data)
    with pikepdf.open(io.BytesIO(data)) as document:
        for page in document.pages:
            page.rotate(turn, relative=True)
        out = io.BytesIO()
        document.save(out)
    turned = bench.intake.decision_engine.reader.read_document(out.getvalue())
    assert words(turned) == words(straight)
    assert (turned.facts, turned.tokens["qr"]) == (straight.facts, straight.tokens["qr"])


def words(sheet: Extraction) -> dict[str, tuple[list[str], float]]:
    """Return the words of each answer, whose lines may come in another order from a page that was turned."""
    return {path: (sorted(answer.text.split()), answer.confidence) for path, answer in sheet.answers.items()}


def test_the_format_says_what_it_takes() -> None:
    assert pdf.FORMAT.media_types == {".pdf": "application/pdf"}
    assert pdf.FORMAT.can_read(b"\xef\xbb\xbf\n%PDF-1.7") is True
    assert pdf.FORMAT.can_read(b"PK\x03\x04 %PDF-1.7") is False

"""Which program has saved a document, and what its sender is told of it."""

from __future__ import annotations

import pytest

from formgen.documents.producers import PRODUCERS, identify_producer
from formgen.formats import docx, pdf
from formgen.formats.docx.package import Package
from tests.conftest import Bench, changed
from tests.support.replies import WRONG, rejected, reply

SAID = {
    "Google Docs": "google_docs",
    "Skia/PDF m126 Google Docs Renderer": "google_docs",
    "Skia/PDF m120 Mozilla/5.0 (Windows NT 10.0) Chrome/120 Edg/120": "browser",
    "cairo 1.18.0 (https://cairographics.org) Mozilla Firefox 128.0": "browser",
    "macOS Version 14.5 (Build 23F79) Quartz PDFContext Preview": "preview",
    "Microsoft: Print To PDF": "print_to_pdf",
    "Microsoft® Word for Microsoft 365": "word_export",
    "GPL Ghostscript 10.02.1 PDFCreator 5.1": "pdf_printer",
    "CamScanner (intsig.com)": "scanner",
    "Adobe Scan for Android": "scanner",
    "Microsoft Lens": "scanner",
    "LibreOffice 24.2 Writer": "libreoffice",
    "LibreOffice/7.4.7.2$Linux_X86_64 LibreOffice_project/40": "libreoffice",
    "Adobe Acrobat 24.2": "acrobat",
    "PDF.js v4.2.67": "pdfjs",
    "formgen": "",
    "jokin muu": "",
    "": "",
}


@pytest.mark.parametrize(("said", "key"), SAID.items())
def test_a_program_is_recognised_by_what_it_says_of_itself(said: str, key: str) -> None:
    assert identify_producer(said) == key


def test_every_program_of_the_table_but_pandoc_and_pdf_lib_has_an_example() -> None:
    assert PRODUCERS.keys() - set(SAID.values()) == {"pandoc", "pdf_lib"}


def saved_by(data: bytes, program: str) -> bytes:
    """Return a Word document that says a program has saved it."""

    def change(name: str, text: str) -> str:
        old = "<Application>Microsoft Macintosh Word</Application>"
        return text.replace(old, f"<Application>{program}</Application>") if name == "docProps/app.xml" else text

    return changed(data, change)


def test_what_we_send_out_names_no_program(bench: Bench) -> None:
    papers = bench.intake.decision_engine.reader.build_form_specs()
    for name, module in (("docx", docx), ("pdf", pdf)):
        assert module.read(bench.filled(bench.issue("referral", format_name=name), {}), papers).producer == ""


@pytest.mark.usefixtures("unwalled")
def test_a_record_and_a_reason_name_the_program(bench: Bench) -> None:
    data = bench.filled(bench.issue("referral"), {**WRONG_REFERRAL})
    row = bench.returned(saved_by(data, "LibreOffice/24.2"))
    assert bench.reason(row)["producer"] == "libreoffice"
    assert "LibreOffice" not in words(reply(bench, row))


@pytest.mark.usefixtures("unwalled")
def test_who_used_a_program_that_takes_the_fields_out_is_told_which_way_works(bench: Bench) -> None:
    data = bench.filled(bench.issue("referral"), {**WRONG_REFERRAL})
    row = bench.returned(saved_by(data, "Google Docs"))
    assert PRODUCERS["google_docs"].advice in words(reply(bench, row))


def test_a_file_that_is_no_form_names_its_program_through_the_wall(bench: Bench) -> None:
    with_token = bench.filled(bench.issue("referral"), {})
    stranger = changed(with_token, lambda _, text: text.replace("fg1:", "").replace("form_", "muu_"))
    row = bench.returned(saved_by(stranger, "Google Docs"))
    assert (row.code, bench.reason(row)["producer"]) == ("not_a_form", "google_docs")
    assert PRODUCERS["google_docs"].advice in words(reply(bench, row))


def test_a_letter_without_a_program_says_nothing_of_one(bench: Bench) -> None:
    row = bench.returned(b"no form", "kissa.txt")
    assert bench.reason(row)["producer"] is None
    assert "tallennettu ohjelmalla" not in words(reply(bench, row))


def words(data: bytes) -> str:
    """Return the text of a Word document."""
    package = Package(data)
    return " ".join(package.parse_member(package.main).itertext())


WRONG_REFERRAL = WRONG["code"].answers


@pytest.mark.usefixtures("unwalled")
def test_a_reply_to_a_form_that_was_saved_well_names_no_program(bench: Bench) -> None:
    row = rejected(bench, WRONG["code"])
    assert bench.reason(row)["producer"] is None

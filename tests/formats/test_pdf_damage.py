"""A PDF that is damaged, altered or hostile has one outcome that says so, and takes nothing with it."""

from __future__ import annotations

import importlib
import io
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache

import pikepdf
import pypdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, String

from formgen import formats
from formgen.documents.extraction import Extraction
from formgen.errors import Unreadable
from formgen.formats import pdf
from formgen.formats.pdf import by_pdfium, fields
from formgen.sandbox import reader_pool
from formgen.settings import Intake
from tests.support.pdf_forms import FORMS, doubted, issued, known, papers, read, said, token, typed

FORM = min(FORMS, key=lambda form: len(issued(form)))
READING = importlib.import_module("formgen.formats.pdf.read")
LINE = next(
    question.path for question in FORM.list_questions() if question.path in known(FORM) and not question.choices
)
Change = Callable[[Pdf], object]


@cache
def filled() -> bytes:
    """Return a form as somebody has filled it."""
    return pdf.fill_document(issued(FORM), typed(FORM))


@cache
def saved_on_top() -> bytes:
    """Return a form with one field changed by a save that leaves the earlier bytes as they are."""
    reader = pypdf.PdfReader(io.BytesIO(filled()))
    writer = pypdf.PdfWriter(reader, incremental=True)
    writer.update_page_form_field_values(writer.pages[0], {LINE: "muutettu"}, auto_regenerate=False)
    out = io.BytesIO()
    writer.write(out)
    assert out.getvalue().startswith(filled())
    return out.getvalue()


def changed(change: Change, data: bytes | None = None, **how: object) -> bytes:
    """Return a form after a change to its objects."""
    with pikepdf.open(io.BytesIO(data or filled())) as document:
        change(document)
        out = io.BytesIO()
        document.save(out, **{"object_stream_mode": pikepdf.ObjectStreamMode.disable, **how})
        return out.getvalue()


def fields_of(document: Pdf) -> dict[str, pikepdf.Object]:
    """Return the fields of a document by name."""
    found = {}

    def walk(nodes: pikepdf.Object, above: str) -> None:
        for node in nodes:
            name = f"{above}{node.T}"
            if "/Kids" in node:
                walk(node.Kids, f"{name}.")
            else:
                found[name] = node

    walk(document.Root.AcroForm.Fields, "")
    return found


def outcome(data: bytes) -> str:
    """Return the code of the refusal of a file behind the wall, or ``read``."""
    try:
        reader_pool.read(data, papers(), Intake())
    except Unreadable as error:
        return error.code
    return "read"


# --- cut off and damaged ------------------------------------------------------------------------


def test_a_save_that_came_to_its_end_reads_as_the_new_values() -> None:
    assert said(read(saved_on_top()))[LINE] == "muutettu"


@pytest.mark.parametrize("share", [0.01, 0.25, 0.5, 0.75, 0.95, 0.999])
def test_a_save_that_was_cut_off_never_reads_as_the_old_values(share: float) -> None:
    whole, before = saved_on_top(), len(filled())
    with pytest.raises(Unreadable) as refused:
        read(whole[: before + int((len(whole) - before) * share)])
    assert refused.value.code == "unreadable"
    assert "kesken" in refused.value.message


@pytest.mark.parametrize("share", [0.001, 0.25, 0.5, 0.75, 0.95, 0.999])
def test_half_a_file_is_refused(share: float) -> None:
    with pytest.raises(Unreadable) as refused:
        read(filled()[: int(len(filled()) * share)])
    assert refused.value.code == "unreadable"


def without_table(data: bytes) -> bytes:
    """Return a file whose end does not tell where its table of objects is."""
    return data[: data.rindex(b"startxref")] + b"startxref\n0\n%%EOF\n"


DAMAGED = {
    "no_place_of_the_table": without_table(filled()),
    "a_table_somewhere_else": filled().replace(b"startxref\n", b"startxref\n1"),
    "bytes_before_the_end_lost": filled()[:9000] + filled()[9100:],
    "junk_after_the_end": filled() + b"<html>virhe</html>",
    "no_catalog": b"%PDF-1.7\ntrailer <</Size 1>>\nstartxref\n9\n%%EOF\n",
    "only_a_head": b"%PDF-1.7\n%%EOF\n",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_file_that_would_have_to_be_repaired_is_refused(name: str) -> None:
    assert outcome(DAMAGED[name]) == "unreadable"


def test_white_space_around_a_file_is_no_damage() -> None:
    assert said(read(filled() + b"\r\n\0\0")) == said(read(filled()))


def test_a_file_with_a_fault_in_an_object_needs_a_person() -> None:
    sheet = read(filled().replace(b"/Creator", b"/Crea#or"))
    assert "warned" in sheet.facts
    assert said(sheet) == said(read(filled()))


def test_nothing_of_a_damaged_file_reaches_a_log(caplog: pytest.LogCaptureFixture) -> None:
    for data in (*DAMAGED.values(), filled().replace(b"/Creator", b"/Crea#or"), filled()[:-100] + b"%%EOF"):
        with suppress(Unreadable):
            read(data)
    assert caplog.text == ""


# --- fields -------------------------------------------------------------------------------------


def without(name: str) -> Change:
    """Return a change that takes a field out of the form."""

    def change(document: Pdf) -> None:
        held = fields_of(document)[name]
        above = held.Parent.Kids if "/Parent" in held else document.Root.AcroForm.Fields
        del above[next(at for at, node in enumerate(above) if node.objgen == held.objgen)]

    return change


@pytest.mark.filterwarnings("ignore::pikepdf.exceptions.PageCopyWarning")
def test_a_field_that_is_gone_is_absent_and_not_blank() -> None:
    sheet = read(changed(without(LINE)))
    assert LINE not in sheet.answers
    assert [fact for fact in sheet.facts if fact.startswith("missing_fields:")]
    assert not [fact for fact in read(filled()).facts if fact.startswith("missing_fields:")]


def test_a_page_without_a_field_is_none_of_the_form() -> None:
    sheet = read(changed(lambda document: document.add_blank_page()))
    with pikepdf.open(io.BytesIO(filled())) as document:
        assert sheet.facts == (f"foreign_pages:{len(document.pages) + 1}",)


@pytest.mark.filterwarnings("ignore::pikepdf.exceptions.PageCopyWarning")
def test_a_choice_that_has_lost_a_box_is_in_doubt() -> None:
    question = next(question for question in FORM.list_questions() if question.control == "ticks")
    sheet = read(changed(without(fields.format_field_name(question.path, question.choices[-1].code))))
    assert sheet.answers[question.path].doubts == ("incomplete",)


def added(name: str, value: str) -> Change:
    """Return a change that puts a field into the form."""

    def change(document: Pdf) -> None:
        field = Dictionary(T=String(name), FT=Name.Tx, V=String(value))
        document.Root.AcroForm.Fields.append(document.make_indirect(field))

    return change


def test_a_field_of_somebody_else_is_named_and_what_stands_in_it_is_outside_the_fields() -> None:
    sheet = read(changed(added("oma", "lisäys")))
    assert ("unknown_fields" in sheet.facts, sheet.strays) == (True, ("lisäys",))
    assert said(sheet) == said(read(filled()))


def test_two_fields_of_one_name_are_in_doubt() -> None:
    sheet = read(changed(added(LINE, "toinen")))
    assert "duplicate" in sheet.answers[LINE].doubts


def test_a_box_whose_state_and_value_differ_is_in_doubt() -> None:
    question = next(question for question in FORM.list_questions() if question.control == "ticks")
    name = fields.format_field_name(question.path, question.choices[0].code)

    def change(document: Pdf) -> None:
        held = fields_of(document)[name]
        held.AS = Name.Off if Name.Yes == held.AS else Name.Yes

    assert read(changed(change)).answers[question.path].doubts == ("glyph_state",)


def test_what_two_readers_read_in_two_ways_is_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_pdfium, "read_text", lambda *asked, text=by_pdfium.read_text: text(*asked).replace("ä", "a"))
    answers = doubted(read(changed(lambda document: setattr(fields_of(document)[LINE], "V", String("ääni")))))
    assert answers[LINE].doubts == ("readers_disagree",)
    assert (answers[LINE].text, answers[LINE].confidence) == ("ääni", 0.5)


def test_a_field_that_lies_over_no_page_is_in_doubt() -> None:
    def change(document: Pdf) -> None:
        for page in document.pages:
            page.Annots = Array([note for note in page.Annots if note.get("/T") != LINE])

    line = read(changed(change)).answers[LINE]
    assert (line.text, line.confidence, line.doubts) == (typed(FORM)[LINE], 0.5, ("readers_disagree",))


def test_what_pdfium_cannot_read_is_read_by_pypdf(monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = read(filled())
    monkeypatch.setattr(READING, "read_fields_with_pdfium", lambda _: None)
    assert read(filled()) == sheet


def test_what_only_one_reader_can_read_is_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(READING, "read_with_second_reader", lambda _: None)
    sheet = read(filled())
    assert {answer.doubts for answer in sheet.answers.values()} == {("one_reader",)}
    assert said(sheet) == {path: text for path, text in typed(FORM).items() if text}


NOTES = {
    "FreeText": "Soittakaa ensin",
    "Text": "huomautus",
    "Ink": "",
    "Stamp": "",
}


@pytest.mark.parametrize("kind", NOTES)
def test_what_is_written_over_a_page_is_outside_the_fields(kind: str) -> None:
    def change(document: Pdf) -> None:
        note = Dictionary(Type=Name.Annot, Subtype=Name(f"/{kind}"), Rect=[10, 10, 90, 90], Contents=NOTES[kind])
        document.pages[0].Annots.append(document.make_indirect(note))

    assert read(changed(change)).strays == (NOTES[kind] or kind,)


def test_a_highlight_without_words_is_no_text() -> None:
    def change(document: Pdf) -> None:
        document.pages[0].Annots.append(Dictionary(Type=Name.Annot, Subtype=Name.Highlight, Rect=[10, 10, 90, 90]))

    assert read(changed(change)).strays == ()


def test_the_label_of_an_option_is_its_code() -> None:
    form = next(form for form in FORMS if any(question.control == "list" for question in form.list_questions()))
    question = next(question for question in form.list_questions() if question.control == "list")
    choice = question.choices[-1]
    for stored in (String(choice.label), String(choice.code), Array([String(choice.code)])):
        data = changed(lambda document, value=stored: setattr(fields_of(document)[question.path], "V", value),
                       issued(form))  # fmt: skip
        assert read(data).answers[question.path].text == choice.code


# --- unsafe -------------------------------------------------------------------------------------


def action(kind: str, **more: object) -> Change:
    """Return a change that makes a document do something when it is opened."""
    return lambda document: setattr(document.Root, "OpenAction", Dictionary(S=Name(f"/{kind}"), **more))


def attached(document: Pdf) -> None:
    """Attach a program."""
    document.attachments["lasku.exe"] = pikepdf.AttachedFileSpec(document, b"MZ\x90\0", filename="lasku.exe")


def hidden(document: Pdf) -> None:
    """Keep a program where no list of files leads to it."""
    stream = document.make_stream(b"MZ\x90\0")
    document.Root.Extra = document.make_indirect(Dictionary(EF=document.make_indirect(Dictionary(F=stream))))


def bait(document: Pdf) -> None:
    """Put an external entity into the metadata and a form description."""
    evil = b'<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>'
    document.Root.AcroForm.XFA = document.make_stream(evil)
    document.Root.Metadata = document.make_stream(evil)


UNSAFE: dict[str, Change] = {
    "javascript": action("JavaScript", JS=String("app.alert(1)")),
    "launch": action("Launch", F=String("/bin/sh")),
    "external": action("GoToR", F=String("toinen.pdf")),
    "submit": action("SubmitForm", F=String("https://example.com")),
    "import": action("ImportData", F=String("x.fdf")),
    "richmedia": lambda document: document.pages[0].Annots.append(
        Dictionary(Type=Name.Annot, Subtype=Name.RichMedia, Rect=[0, 0, 9, 9])
    ),
    "embedded": attached,
    "xfa": bait,
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("name", [*UNSAFE, "hidden"])
def test_unsafe_content_is_named_and_the_values_are_read(name: str, packed: bool) -> None:
    mode = pikepdf.ObjectStreamMode.generate if packed else pikepdf.ObjectStreamMode.disable
    sheet = read(changed({**UNSAFE, "hidden": hidden}[name], object_stream_mode=mode))
    assert {"hidden": "embedded"}.get(name, name) in sheet.facts
    assert said(sheet) == said(read(filled()))


def test_a_name_that_is_spelled_in_numbers_is_found() -> None:
    assert "launch" in read(changed(action("Launchxx")).replace(b"/Launchxx", b"/L#61unch")).facts
    assert "launch" not in read(changed(action("Launchxx"))).facts


def test_words_that_people_type_are_no_unsafe_content() -> None:
    data = pdf.fill_document(issued(FORM), {LINE: "/JS /Launch (/XFA) \\"})
    assert read(changed(lambda _: None, data, object_stream_mode=pikepdf.ObjectStreamMode.generate)).facts == ()
    assert read(data).facts == ()


# --- locked -------------------------------------------------------------------------------------


@pytest.mark.parametrize("strength", [3, 4, 6], ids=["RC4-128", "AES-128", "AES-256"])
def test_a_file_that_opens_without_a_password_is_read(strength: int) -> None:
    lock = pikepdf.Encryption(owner="omistaja", user="", R=strength, aes=strength > 3, metadata=strength > 3)
    assert said(read(changed(lambda _: None, encryption=lock))) == said(read(filled()))


def test_a_file_with_a_password_is_refused_as_locked() -> None:
    assert outcome(changed(lambda _: None, encryption=pikepdf.Encryption(owner="o", user="salasana"))) == "encrypted"


# --- hostile ------------------------------------------------------------------------------------


def many_fields(document: Pdf) -> None:
    """Put 100 000 fields into the form."""
    document.Root.AcroForm.Fields.extend(Dictionary(T=String(f"k{at}"), FT=Name.Tx) for at in range(100_000))


def deep(document: Pdf) -> None:
    """Put a field below 3 000 others."""
    field = document.make_indirect(Dictionary(T=String("x"), FT=Name.Tx))
    for _ in range(3_000):
        field = document.make_indirect(Dictionary(T=String("x"), Kids=Array([field])))
    document.Root.AcroForm.Fields.append(field)


def loop(document: Pdf) -> None:
    """Make a field its own child."""
    field = document.make_indirect(Dictionary(T=String("x")))
    field.Kids = Array([field])
    document.Root.AcroForm.Fields.append(field)


def many_pages(document: Pdf) -> None:
    """Add 500 pages."""
    for _ in range(500):
        document.pages.append(document.pages[0])


def page_loop(document: Pdf) -> None:
    """Make the tree of pages its own child."""
    document.Root.Pages.Kids = Array([document.Root.Pages])


def titled(document: Pdf) -> None:
    """Give a field a part of the document's structure for a title."""
    fields_of(document)[LINE].T = document.Root.StructTreeRoot


def widget_titled(document: Pdf) -> None:
    """Lay a field over a page whose title is a part of the structure, and which the tree does not know."""
    strange = Dictionary(Type=Name.Annot, Subtype=Name.Widget, FT=Name.Tx, T=document.Root.StructTreeRoot)
    document.pages[0].Annots.append(document.make_indirect(strange))


def gigabyte(head: bytes = b"") -> bytes:
    """Return what is inflated to a head and a gigabyte of spaces."""
    press = zlib.compressobj(9)
    start = press.compress(head) + press.flush(zlib.Z_FULL_FLUSH)
    block = press.compress(b" " * (1 << 20)) + press.flush(zlib.Z_FULL_FLUSH)
    return start + block * 1024 + press.flush()


def bomb(document: Pdf) -> None:
    """Put a gigabyte of nothing into what becomes the metadata when its name is put right."""
    del document.Root.Metadata
    document.Root.Metadatx = document.make_stream(gigabyte(), Filter=Name.FlateDecode)


def object_bomb() -> bytes:
    """Return a file whose catalog is in a stream of a gigabyte."""
    body = gigabyte(b"1 0 <</Type /Catalog /Pages 2 0 R>>")
    out = bytearray(b"%PDF-1.5\n")
    at = len(out)
    out += b"3 0 obj <</Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length %d>> stream\n" % len(body)
    out += body + b"\nendstream endobj\n"
    table = len(out)
    rows = b"".join(
        kind.to_bytes(1) + where.to_bytes(4) + more.to_bytes(2)
        for kind, where, more in ((0, 0, 65535), (2, 3, 0), (0, 0, 0), (1, at, 0), (1, table, 0))
    )
    out += b"4 0 obj <</Type /XRef /Size 5 /W [1 4 2] /Root 1 0 R /Length %d>> stream\n" % len(rows)
    out += rows + b"\nendstream endobj\nstartxref\n%d\n%%%%EOF\n" % table
    return bytes(out)


def nested(document: Pdf) -> None:
    """Put an array into an array, and so on."""
    document.Root.Deep = Array([])
    document.Root.AcroForm.Deep = String("DEEP")


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "100_000_fields": (lambda: changed(many_fields), "unsafe"),
    "fields_3_000_deep": (lambda: changed(deep), "unsafe"),
    "a_title_that_is_the_structure": (lambda: changed(titled), "unsafe"),
    "a_widget_whose_title_is_the_structure": (lambda: changed(widget_titled), "unsafe"),
    "a_field_that_is_its_own_child": (lambda: changed(loop), "unsafe"),
    "500_pages": (lambda: changed(many_pages), "too_large"),
    "pages_that_are_their_own_children": (lambda: changed(page_loop), "unreadable"),
    "a_gigabyte_of_metadata": (lambda: changed(bomb).replace(b"/Metadatx", b"/Metadata"), "read"),
    "a_gigabyte_of_objects": (object_bomb, "unreadable"),
    "arrays_100_000_deep": (
        lambda: changed(nested).replace(b"(DEEP)", b"[" * 100_000 + b"]" * 100_000),
        "unreadable",
    ),
    "no_pdf_behind_the_head": (lambda: b"%PDF-1.7\n" + bytes(100_000) + b"\n%%EOF", "unreadable"),
}


@pytest.mark.filterwarnings("ignore::pikepdf.PageCopyWarning")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_within_the_limits(name: str) -> None:
    make, expected = HOSTILE[name]
    assert outcome(make()) == expected


def test_the_next_file_is_read_as_if_nothing_had_happened() -> None:
    assert outcome(object_bomb()) != "read"
    sheet = reader_pool.read(filled(), papers(), Intake())
    assert sheet == read(filled())
    assert isinstance(sheet, Extraction)


def test_a_file_of_somebody_else_is_no_form() -> None:
    document = Pdf.new()
    document.add_blank_page()
    out = io.BytesIO()
    document.save(out)
    sheet = formats.read_document(out.getvalue(), papers())
    assert (sheet.answers, sheet.tokens) == ({}, {})
    assert token(FORM) not in str(sheet)

"""The fields of a file as PDFium finds them: by what lies over the pages, as a viewer does.

It shares no code with qpdf and takes another way, from the pages instead of the tree, so that the two
agree only on fields that somebody can have seen. What is printed on the pages, and what the file says
of itself, is hidden from it: it need not be read, and what takes for ever to read does no harm.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pypdfium2
from pypdfium2 import raw

from formgen.errors import Reason, Unreadable
from formgen.formats.pdf.document import PAGES
from formgen.formats.pdf.tree import FIELDS, SIGNED, FieldContent, Fields

KINDS = {
    raw.FPDF_FORMFIELD_PUSHBUTTON: "Btn",
    raw.FPDF_FORMFIELD_CHECKBOX: "Btn",
    raw.FPDF_FORMFIELD_RADIOBUTTON: "Btn",
    raw.FPDF_FORMFIELD_COMBOBOX: "Ch",
    raw.FPDF_FORMFIELD_LISTBOX: "Ch",
    raw.FPDF_FORMFIELD_TEXTFIELD: "Tx",
    raw.FPDF_FORMFIELD_SIGNATURE: "Sig",
}
UNREAD = (b"/Contents", b"/Metadata")


def read_fields_with_pdfium(data: bytes) -> Fields | None:
    """Return the fields as PDFium finds them, None when it cannot read the file; raise `Unreadable` for a bomb."""
    for entry in UNREAD:
        data = data.replace(entry, entry[:-1] + b"-")  # as long, so that every object stays where it is
    try:
        with pypdfium2.PdfDocument(data) as document:
            document.init_forms()
            widgets = list(islice(iter_fields(document), FIELDS + 1)) if document.formenv else []
    except pypdfium2.PdfiumError:
        return None
    if len(widgets) > FIELDS:
        raise Unreadable(Reason.UNSAFE)
    fields: dict[str, list[FieldContent]] = {}
    for name, held in widgets:
        fields.setdefault(name, []).append(held)
    return {name: tuple(held) for name, held in fields.items()}


def iter_fields(document: Any) -> Iterator[tuple[str, FieldContent]]:
    """Yield name and content of every field that lies over a page; one that lies over several comes as often."""
    form = document.formenv
    for number in range(min(len(document), PAGES)):
        page = raw.FPDF_LoadPage(document, number)
        for place in range(raw.FPDFPage_GetAnnotCount(page)):
            note = raw.FPDFPage_GetAnnot(page, place)
            if kind := KINDS.get(raw.FPDFAnnot_GetFormFieldType(form, note)):
                yield read_text(raw.FPDFAnnot_GetFormFieldName, form, note), read_field(form, note, kind)
            raw.FPDFPage_CloseAnnot(note)
        raw.FPDF_ClosePage(page)


def read_field(form: Any, note: Any, kind: str) -> FieldContent:
    """Read the value of a field; of a button its own value where it has one, else the box that is ticked."""
    if kind == "Sig":
        return FieldContent(kind, SIGNED if raw.FPDFAnnot_HasKey(note, b"V") else "")
    if kind != "Btn":
        return FieldContent(kind, read_text(raw.FPDFAnnot_GetFormFieldValue, form, note))
    own = raw.FPDFAnnot_HasKey(note, b"V")
    value = (
        read_text(raw.FPDFAnnot_GetStringValue, note, b"V")
        if own
        else read_text(raw.FPDFAnnot_GetFormFieldValue, form, note)
    )
    return FieldContent(kind, value, frozenset([read_text(raw.FPDFAnnot_GetStringValue, note, b"AS")]))


def read_text(call: Any, *asked: Any) -> str:
    """Return the text that a call writes, in UTF-16 with a zero after it, into what it is given."""
    room = 512
    while True:
        letters = (ctypes.c_ushort * (room // 2))()
        size = call(*asked, letters, room)
        if size <= room:
            return bytes(letters)[: max(size - 2, 0)].decode("utf-16-le", "replace")
        room = size

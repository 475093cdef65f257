"""Somebody else's programs: each fills PDF forms in its own way, all of them in one go."""

from __future__ import annotations

import ctypes
import io
import json
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import pikepdf
import pypdf
import pypdfium2
from pikepdf.form import Form as PikepdfForm
from pypdfium2 import raw

HERE = Path(__file__).parents[1]
SECONDS = 300
Values = Mapping[str, str | bool]


@dataclass(frozen=True)
class Job:
    """One document to fill: the bytes, and for each field's name a text or whether it is ticked."""

    data: bytes
    fields: Values

    def options(self) -> dict[str, list[str]]:
        """Return the codes of each list of the document, in order."""
        with pikepdf.open(io.BytesIO(self.data)) as document:
            form = PikepdfForm(document, None)
            return {
                name: [str(code) for code, _ in form[name]._field.obj.Opt]
                for name in self.fields
                if form[name].is_choice
            }


Filler = Callable[[list[Job], Path], list[bytes]]


def run(command: list[str], given: str = "") -> None:
    """Run a program; what it says when it fails is shown."""
    assert shutil.which(command[0]), f"{command[0]} is among the tools of a developer: sh scripts/test installs it"
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def by_program(command: list[str]) -> Filler:
    """Return a filler that gives all jobs to one run of a program."""

    def fill(jobs: list[Job], folder: Path) -> list[bytes]:
        listed = []
        for number, job in enumerate(jobs):
            source = folder / f"{number}.pdf"
            source.write_bytes(job.data)
            target = folder / f"{number}.filled.pdf"
            listed.append({"source": str(source), "target": str(target), "fields": dict(job.fields)})
            listed[-1]["options"] = job.options()
        run(command, json.dumps(listed))
        return [Path(str(job["target"])).read_bytes() for job in listed]

    return fill


def pdftk(jobs: list[Job], folder: Path) -> list[bytes]:
    """Return the documents as pdftk-java fills them from XFDF."""
    found = []
    for number, job in enumerate(jobs):
        source, values, target = (folder / f"{number}{ending}" for ending in (".pdf", ".xfdf", ".filled.pdf"))
        source.write_bytes(job.data)
        values.write_text(xfdf(job.fields), encoding="utf-8")
        run(["pdftk", str(source), "fill_form", str(values), "output", str(target)])
        found.append(target.read_bytes())
    return found


def xfdf(values: Values) -> str:
    """Return the values as XFDF, in which a name is a path of elements."""
    tree: dict[str, dict] = {}  # type: ignore[type-arg]
    for name, value in values.items():
        node = tree
        for step in name.split("."):
            node = node.setdefault(step, {})
        node[""] = {"Yes": {}} if value is True else {"Off": {}} if value is False else {str(value): {}}

    def drawn(node: Mapping[str, Mapping]) -> str:  # type: ignore[type-arg]
        return "".join(
            f"<value>{escape(next(iter(inner)))}</value>"
            if not step
            else f'<field name="{step}">{drawn(inner)}</field>'
            for step, inner in node.items()
        )

    return (
        '<?xml version="1.0" encoding="UTF-8"?><xfdf xmlns="http://ns.adobe.com/xfdf/" xml:space="preserve">'
        f"<fields>{drawn(tree)}</fields></xfdf>"
    )


def by_pikepdf(jobs: list[Job], folder: Path) -> list[bytes]:
    """Return the documents as pikepdf's own form filling saves them."""
    found = []
    for job in jobs:
        with pikepdf.open(io.BytesIO(job.data)) as document:
            form = PikepdfForm(document, None)
            for name, value in job.fields.items():
                field = form[name]
                if isinstance(value, bool):
                    field.checked = value
                elif field.is_choice:
                    field.value = pikepdf.String(value or "-")
                else:
                    field.value = value
            out = io.BytesIO()
            document.save(out)
            found.append(out.getvalue())
    return found


def by_pypdf(jobs: list[Job], folder: Path) -> list[bytes]:
    """Return the documents as pypdf's own form filling saves them."""
    found = []
    for job in jobs:
        writer = pypdf.PdfWriter(clone_from=io.BytesIO(job.data))
        states = {True: "/Yes", False: "/Off"}
        values = {name: states.get(value, value or "") for name, value in job.fields.items()}  # type: ignore[call-overload]
        for page in writer.pages:
            here = {full_name(note.get_object()) for note in page.get("/Annots", ())} & values.keys()
            # It takes the last part of a name for a name too, so that the longest must come last.
            ordered = {name: values[name] for name in sorted(here, key=lambda name: name.count("."))}
            writer.update_page_form_field_values(page, ordered, auto_regenerate=False)
        out = io.BytesIO()
        writer.write(out)
        found.append(out.getvalue())
    return found


def full_name(field: pypdf.generic.DictionaryObject) -> str:
    """Return the fully qualified name of a field."""
    above = full_name(field["/Parent"].get_object()) + "." if "/Parent" in field else ""
    return above + str(field.get("/T", ""))


# --- PDFium, as in Chrome and Edge ----------------------------------------------------------------


def by_pdfium(jobs: list[Job], folder: Path) -> list[bytes]:
    """Return the documents as PDFium saves them after its own form filling."""
    return [pdfium_filled(job) for job in jobs]


def pdfium_filled(job: Job) -> bytes:
    """Return one document, filled field by field as with a mouse and a keyboard."""
    options = job.options()
    document = pypdfium2.PdfDocument(job.data)
    document.init_forms()
    form = document.formenv.raw
    done: set[str] = set()
    for number in range(len(document)):
        page = document[number]
        for index in range(raw.FPDFPage_GetAnnotCount(page.raw)):
            note = raw.FPDFPage_GetAnnot(page.raw, index)
            name = said(raw.FPDFAnnot_GetFormFieldName, form, note)
            if name in job.fields and not raw.FPDFAnnot_GetFormFieldFlags(form, note) & 1:
                set_field(form, page.raw, note, job.fields[name], options.get(name))
                done.add(name)
            raw.FPDFPage_CloseAnnot(note)
        raw.FORM_ForceToKillFocus(form)
    out = io.BytesIO()
    document.save(out)
    document.close()
    return out.getvalue()


def set_field(form: object, page: object, note: object, value: str | bool, codes: Iterable[str] | None) -> None:
    """Tick a box by a click, choose from a list, or replace the whole text."""
    if isinstance(value, bool):
        if bool(raw.FPDFAnnot_IsChecked(form, note)) != value:
            edges = raw.FS_RECTF()
            raw.FPDFAnnot_GetRect(note, edges)
            middle = ((edges.left + edges.right) / 2, (edges.top + edges.bottom) / 2)
            raw.FORM_OnMouseMove(form, page, 0, *middle)
            raw.FORM_OnLButtonDown(form, page, 0, *middle)
            raw.FORM_OnLButtonUp(form, page, 0, *middle)
        return
    assert raw.FORM_SetFocusedAnnot(form, note)
    if codes is not None:
        raw.FORM_SetIndexSelected(form, page, list(codes).index(value or "-"), True)
    else:
        raw.FORM_SelectAllText(form, page)
        raw.FORM_ReplaceSelection(form, page, wide(value))
    raw.FORM_ForceToKillFocus(form)


def wide(text: str) -> ctypes.Array:  # type: ignore[type-arg]
    """Return a text as PDFium takes it: UTF-16 with a zero at its end."""
    data = text.encode("utf-16-le") + b"\0\0"
    return (ctypes.c_ushort * (len(data) // 2)).from_buffer_copy(data)


def said(call: Callable[..., int], form: object, note: object) -> str:
    """Return a text that PDFium writes into a buffer."""
    length = call(form, note, None, 0)
    buffer = (ctypes.c_ushort * (length // 2 + 1))()
    call(form, note, buffer, length)
    return bytes(buffer).decode("utf-16-le").partition("\0")[0]


# --- flattening: what the fields look like becomes part of the pages --------------------------------


def flattened(data: bytes) -> bytes:
    """Return a document as PDFium flattens it, which is what Chrome and Edge print."""
    document = pypdfium2.PdfDocument(data)
    document.init_forms()
    for number in range(len(document) if document.formenv else 0):
        document[number].flatten()
    out = io.BytesIO()
    document.save(out)
    document.close()
    return out.getvalue()


def rewritten(*command: str) -> Callable[[bytes, Path], bytes]:
    """Return a flattener that is a program; ``{source}`` and ``{target}`` are its files."""

    def flatten(data: bytes, folder: Path) -> bytes:
        source, target = folder / "source.pdf", folder / "target.pdf"
        source.write_bytes(data)
        run([part.format(source=source, target=target) for part in command])
        return target.read_bytes()

    return flatten


def shown_in_a_browser(data: bytes, folder: Path) -> bytes:
    """Return a document as Chromium prints a page that shows it as pictures, as web mail does."""
    source, page = folder / "source.pdf", folder / "page.html"
    source.write_bytes(data)
    run(["pdftoppm", "-png", "-r", "200", str(source), str(folder / "page")])
    style = "@page { size: A4; margin: 0 } body { margin: 0 } img { display: block; width: 210mm; height: 296.9mm }"
    shown = "".join(f'<img src="{file.name}">' for file in sorted(folder.glob("page*.png")))
    page.write_text(f"<style>{style}</style>{shown}", encoding="utf-8")
    target = folder / "target.pdf"
    run(["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
         f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={target}", page.as_uri()])  # fmt: skip
    return target.read_bytes()


FLATTENERS: dict[str, Callable[[bytes, Path], bytes]] = {
    "PDFium": lambda data, _: flattened(data),
    "pdftocairo": rewritten("pdftocairo", "-pdf", "{source}", "{target}"),
    "ghostscript": rewritten("gs", "-q", "-dBATCH", "-dNOPAUSE", "-dSAFER", "-sDEVICE=pdfwrite", "-dPrinted=true",
                             "-sOutputFile={target}", "{source}"),
    "qpdf": rewritten("qpdf", "--flatten-annotations=all", "{source}", "{target}"),
    "Chromium": shown_in_a_browser,
}  # fmt: skip
FILLERS: dict[str, Filler] = {
    "pdf.js": by_program(["node", str(HERE / "js" / "pdfjs.mjs")]),
    "PDFium": by_pdfium,
    "poppler": by_program(["/usr/bin/python3", str(Path(__file__).with_name("poppler_fill.py"))]),
    "pdf-lib": by_program(["node", str(HERE / "js" / "pdflib.mjs")]),
    "pdftk": pdftk,
    "pikepdf": by_pikepdf,
    "pypdf": by_pypdf,
}

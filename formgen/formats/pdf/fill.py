"""Fill a PDF as a person does in a viewer: values into its fields, and what they look like.

Knows nothing of layouts: it takes the document as it went out. The demo and the tests use it,
and so does the drawing of a prefilled document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pikepdf
from pikepdf import Array, Name, Object, Pdf, String

from formgen.formats.pdf import appearance
from formgen.formats.pdf.fields import NONE, OFF, ON

READ_ONLY, MULTILINE = 1, 1 << 12
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of random name with mode 0700 is made in it


def fill_document(data: bytes, answers: Mapping[str, str]) -> bytes:
    """Return the document with the answers in its fields; raise `LookupError` for one it lacks.

    ``answers`` maps paths to what is typed; ticks are codes joined by a space, a list's answer
    is a code.
    """
    return apply_change(data, lambda pdf: write_answers(pdf, answers))


def apply_change(data: bytes, change: Callable[[Pdf], None]) -> bytes:
    """Return the file as the change leaves it, plain as viewers save on top of it most safely.

    It goes through files, which pikepdf reads and writes twice as fast as bytes; where the system
    keeps files in memory they never reach a disk.
    """
    with TemporaryDirectory(prefix="formgen-", dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as folder:
        before, after = Path(folder) / "before.pdf", Path(folder) / "after.pdf"
        before.write_bytes(data)
        with Pdf.open(before) as pdf:
            change(pdf)
            pdf.save(
                after,
                object_stream_mode=pikepdf.ObjectStreamMode.disable,
                compress_streams=False,
                fix_metadata_version=False,
                deterministic_id=True,
            )
        return after.read_bytes()


def write_answers(pdf: Pdf, answers: Mapping[str, str]) -> None:
    """Write answers into the fields of an open PDF; raise `LookupError` for one it lacks."""
    fields = dict(iter_named_fields(pdf.Root.AcroForm.Fields))
    boxes: dict[str, list[str]] = {}
    for name, found in fields.items():
        if Name.Btn == found.FT:
            boxes.setdefault(name.rpartition(".")[0], []).append(name)
    for path, text in answers.items():
        if path in fields:
            fill_field(fields[path], text)
        elif path in boxes:
            for name in boxes[path]:
                set_checkbox(fields[name], name.rpartition(".")[2] in text.split())
        else:
            raise LookupError(path)


def iter_named_fields(fields: Iterable[Object], above: str = "") -> Iterator[tuple[str, Object]]:
    """Yield every field with its fully qualified name."""
    for found in fields:
        name = f"{above}{found.T}"
        if "/FT" in found:
            yield name, found
        else:
            yield from iter_named_fields(found.Kids, f"{name}.")


def set_checkbox(box: Object, ticked: bool) -> None:
    """Set a box."""
    box.V = box.AS = Name(f"/{ON if ticked else OFF}")


def show_prompt(found: Object, text: str) -> None:
    """Show words in a field that holds no answer: a list calls its choice of none so."""
    if Name.Ch == found.FT:
        found.Opt[0] = Array([String(NONE), String(text)])
        text = NONE
    fill_field(found, text)


def fill_field(found: Object, text: str) -> None:
    """Set text or list, and draw it."""
    found.V = String(text)
    flags, listed = int(found.get("/Ff", 0)), Name.Ch == found.FT
    if listed:
        found.V = String(text or NONE)
        text = next((str(label) for code, label in found.Opt if str(code) == text), text)
    if "/AP" not in found:
        return
    left, bottom, right, top = (float(edge) for edge in found.Rect)
    width, height = right - left, top - bottom
    area = bool(flags & MULTILINE)
    given = bool(listed and flags & READ_ONLY)  # which no viewer draws anew, in one line
    drawn, size = appearance.draw_text_appearance(text, width, height, area or given, not area)
    found.AP.N.write(drawn)
    found.DA = String(appearance.format_default_appearance(size))

"""What a filled field looks like: the appearance streams of text, and of a box that is ticked."""

from __future__ import annotations

from collections.abc import Iterator

from pikepdf import Array, Name, Object, Pdf

from formgen.formats.font_metrics import load_font_metrics
from formgen.formats.pdf.font import TYPED, render_text

SIZE, SMALLEST, STEP = 9.5, 5.0, 0.5
LEADING, MARGIN = 1.2, 2.5
EMPTY = b"/Tx BMC EMC"


def format_default_appearance(size: float) -> str:
    """Build the default appearance of a field's text; no other colour is understood by all viewers."""
    return f"{TYPED} {size:g} Tf 0 g"


def make_appearance_stream(pdf: Pdf, drawn: bytes, width: float, height: float, resources: Object) -> Object:
    """Return operators as the appearance of a field."""
    found = pdf.make_stream(drawn)
    found.Type, found.Subtype = Name.XObject, Name.Form
    found.BBox = Array([0, 0, round(width, 3), round(height, 3)])
    found.Resources = resources
    return found


def draw_text_appearance(text: str, width: float, height: float, wrapped: bool, middle: bool) -> tuple[bytes, float]:
    """Return the operators that draw a text in a box of points, and the size that it is drawn in.

    The size falls until the text fits, down to the smallest that can be read on paper. It stands in
    the middle of the height where that is asked for or three lines have no room, else it begins at
    the top.
    """
    lines, size = fit_lines(text, width - 2 * MARGIN, height - 2 * MARGIN, wrapped)
    drawn = [line for line in lines if line]
    if not drawn:
        return EMPTY, size
    measured = load_font_metrics()
    top = height - MARGIN - measured.ascent * size / 1000
    if middle or height < 3 * SIZE * LEADING + 2 * MARGIN:
        top = (height - measured.height * size / 1000 + (len(lines) - 1) * size * LEADING) / 2
    parts = [b"/Tx BMC q %g %g %g %g re W n BT 0 g %g TL %g %g Td" % (
        1, 1, round(width - 2, 3), round(height - 2, 3), round(size * LEADING, 3), MARGIN, round(top, 3)
    )]  # fmt: skip
    parts += [render_text(line, size) + b" T*" for line in lines]
    return b"\n".join([*parts, b"ET Q EMC"]), size


def fit_lines(text: str, width: float, height: float, wrapped: bool) -> tuple[list[str], float]:
    """Return the lines of a text, and the largest size at which they fit."""
    measured = load_font_metrics()
    lines = [measured.clean_text(line) for line in text.split("\n")]
    if not wrapped:
        line, size = " ".join(lines), SIZE
        while size > SMALLEST and measured.measure_text(line, size) > width:
            size -= STEP
        return [line], size
    size = SIZE
    while True:
        pieces = [piece for line in lines for piece in wrap_line(line, width, size)]
        if size <= SMALLEST or len(pieces) == 1 or len(pieces) * size * LEADING <= height:
            return pieces, size
        size -= STEP


def wrap_line(line: str, width: float, size: float) -> Iterator[str]:
    """Yield the pieces of a line that are no wider than the width, broken between words where that can be."""
    measured = load_font_metrics()
    piece = ""
    for word in line.split(" "):
        longer = f"{piece} {word}" if piece else word
        if measured.measure_text(longer, size) <= width:
            piece = longer
            continue
        if piece:
            yield piece
        while len(word) > 1 and measured.measure_text(word, size) > width:
            fit = next(
                end for end in range(len(word), 0, -1) if end == 1 or measured.measure_text(word[:end], size) <= width
            )
            yield word[:fit]
            word = word[fit:]
        piece = word
    yield piece


def draw_cross(side: float) -> bytes:
    """Return the operators that draw the cross of a ticked box."""
    near, far = round(side * 0.2, 3), round(side * 0.8, 3)
    return b"q 1.4 w 1 J 0 G %g %g m %g %g l %g %g m %g %g l S Q" % (near, near, far, far, near, far, far, near)

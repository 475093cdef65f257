"""Back from a PDF that has lost its fields: printed to a file, flattened, or sealed by a service.

The code on each page says whose page it is and which; the squares in its corners say where on it
a field stands; text comes from the text layer, ticks from the ink. Such a value is sure only when
it is what the document went out with: every other one comes with a picture of its place.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pypdfium2
import zxingcpp
from PIL import Image

from formgen.documents.extraction import FLATTENED, INK, MARK, Answer, Control, FormSpec, Question
from formgen.formats.pdf import fields as names
from formgen.formats.pdf.fields import Place, find_choice_code
from formgen.i18n import clean_text

# From measurements of flattened pages and scans: ticked boxes hold 0.16 and more, empty ones 0.003.
DPI, LONGEST = 200, 3_000
TICKED, BLACKED, INKED = 0.045, 0.85, 0.003
DARK = 128
POINT, WIDTH, HEIGHT = 25.4 / 72, 210, 297  # a point in mm, a page in mm
SQUARE, CORNER = 5, 8 + 5 / 2  # the side of a square; its centre from the edges, in mm
REACH, SURE, SLACK = 32, 0.97, 2.5  # where a square is looked for; how dark it is; by how much it may be off, in pixels
AROUND = 12  # what a picture shows around a place, in pixels
LEAVES, SEARCHES = 60, 5  # pages that are looked at; those without a code that are looked at twice
QR = zxingcpp.barcode_formats_from_str("QRCode")

Array = Any


@dataclass
class PageReadings:
    """What was read of the pages: codes by carrier, answers, facts, pictures of the places in doubt."""

    marks: tuple[str, ...] = ()
    answers: dict[str, Answer] = field(default_factory=dict)
    facts: set[str] = field(default_factory=set)
    pictures: dict[str, bytes] = field(default_factory=dict)


def read_flattened_pages(data: bytes, form_spec: FormSpec | None) -> PageReadings:
    """Read the pages; without a layout in the form's spec only their codes."""
    document = pypdfium2.PdfDocument(data)
    try:
        images: list[PageImage] = []
        for number in range(min(len(document), LEAVES)):
            images.append(read_page(document[number], twice=sum(not one.mark for one in images) < SEARCHES))
        found = PageReadings(tuple(dict.fromkeys(one.mark for one in images if one.mark)))
        if form_spec is not None and form_spec.layout is not None:
            read_answers(images, form_spec, found)
    finally:
        document.close()
    return found


def read_answers(images: list[PageImage], form_spec: FormSpec, found: PageReadings) -> None:
    """Read the answers off the pages of the document that most of the codes name."""
    numbered, foreign = sort_pages(images, form_spec.layout.digest)
    missing = [number for number in range(1, form_spec.layout.pages + 1) if number not in numbered]
    found.facts |= {f"missing_pages:{','.join(map(str, missing))}"} if missing else set()
    found.facts |= {f"foreign_pages:{','.join(map(str, foreign))}"} if foreign else set()
    by_path: dict[str, list[Place]] = {}
    for place in form_spec.layout.places:
        by_path.setdefault(place.path, []).append(place)
    for path, places in by_path.items():
        asked = names.find_question(places[0].name, form_spec.questions)
        if asked and all(place.page + 1 in numbered for place in places):
            there = [(place, numbered[place.page + 1]) for place in places]
            answer = read_answer(asked[0], there, path in form_spec.issued_answers)
            found.answers[path] = answer
            if answer.confidence < 1:
                found.pictures[path] = crop_picture(there)


def sort_pages(images: list[PageImage], layout: str) -> tuple[dict[int, PageImage], list[int]]:
    """Return the pages of one document by their numbers, and the places in the file of all that are not."""
    matches = [MARK.fullmatch(one.mark) for one in images]
    counted = Counter(match[3] for match in matches if match and match[6].lower() == layout)
    ((instance, _),) = counted.most_common(1) or (("", 0),)
    numbered: dict[int, PageImage] = {}
    foreign = []
    for at, (match, one) in enumerate(zip(matches, images, strict=True), start=1):
        if match and match[3] == instance and match[6].lower() == layout and int(match[4]) not in numbered:
            numbered[int(match[4])] = one
        else:
            foreign.append(at)
    return numbered, foreign


def read_answer(question: Question, places: list[tuple[Place, PageImage]], given: bool) -> Answer:
    """Read the answer at the places of one question; ``given`` when it was issued with something there.

    Then what stands there is for others to compare with it, who know what it was.
    """
    if question.control is Control.TICKS:
        inks = {place.code: one.measure_ink(place.rect, box=True) for place, one in places}
        text, layer = " ".join(code for code, ink in inks.items() if ink > TICKED), INK
        unread = any(ink > BLACKED for ink in inks.values())
    else:
        ((place, one), *_) = places
        text, layer = find_choice_code(question, one.extract_text(place.rect)), "text_layer"
        unread = not text and one.measure_ink(place.rect) > INKED
    askew = not all(one.is_registered for _, one in places)
    if not (text or given or unread or askew):
        return Answer("", layer, 1.0, question.number)
    doubts = [("unread", unread), (FLATTENED, True), ("askew", askew)]
    return Answer(text, layer, 0.5, question.number, tuple(name for name, holds in doubts if holds))


# --- one page -------------------------------------------------------------------------------------


@dataclass
class PageImage:
    """One page as a picture, its text, the code on it, and where things stand on it."""

    image: Image.Image
    words: Any
    position: Any
    mark: str

    @cached_property
    def dark_pixels(self) -> Array:
        """Return which pixels are dark."""
        return np.asarray(self.image) < DARK

    @cached_property
    def square_centres(self) -> dict[tuple[int, int], tuple[float, float]]:
        """Return the squares in the corners: which, and the pixel of the centre."""
        return dict(find_squares(self.dark_pixels))

    @cached_property
    def layout_matrix(self) -> Array | None:
        """Return the matrix from points of the layout to pixels, or None when the squares do not tell."""
        if len(self.square_centres) < 3:
            return None
        source = [(*get_square_centre(corner), 1) for corner in self.square_centres]
        target = list(self.square_centres.values())
        matrix, *_ = np.linalg.lstsq(np.array(source), np.array(target), rcond=None)
        off = np.abs(np.array(source) @ matrix - np.array(target)).max()
        return matrix if off < SLACK else None

    @property
    def is_registered(self) -> bool:
        """Tell whether it is known where on the page a field stands."""
        return self.layout_matrix is not None

    def convert_to_pixels(self, rect: Iterable[float], inset: float = 0) -> tuple[int, int, int, int]:
        """Return a rectangle of the layout in pixels, left, top, right, bottom; ``inset`` is in points."""
        left, bottom, right, top = rect
        corners = [(left + inset, top - inset), (right - inset, bottom + inset)]
        if self.layout_matrix is None:
            found = [self.position.to_bitmap(x, y) for x, y in corners]
        else:
            found = [tuple(np.array((x, y, 1)) @ self.layout_matrix) for x, y in corners]
        (x0, y0), (x1, y1) = found
        return round(min(x0, x1)), round(min(y0, y1)), round(max(x0, x1)), round(max(y0, y1))

    def measure_ink(self, rect: tuple[float, float, float, float], box: bool = False) -> float:
        """Return which share of a place is dark, its frame left out."""
        side = min(rect[2] - rect[0], rect[3] - rect[1])
        left, top, right, bottom = self.convert_to_pixels(rect, side * 0.2 if box else 2.5)
        inner = self.dark_pixels[max(top, 0) : bottom, max(left, 0) : right]
        return float(inner.mean()) if inner.size else 0.0

    def extract_text(self, rect: tuple[float, float, float, float]) -> str:
        """Return the text of a place."""
        left, top, right, bottom = self.convert_to_pixels(rect, 1)
        x0, y0 = self.position.to_page(left, bottom)
        x1, y1 = self.position.to_page(right, top)
        said = self.words.get_text_bounded(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
        return "\n".join(line.strip() for line in clean_text(re.sub("[\u00ad\u0002\ufffe]", "-", said)).split("\n"))


def read_page(page: Any, twice: bool) -> PageImage:
    """Return a page, turned the way its code stands; ``twice`` looks harder for one that is not seen."""
    image, position, mark, turn = render_page(page, 0, twice)
    if turn:
        image, position, mark, _ = render_page(page, turn, twice)
    return PageImage(image, page.get_textpage(), position, mark)


def render_page(page: Any, turn: int, twice: bool) -> tuple[Image.Image, Any, str, int]:
    """Return a page as a picture, how its points map to pixels, its code, and by how much that is turned."""
    scale = min(DPI / 72, LONGEST / max(page.get_size()))
    bitmap = page.render(scale=scale, rotation=turn, grayscale=True)
    image = bitmap.to_pil()
    for size in (1, 2) if twice else (1,):
        tried = image.resize((image.width * size, image.height * size)) if size > 1 else image
        for code in zxingcpp.read_barcodes(tried, formats=QR):
            if MARK.fullmatch(code.text):
                return image, bitmap.get_posconv(page), code.text, -round(code.orientation / 90) * 90 % 360
    return image, bitmap.get_posconv(page), "", 0


def get_square_centre(corner: tuple[int, int]) -> tuple[float, float]:
    """Return the centre of a square in points of the layout; ``corner`` is 0 or 1 from left and from top."""
    across, down = corner
    return (
        (WIDTH - CORNER if across else CORNER) / POINT,
        (CORNER if down else HEIGHT - CORNER) / POINT,
    )


def find_squares(dark: Array) -> Iterator[tuple[tuple[int, int], tuple[float, float]]]:
    """Yield the corners that have a square, and the pixel of its centre."""
    mm = dark.shape[1] / WIDTH
    side, reach = int(SQUARE * 0.85 * mm), int(REACH * mm)
    for across in (0, 1):
        for down in (0, 1):
            left, top = (dark.shape[1] - reach) * across, (dark.shape[0] - reach) * down
            region = dark[top : top + reach, left : left + reach]
            sums = np.pad(region.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
            full = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
            rows, columns = np.nonzero(full >= SURE * side * side)
            if rows.size and np.ptp(rows) < SQUARE * mm and np.ptp(columns) < SQUARE * mm:
                yield (across, down), (left + columns.mean() + side / 2, top + rows.mean() + side / 2)


def crop_picture(places: Iterable[tuple[Place, PageImage]]) -> bytes:
    """Return a PNG of the places of one question on the page of the first."""
    places = list(places)
    _, first = places[0]
    edges = [one.convert_to_pixels(place.rect) for place, one in places if one is first]
    box = (
        max(min(edge[0] for edge in edges) - AROUND, 0),
        max(min(edge[1] for edge in edges) - AROUND, 0),
        min(max(edge[2] for edge in edges) + AROUND, first.image.width),
        min(max(edge[3] for edge in edges) + AROUND, first.image.height),
    )
    out = io.BytesIO()
    first.image.crop(box).save(out, "PNG", compress_level=1)
    return out.getvalue()

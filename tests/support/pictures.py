"""The pictures of the documentation, printed by LibreOffice: ``python -m tests.support.pictures`` draws them."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pypdfium2
from PIL import Image, ImageChops, ImageOps, ImageStat

from formgen.demo import resolve_dates
from formgen.documents.extraction import Answer
from tests.conftest import REFERRAL as ANSWERS
from tests.foreign.test_appearance import unfilled
from tests.support.strategies import FORMS, TODAY, drawn

DOCS = Path(__file__).parents[2] / "docs"
COLUMNS, GAP, BACKGROUND, LINE = 4, 12, (216, 222, 226), (200, 204, 210)
SHOWN = {"quality_assessment": 3}  # the page that is shown of a form, where it is not the first
LARGE, SMALL = 90, 38  # dots an inch
NEAR = 4.0  # of 255: how far two pictures may differ on average, as by another version of LibreOffice


def documents() -> dict[str, bytes]:
    """Return a blank of every form, and the referral as a client has filled it in."""
    blanks = {form.id: drawn(form, unfilled(form, "fi")) for form in FORMS}
    referral = FORMS.find_latest_version("referral")
    sheet = unfilled(referral, "fi")
    answers = {path: Answer(resolve_dates(text, TODAY)) for path, text in ANSWERS.items()}
    return {**blanks, "filled": drawn(referral, replace(sheet, answers={**sheet.answers, **answers}))}


def print_pages(made: Mapping[str, bytes], folder: Path) -> dict[str, pypdfium2.PdfDocument]:
    """Return the documents as LibreOffice prints them."""
    for name, data in made.items():
        (folder / f"{name}.docx").write_bytes(data)
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(folder)]
    subprocess.run([*command, *map(str, folder.glob("*.docx"))], check=True, capture_output=True, timeout=300)
    return {name: pypdfium2.PdfDocument((folder / f"{name}.pdf").read_bytes()) for name in made}


def draw_page(document: pypdfium2.PdfDocument, number: int, dots: int) -> Image.Image:
    """Return one page as a picture."""
    return document[number].render(scale=dots / 72).to_pil().convert("RGB")


def draw() -> dict[str, Image.Image]:
    """Return the pictures by name of their file."""
    with tempfile.TemporaryDirectory() as folder:
        printed = print_pages(documents(), Path(folder))
        pages = [draw_page(printed[form.id], SHOWN.get(form.id, 0), SMALL) for form in FORMS]
        filled = ImageOps.expand(draw_page(printed["filled"], 0, LARGE), 1, LINE)
        for document in printed.values():
            document.close()
    width, height = (side + GAP for side in pages[0].size)
    rows = -(-len(pages) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * width + GAP, rows * height + GAP), BACKGROUND)
    for number, page in enumerate(pages):
        sheet.paste(page, (GAP + number % COLUMNS * width, GAP + number // COLUMNS * height))
    return {"referral.png": filled, "forms.png": sheet}


def is_near(one: Image.Image, other: Image.Image) -> bool:
    """Tell whether two pictures show the same, small differences of print aside."""
    small = [picture.convert("L").resize((picture.width // 8, picture.height // 8)) for picture in (one, other)]
    if small[0].size != small[1].size:
        return False
    return ImageStat.Stat(ImageChops.difference(*small)).mean[0] < NEAR


if __name__ == "__main__":
    for name, picture in draw().items():
        picture.quantize(64).save(DOCS / name, optimize=True)

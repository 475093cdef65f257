"""The programs that save documents: how each gives itself away, and which way works where one takes the fields out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from formgen.i18n import N_

GOOGLE = N_(
    "Google Docs poistaa lomakkeen kentät. Täytä lomake Wordilla tai LibreOfficella ja lähetä tallennettu tiedosto."
)
CONVERTED = N_("Muunnos toiseen muotoon poistaa lomakkeen kentät. Lähetä lomake siinä muodossa, jossa sait sen.")
PRINTED = N_(
    "Tulostus PDF-tiedostoksi poistaa lomakkeen kentät. Valitse Tallenna, älä Tulosta, ja lähetä tallennettu tiedosto."
)
EXPORTED = N_("Vienti PDF-tiedostoksi poistaa lomakkeen kentät. Tallenna lomake Word-tiedostona ja lähetä se.")
PREVIEW = N_(
    "Esikatselun tulostus ja vienti poistavat lomakkeen kentät. "
    "Valitse Arkisto ja Tallenna, tai täytä lomake Acrobat Readerilla."
)
SCANNED = N_(
    "Kuvasta tai skannauksesta vastaukset luetaan epävarmasti. "
    "Täytä lomake koneella tai anna täytetty paperi työhönvalmentajalle."
)


class Producer(NamedTuple):
    """One program: its name, what it writes of itself, and advice for who has used it, none where it does no harm."""

    name: str
    pattern: re.Pattern[str]
    advice: str = ""


def define_producer(name: str, sign: str, advice: str = "") -> Producer:
    """Return a program of the table."""
    return Producer(name, re.compile(sign, re.IGNORECASE), advice)


# The first that fits counts: Edge and Google Docs print through Skia, much of macOS through Quartz.
PRODUCERS: Mapping[str, Producer] = {
    "google_docs": define_producer("Google Docs", r"google docs|goog_rdk_", GOOGLE),
    "pandoc": define_producer("pandoc", r"pandoc", CONVERTED),
    "scanner": define_producer(
        N_("skanneri"),
        r"camscanner|(?:microsoft|office) lens|\bscan(?:ner|ned|bot|snap)?\b|\bricoh\b|\bkyocera\b",
        SCANNED,
    ),
    "print_to_pdf": define_producer("Microsoft Print to PDF", r"microsoft.{0,3} print to pdf", PRINTED),
    "browser": define_producer(N_("selaimen tulostus"), r"skia/pdf|headlesschrome|mozilla|cairo", PRINTED),
    "preview": define_producer(N_("Macin Esikatselu"), r"quartz pdfcontext", PREVIEW),
    "pdf_printer": define_producer(
        N_("PDF-tulostin"), r"ghostscript|pdfcreator|dopdf|cutepdf|pdf24|bullzip|distiller", PRINTED
    ),
    "word_export": define_producer("Word", r"microsoft®? word|acrobat pdfmaker", EXPORTED),
    "libreoffice": define_producer("LibreOffice", r"libreoffice|openoffice"),
    "acrobat": define_producer("Acrobat", r"acrobat|adobe pdf library"),
    "pdfjs": define_producer("Firefox", r"pdf\.js"),
    "pdf_lib": define_producer("pdf-lib", r"pdf-lib"),
}


def identify_producer(said: str) -> str:
    """Return the key of the program that a document's own words tell of, nothing for one that is not known.

    >>> identify_producer("Mozilla/5.0 Chrome Skia/PDF m126"), identify_producer("formgen")
    ('browser', '')
    """
    return next((key for key, known in PRODUCERS.items() if known.pattern.search(said)), "")

"""Languages: Finnish is what the code says, the others are looked up in ``locale/*.po``.

A message, label or sentence is written in Finnish where it belongs; its Finnish text is the
key. Easy Finnish falls back to Finnish, easy Swedish to Swedish.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from babel import Locale
from babel.messages.pofile import read_po

LOCALE = Path(__file__).parent / "locale"
FORM_LANGUAGES = ("fi", "sv", "fi_selko", "sv_selko")
FALLBACK = {"fi_selko": "fi", "sv_selko": "sv"}
SPACES = dict.fromkeys([0x00A0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000], " ")
INVISIBLE_CHARACTERS = dict.fromkeys(
    [0x00AD, 0x200B, 0x2060, 0xFEFF, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)
CONTROL_CHARACTERS = re.compile(r"[^\t\n -\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]|[\x7f-\x9f]")


@cache
def load_catalog(language: str) -> Mapping[str, str]:
    """Return the Finnish texts that the language has words for, and the words."""
    words: dict[str, str] = dict(load_catalog(FALLBACK[language])) if language in FALLBACK else {}
    file = LOCALE / f"{language}.po"
    if file.is_file():
        with file.open("rb") as stream:
            entries = read_po(stream, ignore_obsolete=True)
        words |= {str(entry.id): str(entry.string) for entry in entries if entry.id and entry.string}
    return words


def translate(text: str, language: str = "fi", /, **values: object) -> str:
    """Return the Finnish text in the language, with ``{names}`` filled; a value may be such a text too, or some.

    >>> translate("Kirjoita enintään {most} merkkiä.", "fi", most=60)
    'Kirjoita enintään 60 merkkiä.'
    """
    words = load_catalog(language)
    text = words.get(text, text)
    return text.format_map({name: translate_value(value, words) for name, value in values.items()}) if values else text


def translate_value(value: object, words: Mapping[str, str]) -> object:
    """Return a value as it is said in the words of a language; several texts are said with commas between."""
    if type(value) is tuple:  # a named one has a text of its own
        return ", ".join(words.get(text, text) for text in value)
    return words.get(str(value), value)


@cache
def list_languages() -> tuple[str, ...]:
    """Return the codes of the languages that there are words for, Finnish first."""
    return ("fi", *sorted(file.stem for file in LOCALE.glob("*.po") if file.stem != "fi"))


def detect_language(environment: Mapping[str, str]) -> str:
    """Return the language that the environment asks for messages in, Finnish when it names none of ours.

    >>> detect_language({"LANG": "sv_FI.UTF-8"}), detect_language({})
    ('sv', 'fi')
    """
    wishes = (environment.get(name, "")[:2] for name in ("FORMGEN_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"))
    return next((wish for wish in wishes if wish in ("fi", "sv", "en")), "fi")


def list_translations(text: str) -> frozenset[str]:
    """Return a Finnish text as it stands in every language there is."""
    return frozenset(translate(text, language) for language in list_languages())


def load_locale(language: str) -> Locale:
    """Return Babel's locale for a language of forms."""
    return Locale.parse(FALLBACK.get(language, language))


def normalise_text(text: str) -> str:
    r"""Return the text as it is compared: NFC, case folded, one space, no punctuation at its ends.

    >>> normalise_text("  Ka\u0308ynti,  työpaikalla: * ")
    'käynti, työpaikalla'
    """
    folded = unicodedata.normalize("NFC", text).casefold()
    return " ".join(folded.split()).strip(" .,:;*!?()[]–-")


def clean_text(text: str) -> str:
    r"""Return the text as every format can carry it: NFC, ``\n`` line ends, no control characters.

    No-break spaces become spaces; soft hyphens, zero-width spaces and direction marks go.

    >>> clean_text("A\u0308iti\r\n\u00a0x\x07\u00ad ")
    'Äiti\n x'
    """
    if not text.isprintable() or "\u2011" in text:  # as few answers are
        text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
        text = text.replace("\v", "\n").replace("\f", "\n").replace("\u2011", "-")
        text = CONTROL_CHARACTERS.sub("", text.translate(SPACES).translate(INVISIBLE_CHARACTERS))
    return unicodedata.normalize("NFC", text).strip()

"""Languages: Finnish is what the code says, the others are looked up in ``locale/*.po``.

A message, label or sentence is written in Finnish where it belongs; its Finnish text is the
key. One that stands in no call that translates it is marked with `N_` for ``pybabel extract``.
Easy Finnish falls back to Finnish, easy Swedish to Swedish.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from babel import Locale

LOCALE = Path(__file__).parent / "locale"
FORM_LANGUAGES = ("fi", "sv", "fi_selko", "sv_selko")
FALLBACK = {"fi_selko": "fi", "sv_selko": "sv"}
SPACES = dict.fromkeys([0x00A0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000], " ")
INVISIBLE_CHARACTERS = dict.fromkeys(
    [0x00AD, 0x200B, 0x2060, 0xFEFF, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)
CONTROL_CHARACTERS = re.compile(r"[^\t\n -\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]|[\x7f-\x9f]")


def N_(text: str) -> str:  # noqa: N802 - as gettext calls it
    """Mark a Finnish text that is translated elsewhere, when it is shown."""
    return text


@cache
def load_catalog(language: str) -> Mapping[str, str]:
    """Load the translations of a language by their Finnish texts; what has none is left out."""
    words: dict[str, str] = dict(load_catalog(FALLBACK[language])) if language in FALLBACK else {}
    file = LOCALE / f"{language}.po"
    if file.is_file():
        from babel.messages.pofile import read_po  # noqa: PLC0415 - Finnish needs no catalogue

        with file.open("rb") as stream:
            entries = read_po(stream, ignore_obsolete=True)
        words |= {str(entry.id): str(entry.string) for entry in entries if entry.id and entry.string}
    return words


def translate(text: str, language: str = "fi", /, **values: object) -> str:
    """Translate a Finnish text and fill its ``{names}``; a value may be such a text too, or a tuple of them.

    >>> translate("Kirjoita enintään {most} merkkiä.", "fi", most=60)
    'Kirjoita enintään 60 merkkiä.'
    """
    words = load_catalog(language)
    text = words.get(text, text)
    return text.format_map({name: translate_value(value, words) for name, value in values.items()}) if values else text


def translate_value(value: object, words: Mapping[str, str]) -> object:
    """Translate a value that is a Finnish text, or a tuple of them, joined with commas; leave any other as it is."""
    if type(value) is tuple:  # a named one has a text of its own
        return ", ".join(words.get(text, text) for text in value)
    return words.get(str(value), value)


@cache
def list_languages() -> tuple[str, ...]:
    """List the codes of the languages that can be used, Finnish first."""
    return ("fi", *sorted(file.stem for file in LOCALE.glob("*.po") if file.stem != "fi"))


def detect_language(environment: Mapping[str, str]) -> str:
    """Detect the language of messages from environment variables: ``fi``, ``sv`` or ``en``, Finnish by default.

    >>> detect_language({"LANG": "sv_FI.UTF-8"}), detect_language({})
    ('sv', 'fi')
    """
    wishes = (environment.get(name, "")[:2] for name in ("FORMGEN_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"))
    return next((wish for wish in wishes if wish in ("fi", "sv", "en")), "fi")


def list_translations(text: str) -> frozenset[str]:
    """Translate a Finnish text into every language, Finnish included."""
    return frozenset(translate(text, language) for language in list_languages())


def load_locale(language: str) -> Locale:
    """Load Babel's locale for a language of forms."""
    return Locale.parse(FALLBACK.get(language, language))


def normalise_text(text: str) -> str:
    r"""Normalise a text for comparison: NFC, case folded, one space, no punctuation at its ends.

    >>> normalise_text("  Ka\u0308ynti,  työpaikalla: * ")
    'käynti, työpaikalla'
    """
    folded = unicodedata.normalize("NFC", text).casefold()
    return " ".join(folded.split()).strip(" .,:;*!?()[]–-")


def clean_text(text: str) -> str:
    r"""Clean a text so that every format can carry it: NFC, ``\n`` line ends, no control characters.

    No-break spaces become spaces; soft hyphens, zero-width spaces and direction marks go.

    >>> clean_text("A\u0308iti\r\n\u00a0x\x07\u00ad ")
    'Äiti\n x'
    """
    if not text.isprintable() or "\u2011" in text:  # as few answers are
        text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
        text = text.replace("\v", "\n").replace("\f", "\n").replace("\u2011", "-")
        text = CONTROL_CHARACTERS.sub("", text.translate(SPACES).translate(INVISIBLE_CHARACTERS))
    return unicodedata.normalize("NFC", text).strip()

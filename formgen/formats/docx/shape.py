"""The shape of a document: its parts as bytes that every document has, with places between for words and answers.

A place is marked by a processing instruction, which no template can hold: they are left out of what is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from formgen.documents.extraction import AS_ISSUED, Answer
from formgen.errors import UsageError
from formgen.formats.docx.controls import Slot
from formgen.formats.docx.package import DOCUMENT_BYTES
from formgen.formats.docx.syntax import TOO_LARGE

PLACE = "fg"
MARK = re.compile(rf"<\?{PLACE} (\S+?)(?: (\d+))?\?>")


@dataclass(frozen=True, slots=True)
class PartTemplate:
    """One part in pieces, as they are without any answer.

    ``words`` are the places of words by their names; ``slots`` by the path of their answer, each the
    place of the first of a slot's two pieces: the second is the next but one.
    """

    name: str
    pieces: tuple[bytes, ...]
    words: tuple[tuple[int, str], ...]
    slots: Mapping[str, Sequence[tuple[int, Slot]]]

    @property
    def is_variable(self) -> bool:
        """Tell whether the part is not the same in every document."""
        return bool(self.words or self.slots)

    def render_part(self, answers: Mapping[str, Answer], words: Mapping[str, bytes]) -> bytes:
        """Return the part with the answers and words in their places."""
        pieces = list(self.pieces)
        for at, word in self.words:
            pieces[at] = words[word]
        for path, slots in self.slots.items():
            answer = answers.get(path)
            if answer and answer.text:
                told = ("", answer.text) if answer.layer == AS_ISSUED else (answer.text,)
                for at, slot in slots:
                    pieces[at], pieces[at + 2] = slot.render_answer(*told)
        return b"".join(pieces)


def format_place_mark(name: str) -> str:
    """Return the mark of the place of a word or, by number and row, of a slot."""
    return f"<?{PLACE} {name}?>"


def build_part_template(name: str, text: str, slots: Sequence[Slot], marks: Iterator[int]) -> PartTemplate:
    """Return the shape of a part in which places are marked; the controls take their numbers from ``marks``.

    Raise `UsageError` for one that would be larger than any that is read.
    """
    fixed, *rest = MARK.split(text)
    pieces, words = [fixed.encode()], []
    found: dict[str, list[tuple[int, Slot]]] = {}
    size = len(text)
    for name_or_number, row, behind in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
        at = len(pieces)
        if name_or_number.isdecimal():
            slot, index = slots[int(name_or_number)], int(row) if row else None
            before, *middle, after = slot.render_control(index, next(marks))
            size += sum(map(len, (before, *middle, after)))
            if size > DOCUMENT_BYTES:
                raise UsageError(TOO_LARGE)
            found.setdefault(slot.get_answer_path(index), []).append((at, slot))
            pieces[-1] += before
            pieces += (*middle, after + behind.encode())
        else:
            words.append((at, name_or_number))
            pieces += (b"", behind.encode())
    return PartTemplate(name, tuple(pieces), tuple(words), found)

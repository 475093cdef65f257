"""Closed lists of codes: each code has a label and may have a time of validity and other names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Code:
    """One entry: its label, the days it is valid (ends included), names it also goes by.

    ``successor`` is the code that took its place; a text that names this code means that one.
    ``mark`` is free for what the list's owner needs, such as ``face_to_face``.
    """

    label: str
    valid_from: date | None = None
    valid_to: date | None = None
    names: tuple[str, ...] = ()
    successor: str = ""
    mark: str = ""

    def is_valid(self, on: date) -> bool:
        """Tell whether the code may be chosen on the day."""
        return (self.valid_from is None or self.valid_from <= on) and (self.valid_to is None or on <= self.valid_to)


class CodeList(Mapping[str, Code]):
    """A named closed list, in the order in which it is shown."""

    def __init__(self, name: str, entries: Mapping[str, str | Code]) -> None:
        """Keep the entries; a bare label becomes a Code that is always valid."""
        self.name = name
        self.entries = {code: entry if isinstance(entry, Code) else Code(entry) for code, entry in entries.items()}

    def __getitem__(self, code: str) -> Code:
        """Return the entry of the code."""
        return self.entries[code]

    def __iter__(self) -> Iterator[str]:
        """Yield the codes in order."""
        return iter(self.entries)

    def __len__(self) -> int:
        """Return the number of codes, those no longer valid included."""
        return len(self.entries)

    def __hash__(self) -> int:
        """Return a hash by identity: each list is made once."""
        return id(self)

    def __eq__(self, other: object) -> bool:
        """Tell whether it is this very list."""
        return self is other

    def __repr__(self) -> str:
        """Return the list's name and size."""
        return f"CodeList({self.name!r}, {len(self)} codes)"

    def find_marked_codes(self, mark: str) -> frozenset[str]:
        """Return the codes that carry the mark."""
        return frozenset(code for code, entry in self.items() if entry.mark == mark)

    def find_current_code(self, code: str) -> str:
        """Return the code, or what took its place.

        >>> CodeList("x", {"911": Code("Valtimo", successor="541"), "541": "Nurmes"}).find_current_code("911")
        '541'
        """
        while self.entries[code].successor:
            code = self.entries[code].successor
        return code


def define_options(**labels: str | Code) -> CodeList:
    """Return a small list for one question, codes as keywords.

    >>> list(define_options(yes="Kyllä", no="Ei"))
    ['yes', 'no']
    """
    return CodeList("", labels)

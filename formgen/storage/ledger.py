"""Whether the journal is as its access log tells: the chain of its lines, and every row that they tell of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from formgen.i18n import N_
from formgen.storage.access_log import Head, compute_row_digest, is_valid_line
from formgen.storage.journal import Journal
from formgen.storage.tables import LOGGED_TABLES

BROKEN = N_("Käyttölokin riviä {what} on muutettu, tai rivejä on poistettu tai lisätty ennen sitä.")
CUT = N_("Käyttöloki päättyy riviin {what}, mutta merkitty loppu on {noted}.")
UNNOTED = N_(
    "Käyttölokin loppua ei ole merkitty tiedostoon {what}. Jos asetus [access] head_file on uusi, siirrä tiedosto "
    "var/access.head sinne."
)
CHANGED = N_("Tietokannan riviä on muutettu: {what}")
GONE = N_("Tietokannan rivi puuttuu: {what}")
UNKNOWN = N_("Tietokannassa on rivi, jota käyttölokissa ei ole: {what}")


class Flaw(NamedTuple):
    """One thing that is not as it should be: a message, what it is about, and what mends it where a command does."""

    message: str
    what: str
    noted: str = ""
    command: str = ""


def find_flaws(journal: Journal, ends: Iterable[Head | None], head: Head | None = None) -> Iterator[Flaw]:
    """Yield all that is wrong; ``ends`` are as the file beside tells them, ``head`` was noted elsewhere."""
    yield from find_log_flaws(journal, tuple(ends), head)
    for table in LOGGED_TABLES:
        rows = ((name, ("row", compute_row_digest(row))) for name, row in journal.iter_named_rows(table))
        lines = ((name, ("line", digest)) for name, digest in journal.iter_logged_digests(table.name) if digest)
        for name, found in groupby(merge(rows, lines, key=itemgetter(0)), key=itemgetter(0)):
            yield from find_row_flaws(name, [item for _, item in found])


def find_log_flaws(journal: Journal, ends: tuple[Head | None, ...], head: Head | None) -> Iterator[Flaw]:
    """Find flaws of the log: lines out of their chain, an end that is not the noted one."""
    last, passed = Head(), head in (None, Head())
    for line in journal.iter_log_lines():
        if not is_valid_line(line, last, journal.encryptor.chain_key):
            yield Flaw(BROKEN, str(line["seq"]))
        last = Head(line["seq"], line["hash"])
        passed |= last == head
    if not ends and last != Head():
        yield Flaw(UNNOTED, str(journal.head_file.file))
    if ends and last not in ends:
        yield Flaw(CUT, str(last), str(ends[-1]))
    if not passed:
        yield Flaw(CUT, str(last), str(head))


def find_row_flaws(name: str, found: list[tuple[str, str]]) -> Iterator[Flaw]:
    """Find flaws of a row; ``found`` are the row and the newest line about it, those that there are."""
    kinds, digests = [kind for kind, _ in found], {digest for _, digest in found}
    if "line" not in kinds or kinds.count("row") > 1:
        yield Flaw(UNKNOWN, name)
    elif "row" not in kinds:
        yield Flaw(GONE, name)
    elif len(digests) > 1:
        yield Flaw(CHANGED, name)

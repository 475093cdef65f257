"""The corpus: broken files of which it is known what comes of them, so that a test can read them again.

A Word document or a PDF file is the kind, seed and number that make it (`fuzz.Trial`). LibreOffice makes
another file each time, so what began with one of its own is kept whole, packed. Where a form, a template or a
library has changed, the number makes another file (``sha256``): of that it is only asked to be no finding.
"""

from __future__ import annotations

import hashlib
import json
import lzma
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "corpus"
LIST = FOLDER / "kept.json"


@dataclass(frozen=True, order=True)
class Kept:
    """A file of the corpus: the name of its trial, what came of it, and of which bytes."""

    name: str
    came: str
    sha256: str

    @classmethod
    def of(cls, name: str, data: bytes, came: str) -> Kept:
        """Return a file as it is kept."""
        return cls(name, came, hashlib.sha256(data).hexdigest()[:16])

    def differs(self, was: Kept) -> bool:
        """Tell whether it ends otherwise than it did, or in a finding."""
        return "!" in self.came or (self.sha256 == was.sha256 and self.came != was.came)


def stored() -> list[Kept]:
    """Return the files of the corpus."""
    return [Kept(**item) for item in json.loads(LIST.read_text(encoding="utf-8"))] if LIST.is_file() else []


def whole(name: str) -> bytes:
    """Return the bytes of a file that is kept whole, nothing for another."""
    file = FOLDER / f"{name}.xz"
    return lzma.decompress(file.read_bytes()) if file.is_file() else b""


def keep(files: Mapping[Kept, bytes]) -> None:
    """Put files into the corpus, in the place of those of the same name; with bytes, whole."""
    FOLDER.mkdir(exist_ok=True)
    there = {kept.name: kept for kept in (*stored(), *files)}
    lines = ",\n".join(json.dumps(asdict(kept)) for kept in sorted(there.values()))
    LIST.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    for kept, data in files.items():
        if data:
            (FOLDER / f"{kept.name}.xz").write_bytes(lzma.compress(data, preset=9))

"""A program that typesets one form: it takes a folder of typefaces and, on standard input, what `form.typ` is given.

It runs as a process of its own, because typst keeps what it has worked out for the last ten
forms, 25 to 280 MB for each, as long as its process lives.
"""

from __future__ import annotations

import sys
from pathlib import Path

import typst

if __name__ == "__main__":
    sys.stdout.buffer.write(
        typst.compile(
            (Path(__file__).parent / "form.typ").read_bytes(),
            font_paths=typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=sys.argv[1:]),
            sys_inputs={"form": sys.stdin.buffer.read().decode()},
            pdf_standards=["a-3a", "ua-1"],
        )
    )

"""What no program can be faster than: the packing alone of the same members, the writing to disk of as many bytes."""

from __future__ import annotations

import io
import os
import time
import zipfile
import zlib
from functools import partial
from pathlib import Path

from benchmarks.contest import Way, paced


def packing(data: bytes) -> Way:
    """Return the deflating and checking of the members of a package, without anything around it."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        members = [package.read(name) for name in package.namelist()]

    def work() -> None:
        for member in members:
            zlib.crc32(member)
            zlib.compress(member)

    return partial(paced, work)


def writing(data: bytes, folder: Path) -> Way:
    """Return the writing of a file whose bytes are on the disk before it returns."""
    file = folder / "floor"

    def work() -> None:
        with file.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())

    return partial(paced, work, time.perf_counter)

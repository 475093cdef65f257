"""Somebody who may write to the inbox, and swaps what lies there: ``python -m tests.support.swapper ROOT SWAPS``.

Files become links to what they may not read, or pipes; a folder becomes a link to the keys; in the
places of files that the daemon makes there lie links to a key that is yet to be made.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

FORMS = 8
TOO_LARGE = 200_000


def replace(make: Callable[[Path], object], place: Path) -> None:
    """Put something else in a place, at once."""
    work = place.with_name(f"{place.name}.tmp")
    make(work)
    if place.is_dir() and not place.is_symlink():
        place.rename(place.with_name(f"{place.name}.gone.tmp"))
    work.rename(place)
    shutil.rmtree(place.with_name(f"{place.name}.gone.tmp"), ignore_errors=True)


def too_large(place: Path) -> None:
    """Make a file that is not copied but moved."""
    place.touch()
    os.truncate(place, TOO_LARGE)


def main(root: Path, swaps: int) -> None:
    """Swap so often."""
    inbox, keys, chance = root / "inbox", root / "var" / "keys", random.Random(1)
    (key,) = keys.glob("*.key")
    new = keys / "ffffffff.key"
    folder = inbox / "kansio"

    def fill(place: Path) -> None:
        place.mkdir()
        for file in (key, *(Path(f"{number}.docx") for number in range(FORMS))):
            (place / file.name).write_bytes(b"PK\x03\x04 not whole")

    for _ in range(swaps):
        file = inbox / f"{chance.randrange(FORMS)}.docx"
        act = chance.choice(
            [
                lambda file=file: replace(lambda work: work.symlink_to(key), file),
                lambda file=file: replace(os.mkfifo, file),
                lambda file=file: replace(lambda work: work.write_bytes(b"no form"), file),
                lambda: replace(too_large, inbox / f"suuri{chance.randrange(FORMS)}.pdf"),
                lambda: replace(lambda work: work.symlink_to(key), inbox / f"suuri{chance.randrange(FORMS)}.pdf"),
                lambda: replace(fill, folder),
                lambda: replace(lambda work: work.symlink_to(keys), folder),
                lambda: replace(lambda work: work.symlink_to(new), inbox / ".formgen-canary.tmp"),
                lambda: replace(lambda work: work.symlink_to(new), inbox / "TILA.txt"),
                lambda: replace(os.mkfifo, inbox / ".formgen-canary.tmp"),
            ]
        )
        with suppress(OSError):  # the daemon was quicker
            act()
        time.sleep(0.004)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

"""The golden files: what was published, to the byte, so that no change of it goes unseen.

``python -m tests.support.golden`` writes the files that are missing, and refuses to overwrite one that
differs; ``--force`` overwrites, and removes what is no longer published.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from formgen.forms import registry
from formgen.publishing import outbox
from formgen.publishing.contract import build_schemas
from formgen.settings import WorkspaceFolder

FOLDER = Path(__file__).parents[1] / "golden"
REPOSITORY = Path(__file__).parents[2]


def published() -> dict[str, bytes]:
    """Return the golden files as they should be now, by path below the folder."""
    schemas = build_schemas(registry.load_forms(WorkspaceFolder(REPOSITORY)))
    return {f"schemas/{name}": outbox.format_json(body) for name, body in schemas.items()}


def stored(folder: Path = FOLDER) -> dict[str, bytes]:
    """Return the golden files as they are, by path below the folder."""
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*.json")}


def write(files: Mapping[str, bytes], folder: Path = FOLDER, force: bool = False) -> list[str]:
    """Write the files that are missing, and with ``force`` those that differ; return what was left as it is."""
    there = stored(folder)
    differing = sorted(name for name in {*files, *there} if name in there and files.get(name) != there[name])
    for name, data in files.items():
        if name not in there or force:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
    for name in differing if force else ():
        if name not in files:
            (folder / name).unlink()
    return [] if force else differing


def main(arguments: Iterable[str]) -> int:
    """Write the golden files; return 1 when some were left alone that differ."""
    left = write(published(), force="--force" in set(arguments))
    for name in left:
        sys.stderr.write(f"{name} differs and was left as it is: --force overwrites it\n")
    return int(bool(left))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A command loads what it needs: counted by what is imported, not by the clock."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Bench

HEAVY = {
    *("alembic", "docx", "docxtpl", "fontTools", "jinja2", "numpy", "PIL", "pikepdf", "prometheus_client", "pyhanko"),
    *("pypdf", "pypdfium2", "segno", "typst", "watchdog", "zxingcpp"),
}
OF_READING = {"lxml", "pydantic", "sqlalchemy", "structlog"}
MODULES = {"--help": 300, "read": 900}  # as many modules, at the most; 236 and 787 when this was written


def imported(*arguments: str) -> list[str]:
    """Return the modules that a command imports."""
    command = [sys.executable, "-X", "importtime", "-m", "formgen", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")]


@pytest.mark.parametrize("command", MODULES)
def test_a_command_imports_no_library_that_it_does_not_need(command: str, bench: Bench) -> None:
    file = bench.issue("referral").path if command == "read" else ""
    found = imported("--workspace", str(bench.workspace.root), *filter(None, (command, str(file))))
    tops = {name.partition(".")[0] for name in found}
    assert "typer" in tops
    assert (HEAVY | (OF_READING if command == "--help" else set())) & tops == set()
    assert len(found) <= MODULES[command]


def test_reading_loads_one_dialect_of_the_database(bench: Bench) -> None:
    found = imported("--workspace", str(bench.workspace.root), "read", str(bench.issue("referral").path))
    dialects = {name.split(".")[2] for name in found if name.startswith("sqlalchemy.dialects.")}
    assert dialects & {"mysql", "oracle", "mssql", "postgresql"} == set()
    assert not [name for name in found if name.startswith("sqlalchemy.orm")]


def test_formats_are_known_without_their_libraries() -> None:
    code = "import sys; from formgen import formats; formats.load_formats(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert ({*HEAVY, "lxml"} & {name.partition(".")[0] for name in done.stdout.split()}) == set()

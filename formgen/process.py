"""The process as the content declares it in ``_process.py``: phases, roles, holds, and what an office may set of it."""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

CLOSED = "closed"  # the phase in which a case of any process ends, as None is the one before it begins


@dataclass(frozen=True)
class HoldSteps:
    """How a case is put on hold and taken up again: the ids of the two steps, as of moves between phases.

    ``limit`` names the setting of the office that says within how many days the next contact should be.
    """

    begin: str = ""
    end: str = ""
    limit: str = ""


@dataclass(frozen=True)
class Process:
    """What the engine must know of a service: the names of its phases by id in their order, roles, holds and settings.

    ``roles`` are those who fill fields and whose tasks there are, ``responsible`` the one of them who answers for a
    case; ``office`` is the model of the settings, with what the content adds to them.
    """

    phases: Mapping[str, str] = field(default_factory=dict)
    roles: tuple[str, ...] = ()
    responsible: str = ""
    hold: HoldSteps = HoldSteps()
    office: Any = None

    def get_phase_name(self, phase: str | None) -> str:
        """Return the Finnish name of a phase, a dash for none."""
        return self.phases.get(phase or "", "–")


@cache
def import_content(folders: tuple[Path, ...]) -> str:
    """Make one package of folders, a file in an earlier one hiding its namesake in a later one, and return its name."""
    package = f"formgen_schemas_{hashlib.sha256(repr(folders).encode()).hexdigest()[:8]}"
    module = ModuleType(package)
    module.__path__ = [str(folder) for folder in folders]
    sys.modules[package] = module
    return package


def read_process(folders: tuple[Path, ...]) -> Process:
    """Return the process that the content in the folders declares."""
    found: Process = importlib.import_module(f"{import_content(folders)}._process").PROCESS
    return found

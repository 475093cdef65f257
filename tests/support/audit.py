"""Ask the vulnerability service about every package that is deployed: ``python -m tests.support.audit``.

Ends with 1 when the service knows of a weakness, or does not know a package that is locked. When
it cannot be reached it says so and ends with 0. Whether it can is told by an old release of which
it must know something: an index that answers for the service knows of nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LOCKS = tuple(sorted((Path(__file__).parents[2] / "deploy").glob("*.lock")))
PROGRAM = Path(sys.executable).with_name("pip-audit")
WEAK = "pyyaml==5.3"
CONNECT, ASK, ASK_ALL = 5, 20, 120  # seconds


def audit(locks: Sequence[Path] = LOCKS, program: Path = PROGRAM) -> tuple[int, str]:
    """Return the exit code and what to say of the locks."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as known:
        known.write(WEAK)
        known.flush()
        told, _ = asked(program, ASK, "--no-deps", "-r", known.name)
    if not any(package.get("vulns") for package in told):
        return 0, "The vulnerability service is not reachable: not audited."
    told, error = asked(program, ASK_ALL, *(word for lock in locks for word in ("-r", str(lock))))
    weak = [
        f"{package['name']} {package['version']}: {weakness['id']}"
        for package in told
        for weakness in package.get("vulns", ())
    ]
    unknown = [package["skip_reason"] for package in told if "skip_reason" in package]
    if weak or unknown or not told:
        return 1, "\n".join([*weak, *unknown] or [error])
    return 0, f"{len(told)} packages audited, no weakness is known."


def asked(program: Path, seconds: int, *words: str) -> tuple[list[dict[str, Any]], str]:
    """Return what the service told of each package, nothing when it did not answer in time, and what went wrong."""
    options = ("--disable-pip", "--progress-spinner", "off", "--format", "json", "--timeout", str(CONNECT))
    try:
        done = subprocess.run([program, *options, *words], capture_output=True, text=True, check=False, timeout=seconds)
        return json.loads(done.stdout)["dependencies"], done.stderr
    except subprocess.TimeoutExpired:
        return [], f"No answer in {seconds} seconds."
    except ValueError:
        return [], done.stderr


if __name__ == "__main__":
    code, said = audit()
    sys.stdout.write(f"{said}\n")
    sys.exit(code)

"""The attacks that are played are those of the security model."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.redteam import MODEL

SECURITY = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| \*\*(.+?)\*\*.*?\|.*?\|.*?\| (.*?) \|", SECURITY, re.MULTILINE)


def test_everybody_in_the_model_attacks_and_nobody_else() -> None:
    assert [who for who, _ in ROWS] == list(MODEL)


def test_everybody_attacks_by_tests_that_the_model_names() -> None:
    for who, tests in ROWS:
        named = set(re.findall(r"test_\w+", tests))
        assert {Path(pattern.partition("::")[0]).stem for pattern in MODEL[who]} <= named, who

"""A busy day in a shared folder, small: `tests.support.storm` says what is dropped how."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.storm import MEMORY, WAYS, run


@pytest.mark.slow
def test_forms_that_come_in_every_way_of_copying_become_records_each_once(tmp_path: Path) -> None:
    forms, foreign, unready = 2 * len(WAYS), 9, 6
    found = run(tmp_path, forms, foreign, unready, incomplete=15.0)
    assert found.counts == {"accepted": forms + 1 + unready, "rejected": foreign + 1}
    assert len(found.instances) == len(set(found.instances)) == forms + 1 + unready
    assert found.memory < MEMORY
    assert (found.before["ok"], found.before["inbox"]) == (False, unready + 1)
    assert any("pysyvä.docx" in problem for problem in found.before["problems"])  # type: ignore[attr-defined]
    assert (found.after["ok"], found.after["inbox"], found.after["problems"]) == (True, 0, [])

"""Every file that means harm ends as its kind may, within the limits, and the next one is read as ever."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from formgen import formats
from formgen.sandbox import reader_pool
from formgen.settings import Intake
from tests.support import fuzz, hostile
from tests.support.hostile import KINDS, Kind, end_of, files

PAPERS = fuzz.papers
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@pytest.fixture(autouse=True)
def _scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let scratch folders be made where no other test makes any."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def ends(data: bytes) -> str:
    """Return what comes of a file behind the wall; nothing is left behind by it."""
    found = end_of(lambda: reader_pool.read(data, PAPERS(), Intake()))
    assert list(Path(tempfile.gettempdir()).glob("formgen-*")) == []
    assert [child for reader in reader_pool.IDLE for child in reader.child_ids] == []
    return found


@every_kind
def test_a_hostile_file_ends_as_its_kind_may(kind: Kind) -> None:
    assert ends(files(kind, 1)) in kind.ends


@pytest.mark.slow
@every_kind
def test_many_hostile_files_end_as_their_kind_may(kind: Kind) -> None:
    made = {files(kind, seed) for seed in range(2, 5)}
    assert len(made) > 1, "a seed makes another file"
    assert {ends(data) for data in made} <= kind.ends


def test_after_all_of_them_the_forms_are_read_as_ever() -> None:
    for data in (hostile.word(), hostile.portable()):
        assert ends(data) == "read"
        assert reader_pool.read(data, PAPERS(), Intake()) == formats.read_document(data, PAPERS())

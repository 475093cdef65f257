"""Whatever becomes of an RTF document, people and systems see what they should."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.foreign.test_libreoffice import office
from tests.support.matrix import LANGUAGES, Cell, Unit, cells, play
from tests.support.matrix_checks import check, check_workspace

__all__ = ["office", "play"]
FORMATS = ("rtf",)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("cell", cells(*FORMATS), ids=str)
def test_people_and_systems_see_what_has_become_of_a_file(cell: Cell, play: Callable[[str, str], Unit]) -> None:
    check(play(*cell.unit), cell)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", FORMATS)
def test_a_workspace_is_sound_after_all_of_it(name: str, language: str, play: Callable[[str, str], Unit]) -> None:
    check_workspace(play(name, language))

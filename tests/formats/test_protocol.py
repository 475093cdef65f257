"""Every format there is does all that the protocol asks for, or says that it does not."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from formgen import formats
from formgen.errors import Reason, Unreadable, UsageError
from formgen.formats.protocol import Converter, Format, Templates

FORMATS = formats.load_formats()
WRITING = ("render", "render_letter", "fill_document")
NOTHING: Any = SimpleNamespace()


def members(protocol: type) -> dict[str, Any]:
    """Return what a protocol asks for."""
    return {name: thing for name, thing in vars(protocol).items() if not name.startswith("_")}


def call(found: Format, name: str) -> object:
    """Call something that makes a document, with nothing to make it of."""
    arguments = inspect.signature(getattr(found, name)).parameters
    return getattr(found, name)(*[NOTHING for _ in arguments])


@pytest.fixture(params=FORMATS)
def found(request: pytest.FixtureRequest) -> Format:
    """Return each format."""
    return FORMATS[request.param]


def test_a_format_is_a_package_that_is_found() -> None:
    here = Path(formats.__file__).parent
    assert set(FORMATS) == {file.parent.name for file in here.glob("*/format.py")}
    assert all(found.name == name for name, found in FORMATS.items())


@pytest.mark.parametrize("protocol", [Format, Templates])
def test_a_format_has_the_whole_protocol_and_nothing_besides(protocol: type, found: Format) -> None:
    thing = found if protocol is Format else found.templates
    if thing is None:
        return
    asked = members(protocol)
    assert {name for name in dir(thing) if not name.startswith("_")} == set(asked)
    for name, function in asked.items():
        if inspect.isfunction(function):
            expected = list(inspect.signature(function).parameters.values())[1:]
            offered = list(inspect.signature(getattr(thing, name)).parameters.values())
            assert [(one.name, one.default) for one in offered] == [(one.name, one.default) for one in expected], name


def test_endings_and_media_types_are_of_one_format_each() -> None:
    endings = [ending for found in FORMATS.values() for ending in found.media_types]
    assert len(set(endings)) == len(endings)
    assert all(ending.startswith(".") for ending in endings)
    assert all(formats.find_media_type(ending[1:]).partition("/")[0] == "application" for ending in endings)


def test_what_is_read_with_a_program_says_what_that_needs(found: Format) -> None:
    assert found.converter is None or isinstance(found.converter, Converter)
    assert found.converter is None or (found.converter.memory > 0 and all(found.converter.readable_paths))


def test_a_format_is_preferred_to_another_or_makes_no_documents() -> None:
    ranks = [found.rank for found in FORMATS.values() if found.rank is not None]
    assert len(set(ranks)) == len(ranks) > 0
    assert set(formats.list_output_formats()) == {name for name, found in FORMATS.items() if found.rank is not None}
    assert formats.get_preferred_format().rank == min(ranks)
    assert formats.get_archive_format().name in formats.list_output_formats()
    assert formats.get_templates().ending == formats.get_ending(formats.get_preferred_format())


def test_a_format_that_makes_no_documents_refuses_to(found: Format) -> None:
    if found.rank is not None:
        assert formats.find_output_format(found.name) is found
        return
    for name in WRITING:
        with pytest.raises(UsageError):
            call(found, name)
    with pytest.raises(UsageError):
        formats.find_output_format(found.name)


def test_the_preferred_format_makes_letters() -> None:
    made = formats.get_preferred_format().render_letter(
        "Yksikkö", "Kirje", ["Teksti."], [("A", "b")], "fi-FI", "Tunnus"
    )
    assert formats.identify_format(made) is formats.get_preferred_format()


def test_no_format_reads_what_is_none(found: Format) -> None:
    assert not found.can_read(b"")
    assert not found.can_read(b"hello")
    with pytest.raises(Unreadable) as refused:
        formats.identify_format(b"hello")
    assert refused.value.code == Reason.UNSUPPORTED_TYPE


def test_no_format_knows_a_layout_or_a_root_that_nobody_gave_it(found: Format, tmp_path: Path) -> None:
    assert found.load_layout("0badcafe", tmp_path) is None
    assert found.name_roots(()) == frozenset()


def test_the_engine_names_no_format() -> None:
    engine = Path(formats.__file__).parents[1]
    outside = [file for file in engine.rglob("*.py") if not file.is_relative_to(engine / "formats")]
    named = {
        (file.relative_to(engine).as_posix(), name)
        for file in outside
        for name in FORMATS
        for quoted in (f'"{name}"', f"'{name}'", f"formats.{name}", f"formats import {name}")
        if quoted in file.read_text(encoding="utf-8")
    }
    assert named == set()

"""Broken forms are read as they are, doubted, or refused; what the fuzzer has found stays mended."""

from __future__ import annotations

import hashlib
import tempfile
from copy import deepcopy
from pathlib import Path

import pikepdf
import pytest
from lxml import etree
from pikepdf import Dictionary, Name, Pdf, String

from formgen import formats
from formgen.documents.extraction import Extraction
from formgen.formats import office
from formgen.formats.docx.flow import CHECKBOX
from formgen.formats.docx.package import w
from tests.support import corpus, fuzz, hostile
from tests.support.strategies import members, packed

MAIN = hostile.MAIN


def read(data: bytes) -> Extraction:
    """Return what stands in a file."""
    return formats.read_document(data, fuzz.papers())


@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_no_broken_form_makes_a_finding(kind: str) -> None:
    found = fuzz.fuzz((kind,), 7, 40)
    assert [what for what in found if "!died" in what or "!wall" in what] == []
    assert len(found) > 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", fuzz.OFFICE)
def test_nothing_of_a_broken_form_that_libreoffice_opens_leaves_the_wall(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = fuzz.fuzz((kind,), 7, 3)
    assert [what for what in found if "!" in what] == []
    assert sum(map(len, found.values())) == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_every_file_of_the_corpus_ends_as_it_did(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    pairs = list(fuzz.replayed(kind))
    assert pairs
    assert [(was, now) for was, now in pairs if now.differs(was)] == []


def test_what_is_kept_whole_is_small_and_stands_in_the_list() -> None:
    packed_files = list(corpus.FOLDER.glob("*.xz"))
    assert {file.stem for file in packed_files} <= {kept.name for kept in corpus.stored()}
    assert [file.name for file in packed_files if file.stat().st_size >= 30_000] == []


def test_a_finding_is_kept_in_the_place_of_what_was_known_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus, "FOLDER", tmp_path)
    monkeypatch.setattr(corpus, "LIST", tmp_path / "kept.json")
    was, now = corpus.Kept.of("odt-1-2", b"x", "sure"), corpus.Kept.of("odt-1-2", b"x", "!slow")
    corpus.keep({was: b"x"})
    corpus.keep({now: b"x"})
    assert corpus.stored() == [now]
    assert fuzz.Trial.named("odt-1-2").made()[1] == corpus.whole("odt-1-2") == b"x"
    other = corpus.Kept.of("odt-1-2", b"y", "read")
    assert (now.differs(was), was.differs(was), other.differs(was)) == (True, False, False)


@pytest.mark.parametrize("place", ["profile", "formgen-x/profile"])
def test_the_socket_of_a_libreoffice_that_was_ended_is_removed(place: str, tmp_path: Path) -> None:
    profile = tmp_path / place
    profile.mkdir(parents=True)
    digest = hashlib.md5(profile.as_uri().encode("utf-16-le")).digest()
    ours = Path(f"/tmp/OSL_PIPE_SingleOfficeIPC_{''.join(map('{:x}'.format, digest))}")
    ours.touch()
    office.remove_sockets(str(tmp_path))
    assert not ours.exists()


def test_a_text_where_no_text_can_stand_needs_a_person() -> None:
    parts = members(hostile.word())
    root = etree.fromstring(parts[MAIN])
    text = next(text for text in root.iter(w("t")) if text.getparent().getparent().tag == w("sdtContent"))
    control = text.getparent().getparent().getparent()
    control.find(w("sdtPr")).append(deepcopy(text.getparent()))
    assert "warned" in read(packed({**parts, MAIN: etree.tostring(root)})).facts
    assert "warned" not in read(hostile.word()).facts


def test_an_object_that_is_nothing_is_no_damage() -> None:
    def put(document: Pdf) -> None:
        document.Root.AcroForm.XFA = document.make_stream(b"<xdp/>")  # so that every object is looked at
        document.Root.Extra = pikepdf.Array([document.make_indirect(Dictionary()), document.make_indirect(7)])

    assert "xfa" in read(hostile.changed(put)).facts


def test_a_field_that_has_come_into_the_box_of_another_needs_a_person() -> None:
    parts = members(hostile.word())
    root = etree.fromstring(parts[MAIN])
    controls = list(root.iter(w("sdt")))
    boxes = [one for one in controls if one.find(f"{w('sdtPr')}/{CHECKBOX}") is not None]
    text = next(one for one in controls if one not in boxes and "".join(one.itertext(w("t"))).strip())
    boxes[0].find(f"{w('sdtContent')}/{w('r')}").append(text)
    assert "warned" in read(packed({**parts, MAIN: etree.tostring(root)})).facts


@pytest.mark.parametrize("instead", [Dictionary(Type=String("x")), Name.Yes], ids=["dictionary", "name"])
def test_what_is_no_text_in_the_place_of_a_text_is_none(instead: pikepdf.Object) -> None:
    def put(document: Pdf) -> None:
        for thing in document.objects:
            if isinstance(thing, Dictionary) and thing.get("/FT") == "/Tx" and not str(thing.T).startswith("formgen"):
                thing.V = instead

    sheet = read(hostile.changed(put))
    spoiled = [answer for answer in sheet.answers.values() if "unread" in answer.doubts]
    assert spoiled
    assert {answer.text for answer in spoiled} == {""}

"""Behind the wall foreign bytes are read as in front of it, and what goes wrong there stays there."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from io import BytesIO

import pytest

from formgen import formats
from formgen.documents.extraction import Answer, Extraction
from formgen.errors import CutOff, Unreadable
from formgen.formats.docx.read import build_index
from formgen.forms.form import Form, prefill_extraction
from formgen.sandbox import confine, reader_pool
from formgen.settings import Intake
from tests.support.strategies import FORMS, drawn, members, packed, papers

MAIN = "word/document.xml"
CPU, MEMORY = Intake().cpu_seconds, Intake().memory_bytes
every_form = pytest.mark.parametrize("form", tuple(FORMS), ids=lambda form: form.id)


@pytest.fixture(autouse=True)
def _no_reader_is_left() -> Iterator[None]:
    reader_pool.stop_idle_readers()
    yield
    assert len(reader_pool.IDLE) <= 1, "one reads after the other, each is ended or used again"
    assert [child for reader in reader_pool.IDLE for child in reader.child_ids] == []
    reader_pool.stop_idle_readers()


@cache
def document(form: type[Form]) -> bytes:
    """Return a document of a form with something in it."""
    paths = [
        path
        for path in prefill_extraction(form, {}).answers
        if form.find_field(path) and form.find_field(path).type in ("text", "long")
    ]
    return drawn(form, Extraction({path: Answer("Äiti & “poika”\n<Oy>\t🙂") for path in paths}))


@cache
def heavy() -> bytes:
    """Return a document within the limits of size that takes seconds to read."""
    parts = members(document(next(iter(FORMS))))
    line = b"<w:p><w:r><w:t>x</w:t></w:r></w:p>"
    parts[MAIN] = parts[MAIN].replace(b"<w:sectPr", line * (7_000_000 // len(line)) + b"<w:sectPr", 1)
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for name, part in parts.items():
            package.writestr(name, part)
    return out.getvalue()


@every_form
def test_a_document_reads_the_same_on_both_sides(form: type[Form]) -> None:
    data = document(form)
    sheet = reader_pool.read(data, papers(), Intake())
    assert sheet == formats.read_document(data, papers())
    assert any(answer.text for answer in sheet.answers.values())


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"not a document", "unsupported_type"),
        (packed({"word/x": b""})[:-30], "unreadable"),
        (packed({"word/x": b""}), "not_a_form"),
        (packed({"word/x": b"", "../x": b""}), "unsafe"),
    ],
    ids=["nothing", "text", "half a package", "another package", "a name that leads out"],
)
def test_what_cannot_be_read_has_the_same_code_on_both_sides(data: bytes, code: str) -> None:
    for read in (lambda: reader_pool.read(data, papers(), Intake()), lambda: formats.read_document(data, papers())):
        with pytest.raises(Unreadable) as refused:
            read()
        assert (refused.value.code, type(refused.value)) == (code, Unreadable)


def test_every_sentence_with_which_a_reader_refuses_is_one_that_it_may_say() -> None:
    said = {}
    found = pkgutil.walk_packages(formats.__path__, "formgen.formats.")
    for module in (formats, *(importlib.import_module(item.name) for item in found)):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Unreadable":
                own = [getattr(module, getattr(message, "id", ""), None) for message in node.args[1:]]
                said[module.__name__, node.lineno] = own, node.keywords
    assert len(said) > 20
    assert {what for what, (own, values) in said.items() if not formats.REFUSALS.issuperset(own) or values} == set()


def test_a_file_over_the_limit_is_not_even_opened() -> None:
    with pytest.raises(Unreadable) as refused:
        reader_pool.read(bytes(11), papers(), Intake(max_bytes=10))
    assert refused.value.code == "too_large"


def test_a_reading_that_takes_too_long_is_cut_off() -> None:
    with pytest.raises(CutOff) as refused:
        reader_pool.read(heavy(), papers(), Intake(wall_seconds=0.2))
    assert refused.value.code == "timeout"


def test_a_reading_that_uses_up_its_processor_time_is_cut_off() -> None:
    with pytest.raises(CutOff) as refused:
        reader_pool.read(heavy(), papers(), Intake(cpu_seconds=1))
    assert refused.value.code in {"unsafe", "timeout"}


@pytest.mark.parametrize("megabytes", [1, 150])
def test_a_reading_that_runs_out_of_memory_is_refused(megabytes: int) -> None:
    with pytest.raises(Unreadable) as refused:
        reader_pool.read(heavy(), papers(), Intake(memory_bytes=megabytes * 1_000_000))
    assert refused.value.code in {"unsafe", "too_large", "unreadable"}, "whoever notices it first says so"


def test_a_reader_that_is_killed_is_cut_off() -> None:
    reader_pool.read(document(next(iter(FORMS))), papers(), Intake())
    (reader,) = reader_pool.IDLE
    signal.pidfd_send_signal(reader.handle, signal.SIGSTOP)  # it does not answer before
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(reader_pool.read, heavy(), papers(), Intake())
        while reader_pool.IDLE and not reading.done():
            pass
        time.sleep(0.2)  # it has been found alive, and asked
        signal.pidfd_send_signal(reader.handle, signal.SIGKILL)
        with pytest.raises(CutOff) as refused:
            reading.result()
    assert refused.value.code == "unsafe"


def test_the_next_file_is_read_as_if_nothing_had_happened() -> None:
    form = next(iter(FORMS))
    with pytest.raises(CutOff):
        reader_pool.read(heavy(), papers(), Intake(wall_seconds=0.05))
    assert reader_pool.read(document(form), papers(), Intake()) == formats.read_document(document(form), papers())


def confined(code: str) -> str:
    """Return what a program prints that runs as the child behind the wall does."""
    names = "Bounds, Sandbox, confine_process"
    start = f"from formgen.sandbox.confine import {names}\nconfine_process(Bounds({MEMORY}, {CPU}), Sandbox())\n"
    return subprocess.run([sys.executable, "-c", start + code], check=True, capture_output=True, text=True).stdout


def test_one_reader_reads_one_file_after_another() -> None:
    form = next(iter(FORMS))
    reader_pool.read(document(form), papers(), Intake())
    (reader,) = reader_pool.IDLE
    for data in (document(form), packed({"word/x": b""})):
        with suppress(Unreadable):
            reader_pool.read(data, papers(), Intake())
    assert [reader] == reader_pool.IDLE
    assert reader.is_alive


def test_a_reader_looks_only_for_the_papers_of_its_call() -> None:
    one, other = list(FORMS)[:2]
    for asked in (papers(), {(other.id, other.version): papers()[other.id, other.version]}, papers()):
        sheet = reader_pool.read(document(one), asked, Intake())
        assert bool(sheet.answers) == ((one.id, one.version) in asked)


def test_the_child_has_limits_that_it_cannot_raise() -> None:
    code = """
import resource
for name in ("AS", "CPU", "CORE", "FSIZE", "NOFILE", "NPROC"):
    print(*resource.getrlimit(getattr(resource, f"RLIMIT_{name}")))
"""
    found = [tuple(map(int, line.split())) for line in confined(code).splitlines()]
    assert found == [(limit, limit) for limit in (MEMORY, CPU, 0, 0, confine.OPEN_FILES, 0)]


def test_what_there_is_to_find_is_indexed_before_a_child_is_forked() -> None:
    told = papers()
    formats.prepare_readers(told)
    before = build_index.cache_info().misses
    assert formats.read_document(document(next(iter(FORMS))), told).answers
    assert build_index.cache_info().misses == before

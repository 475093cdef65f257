"""Feed broken forms to the readers for as long as it is asked: ``python -m tests.support.fuzz --minutes 10 --seed 1``.

Each file is a filled form after a few changes (`mutations`), made from the seed and its number alone.
It is read in a child with limits; one in so many also behind the real wall, where nothing may be left
behind. What LibreOffice opens is read there alone, and looked for afterwards in files and processes.
A finding is: a reader that raises anything but `Unreadable`, that dies or takes long, that reads
otherwise behind the wall, or an answer given as sure that an independent reading of the file does not find.
``--keep`` puts the findings into the corpus (`corpus`); ``--replay`` reads the corpus instead.
"""

from __future__ import annotations

import argparse
import collections
import ctypes
import io
import json
import multiprocessing
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import pypdfium2
from lxml import etree
from pypdfium2 import raw

from formgen import formats
from formgen.documents.extraction import Control, Extraction, FormSpec, Question, format_bookmark_name, iter_questions
from formgen.errors import CutOff, Unreadable
from formgen.formats import docx, office, pdf
from formgen.formats.docx.package import W14, w
from formgen.formats.pdf import fields
from formgen.forms.form import Form
from formgen.i18n import clean_text
from formgen.sandbox import reader_pool
from formgen.settings import Intake
from tests.support import corpus, pdf_forms, strategies
from tests.support.mutations import mutated

SECONDS = 10.0
KNOWN = set[str]()  # what has been left behind already
FORMS = 4
KINDS = ("docx", "pdf")
OFFICE = ("odt", "doc", "rtf")
SMALL = (1, 3)  # the forms that LibreOffice makes seeds of
AT_ONCE = {"docx": 200, "pdf": 200}
WALLED = 40  # one file in so many goes through the wall


@cache
def papers() -> Mapping[tuple[str, str], FormSpec]:
    """Return what there is to find in the documents of every form."""
    return strategies.papers()


@cache
def filled(kind: str, number: int) -> tuple[type[Form], bytes, Extraction]:
    """Return a form, a document of it with every field filled, and what is read of that."""
    if kind in OFFICE:
        form, data, sheet = filled("docx", number)
        return form, office.convert_document(data, ".docx", kind), sheet
    form = sorted(pdf_forms.FORMS, key=lambda form: len(form.list_questions()))[number]
    if kind == "pdf":
        data = pdf.fill_document(pdf_forms.issued(form), pdf_forms.typed(form))
    else:
        data = docx.fill_document(strategies.drawn(form, Extraction({})), pdf_forms.typed(form))
    return form, data, formats.read_document(data, papers())


@dataclass(frozen=True)
class Trial:
    """One broken file: its kind, its number in the run, and the run's seed."""

    kind: str
    seed: int
    number: int

    def made(self) -> tuple[type[Form], bytes, Extraction]:
        """Return the form, the broken file, and what was read of it when it was whole."""
        chance = random.Random(f"{self.kind} {self.seed} {self.number}")
        number = chance.choice(SMALL) if self.kind in OFFICE else chance.randrange(FORMS)
        if kept := corpus.whole(str(self)):
            form, _, before = filled("docx", number)
            return form, kept, before
        form, data, before = filled(self.kind, number)
        return form, mutated(self.kind, data, chance), before

    def __str__(self) -> str:
        """Return its name in the corpus."""
        return f"{self.kind}-{self.seed}-{self.number}"

    @classmethod
    def named(cls, name: str) -> Trial:
        """Return the trial of a name in the corpus."""
        kind, seed, number = name.split("-")
        return cls(kind, int(seed), int(number))


# --- an independent reading ------------------------------------------------------------------------


def told(text: str) -> str:
    """Return a text as two readings are compared: white space is one space."""
    return " ".join(clean_text(text).split())


def shown(element: Any) -> str:
    """Return the text below an element of a Word document, as plain XML has it."""
    signs = {w("tab"): "\t", w("br"): "\n", w("cr"): "\n", w("p"): "\n", w("noBreakHyphen"): "-"}
    pieces = (node.text if node.tag == w("t") else signs.get(node.tag, "") for node in element.iter())
    return told("".join(piece or "" for piece in pieces))


def in_word(data: bytes, asked: Mapping[str, Question]) -> Iterator[tuple[str, str]]:
    """Yield path and text of every field whose control stands in a Word document, and of every cell under no path."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        root = etree.fromstring(package.read("word/document.xml"))
    for control in root.iter(w("sdt")):
        mark = control.find(f"{w('sdtPr')}/{w('tag')}")
        path = (mark.get(w("val")) or "").removeprefix("fg:") if mark is not None else ""
        state = control.find(f"{w('sdtPr')}/{{{W14}}}checkbox/{{{W14}}}checked")
        content = control.find(w("sdtContent"))
        if state is not None:
            question, _, code = path.rpartition(".")
            if state.get(f"{{{W14}}}val") in ("1", "true", "on"):
                yield question, code
        elif path in asked and content is not None:
            prompt = control.find(f"{w('sdtPr')}/{w('showingPlcHdr')}") is not None
            yield path, "" if prompt else shown(content)
    for cell in root.iter(w("tc")):
        yield "", shown(cell)


def in_pdf(data: bytes, asked: Mapping[str, Question]) -> Iterator[tuple[str, str]]:
    """Yield path and text of every field of a PDF as PDFium has it."""
    names = {
        name: (question, option) for question in asked.values() for name, option in fields.iter_field_names(question)
    }
    document = pypdfium2.PdfDocument(data)
    document.init_forms()
    for page in document:
        for at in range(raw.FPDFPage_GetAnnotCount(page)):
            note = raw.FPDFPage_GetAnnot(page, at)
            with suppress(KeyError):
                question, option = names[wide(raw.FPDFAnnot_GetFormFieldName, document, note)]
                if option is None:
                    yield (
                        question.path,
                        fields.find_choice_code(question, wide(raw.FPDFAnnot_GetFormFieldValue, document, note)),
                    )
                elif raw.FPDFAnnot_IsChecked(document.formenv, note):
                    yield question.path, option.code
            raw.FPDFPage_CloseAnnot(note)


def wide(call: Any, document: Any, note: Any) -> str:
    """Return what PDFium says in UTF-16."""
    length = call(document.formenv, note, None, 0)
    room = ctypes.create_string_buffer(length)
    call(document.formenv, note, ctypes.cast(room, ctypes.POINTER(raw.FPDF_WCHAR)), length)
    return room.raw[:length].decode("utf-16-le", "replace").rstrip("\0")


@lru_cache(1)
def saved_as_word(data: bytes) -> bytes:
    """Return a file as LibreOffice saves it for Word, in front of the wall: what it makes of ours is harmless.

    What it has not finished in time is ended here, as behind the wall it is by that.
    """
    fork = multiprocessing.get_context("fork")
    with (
        tempfile.TemporaryDirectory(prefix="fuzz-") as folder,
        ProcessPoolExecutor(1, mp_context=fork, initializer=apart, initargs=(folder,)) as pool,
    ):
        group = pool.submit(os.getpid).result()
        try:
            return pool.submit(office.convert_document, data, office.detect_ending(data)).result()
        finally:
            os.killpg(group, signal.SIGKILL)


def apart(folder: str) -> None:
    """Make this process one whose children all end with it, and whose scratch folders lie in the folder."""
    os.setsid()
    tempfile.tempdir = folder


def in_office(data: bytes, asked: Mapping[str, Question]) -> Iterator[tuple[str, str]]:
    """Yield what `in_word` does of what LibreOffice makes of a file, and the boxes and cells that bookmarks lead to."""
    data = saved_as_word(data)
    yield from in_word(data, asked)
    names = {format_bookmark_name(path): (path, "") for path in asked}
    names |= {
        format_bookmark_name(f"{q.path}.{one.code}"): (q.path, one.code) for q in asked.values() for one in q.choices
    }
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        root = etree.fromstring(package.read("word/document.xml"))
    for mark in root.iter(w("bookmarkStart")):
        path, code = names.get(mark.get(w("name")) or "", ("", ""))
        text, cell = next(mark.iterfollowing(w("t")), None), next(mark.iterancestors(w("tc")), None)
        if code and text is not None and "☒" in (text.text or ""):
            yield path, code
        elif path and not code and cell is not None:
            yield path, shown(cell)


READERS = {"docx": in_word, "pdf": in_pdf} | dict.fromkeys(OFFICE, in_office)


def unfounded(kind: str, form: type[Form], data: bytes, sheet: Extraction, before: Extraction) -> list[str]:
    """Return the paths whose answers are sure, not what they were, and not what the file says when read otherwise."""
    changed = [
        path
        for path, answer in sheet.answers.items()
        if answer.confidence == 1 and told(answer.text) != told(getattr(before.answers.get(path), "text", ""))
    ]
    if not changed or sheet.facts or sheet.strays:
        return []
    asked = {question.path: question for table in form.list_questions() for question in iter_questions([table], 40)}
    found: dict[str, list[str]] = collections.defaultdict(list)
    for path, text in READERS[kind](data, asked):
        found[path].append(told(text))

    def right(path: str, place: str) -> bool:
        return stands(asked.get(path), told(sheet.answers[path].text), found, place)

    wrong = [path for path in changed if not right(path, path)]
    return [path for path in wrong if not as_another_row(path, sheet, right)]


def as_another_row(path: str, sheet: Extraction, right: Callable[[str, str], bool]) -> bool:
    """Tell whether all of a row of a table is what another row's fields hold: a row above has come or gone."""
    if not (match := re.match(r"(\w+)\.(\d+)\.", path)):
        return False
    table, row = match[1], match[0]
    cells = [name for name in sheet.answers if name.startswith(row)]
    others = [f"{table}.{number}." for number in range(40)]
    return any(all(right(cell, other + cell.removeprefix(row)) for cell in cells) for other in others)


def stands(question: Question | None, text: str, found: Mapping[str, list[str]], path: str) -> bool:
    """Tell whether a text is what the fields of a path hold, or where a Word document has lost them a cell."""
    if question and question.control is Control.TICKS:
        return sorted(text.split()) == sorted(set(found.get(path, ())))
    if path in found:
        return text in found[path]
    return any(text == cell or (text and text in cell) for cell in found.get("", ()))


# --- one file --------------------------------------------------------------------------------------


def read_it(trial: Trial) -> str:
    """Return what came of a trial in this process: a code, ``read``, or a finding, which begins with ``!``."""
    form, data, before = trial.made()
    module = formats.load_formats()[trial.kind]
    if not module.can_read(data):
        return "no such format"
    began = time.process_time()
    try:
        sheet = module.read(data, papers())
    except Unreadable as error:
        return error.code
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return f"!raises {type(error).__name__} {place_of(error)}"
    if (spent := time.process_time() - began) > SECONDS / 2:
        return f"!slow: {spent:.0f} s"
    return judged(trial.kind, form, data, sheet, before)


def judged(kind: str, form: type[Form], data: bytes, sheet: Extraction, before: Extraction) -> str:
    """Return what a reading is worth: ``sure``, ``read``, or a finding."""
    with suppress(Exception):  # the independent reading cannot read every file that ours can
        if wrong := unfounded(kind, form, data, sheet, before):
            return f"!unfounded {' '.join(re.sub(r'[0-9]+', 'N', path) for path in wrong[:3])}"
    whole = sheet.answers.keys() >= before.answers.keys() and all(a.confidence == 1 for a in sheet.answers.values())
    return "sure" if whole and not sheet.facts and not sheet.strays else "read"


def place_of(error: BaseException) -> str:
    """Return the innermost line of our own that an error came through."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "/formgen/" in frame.filename]
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "?"


def behind_the_wall(trial: Trial) -> str:
    """Return what came of a trial behind the wall; a finding when it is not what it is in front of it."""
    _, data, _ = trial.made()
    limits = Intake(wall_seconds=SECONDS * 2)
    said = []
    for read in (lambda: reader_pool.read(data, papers(), limits), lambda: formats.read_document(data, papers())):
        try:
            said.append(read())
        except Unreadable as error:
            said.append(error.code)
    return "walled" if said[0] == said[1] else "!wall differs"


def converted(trial: Trial) -> str:
    """Return what came of a file that LibreOffice opens, behind the wall; a finding too when anything is left of it."""
    form, data, before = trial.made()
    began, limits = time.monotonic(), Intake()
    try:
        what = judged(trial.kind, form, data, reader_pool.read(data, papers(), limits), before)
    except CutOff as error:
        what = error.code if error.code == "timeout" else "!died behind the wall"
    except Unreadable as error:
        what = error.code
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        what = f"!raises {type(error).__name__} {place_of(error)}"
    if (spent := time.monotonic() - began) > limits.wall_seconds + reader_pool.GRACE:
        what = f"!slow: {spent:.0f} s"
    if left := left_behind():
        return f"!left behind: {' '.join(left)}"
    what = raised(data) or what if what == "unreadable" else what
    return f"!left in front of the wall: {' '.join(left)}" if (left := left_behind()) else what


def raised(data: bytes) -> str:
    """Return the error of ours that may stand behind a file that is not readable, nothing when it is LibreOffice's."""
    try:
        docx.read(saved_as_word(data), papers())
    except Unreadable:
        return ""
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return f"!raises {type(error).__name__} {place_of(error)}"
    return ""


def left_behind() -> list[str]:
    """Return what has been left since the last time: scratch folders, programs told of one, children of readers."""
    scratch = f"{tempfile.gettempdir()}/formgen-"
    found = {file.name for file in Path(tempfile.gettempdir()).glob("formgen-*")}
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found |= {f"process {file.parent.name}"} if scratch.encode() in file.read_bytes() else set()
    found |= {f"child {child}" for reader in reader_pool.IDLE for child in reader.child_ids}
    new = sorted(found - KNOWN)
    KNOWN.update(new)
    return new


def batch(trials: list[Trial], out: Any) -> None:
    """Read the files of a batch one after the other, saying of each that it begins and what came of it."""
    resource.setrlimit(resource.RLIMIT_AS, (Intake().memory_bytes, Intake().memory_bytes))
    for trial in trials:
        out.write(json.dumps([trial.number, None]) + "\n")
        out.flush()
        signal.setitimer(signal.ITIMER_PROF, SECONDS)  # of processor time: others may be busy too
        out.write(json.dumps([trial.number, read_it(trial)]) + "\n")


def run(trials: list[Trial]) -> Iterator[tuple[Trial, str]]:
    """Yield what came of each trial; one that kills its child is a finding, and the rest go on without it."""
    while trials:
        inlet, outlet = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(inlet)
            with os.fdopen(outlet, "w") as stream:
                batch(trials, stream)
                stream.flush()
            os._exit(0)
        os.close(outlet)
        with os.fdopen(inlet) as lines:
            said = [json.loads(line) for line in lines if line.endswith("\n")]
        _, status = os.waitpid(child, 0)
        done = {number: what for number, what in said if what is not None}
        begun = [number for number, _ in said]
        if status:
            done[begun[-1] if begun else trials[0].number] = f"!died of {status}"
        yield from ((trial, done[trial.number]) for trial in trials if trial.number in done)
        trials = [trial for trial in trials if trial.number not in done]


# --- the run ---------------------------------------------------------------------------------------


def lying() -> set[str]:
    """Return what lies in the folder for temporary files, and in the repository's own workspace."""
    root = Path(__file__).parents[2]
    places = [Path(tempfile.gettempdir()), *(root / name for name in ("inbox", "outbox", "formgen", "."))]
    return {str(file) for place in places if place.is_dir() for file in place.iterdir()}


def fuzz(kinds: tuple[str, ...], seed: int, count: int, first: int = 0, walled: int = WALLED) -> dict[str, list[Trial]]:
    """Return the trials by what came of them: so many numbers of a seed for each kind."""
    found: dict[str, list[Trial]] = collections.defaultdict(list)
    for kind in kinds:
        trials = [Trial(kind, seed, number) for number in range(first, first + count)]
        for trial, what in read_all(trials):
            found[f"{kind} {what}"].append(trial)
        for trial in trials[::walled] if kind in KINDS else ():
            found[f"{kind} {behind_the_wall(trial)}"].append(trial)
    return found


def read_all(trials: list[Trial]) -> Iterator[tuple[Trial, str]]:
    """Yield what came of each trial of a kind."""
    if trials and trials[0].kind in OFFICE:
        yield from ((trial, converted(trial)) for trial in trials)
        return
    for number in range(FORMS) if trials else ():
        filled(trials[0].kind, number)  # once, for all children
    yield from run(trials)


def replayed(kind: str) -> Iterator[tuple[corpus.Kept, corpus.Kept]]:
    """Yield every file of a kind in the corpus, as it was and as it is now."""
    there = {kept.name: kept for kept in corpus.stored() if Trial.named(kept.name).kind == kind}
    for trial, what in read_all([Trial.named(name) for name in there]):
        yield there[str(trial)], corpus.Kept.of(str(trial), trial.made()[1], what)


def asked() -> argparse.Namespace:
    """Return what the command line asks for."""
    found = argparse.ArgumentParser(description=__doc__)
    found.add_argument("--minutes", type=float, default=1.0)
    found.add_argument("--seed", type=int, default=1)
    found.add_argument("--kind", choices=(*KINDS, *OFFICE), action="append")
    found.add_argument(
        "--keep", action="store_true", help="put the findings, or what came of the replay, into the corpus"
    )
    found.add_argument("--replay", action="store_true", help="read the corpus instead")
    return found.parse_args()


def for_minutes(kinds: tuple[str, ...], seed: int, minutes: float) -> dict[str, list[Trial]]:
    """Return the trials of some minutes by what came of them."""
    end = time.monotonic() + 60 * minutes
    total: dict[str, list[Trial]] = collections.defaultdict(list)
    turn = 0
    while time.monotonic() < end:
        for kind in kinds:
            size = AT_ONCE.get(kind, 5)
            for what, trials in fuzz((kind,), seed, size, turn * size).items():
                total[what] += trials
        turn += 1
    return total


def replay(kinds: tuple[str, ...], keep: bool) -> bool:
    """Tell whether a file of the corpus ends otherwise than it did; ``keep`` takes what came of it for right."""
    pairs = [pair for kind in kinds for pair in replayed(kind)]
    for was, now in pairs:
        print(f"{now.name:16} {now.came}" + (f"  was {was.came}" if was.came != now.came else ""))
    if keep:
        corpus.keep({now: b"" for _, now in pairs})
    return any(now.differs(was) for was, now in pairs)


def main() -> None:
    """Run for some minutes, or through the corpus, and say what came of it."""
    options = asked()
    kinds = tuple(options.kind or (*KINDS, *OFFICE))
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        tempfile.tempdir = folder  # what is left there is ours
        if options.replay:
            sys.exit(replay(kinds, options.keep))
        before = lying()
        total = for_minutes(kinds, options.seed, options.minutes)
        left = lying() - before
        reader_pool.stop_idle_readers()
    for what, trials in sorted(total.items(), key=lambda item: -len(item[1])):
        print(f"{len(trials):8} {what}" + (f"  {[t.number for t in trials[:5]]}" if "!" in what else ""))
        if options.keep and "!" in what:
            made = {trial: trial.made()[1] for trial in trials[:3]}
            corpus.keep(
                {corpus.Kept.of(str(t), data, what): data if t.kind in OFFICE else b"" for t, data in made.items()}
            )
    print(f"{sum(map(len, total.values()))} files, left behind: {sorted(left) or 'nothing'}")
    sys.exit(any("!" in what for what in total))


if __name__ == "__main__":
    main()

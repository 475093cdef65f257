"""The matrix of what can become of a returned file: every outcome, in every format, in every language.

A unit is a workspace into whose inbox the files of one format and language are dropped, in three rounds
through the real daemon; each cell of the matrix is then looked at on its own. The documents are in one
language and the office has another: a file whose own language nobody can know is answered in the office's.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import docx
import pikepdf
import pytest
import structlog
from typer.testing import CliRunner

from formgen import formats
from formgen.cli import app
from formgen.demo import resolve_dates
from formgen.documents.extraction import Answer, Control, Question, iter_questions
from formgen.forms.form import Form
from formgen.i18n import FORM_LANGUAGES, clean_text, list_languages
from formgen.issuing.issue import GeneratedDocument
from formgen.publishing import outbox
from formgen.sandbox import reader_pool
from formgen.storage.moments import to_local_date
from formgen.storage.rows import Submission
from tests.conftest import AGREEMENT, JOB, NOON, Bench, build_once
from tests.foreign.test_correction_fillers import ROWS, in_fields
from tests.foreign.test_libreoffice import Office, steps
from tests.formats.test_pdf_signatures import chain, signed
from tests.journeys.test_correction_codes import STAGE
from tests.rules import REFERRAL, TODAY
from tests.rules.education_plan import SCHOOL
from tests.support.foreign import FILLERS, FLATTENERS, Job
from tests.support.replies import PLACE, WRONG, Wrong, reply, told
from tests.support.stages import LEGAL, TO_WORK, filled, take, typed, written
from tests.support.strategies import members, packed
from tests.unit.test_rules import BASE, CASE

LANGUAGES = tuple(language for language in FORM_LANGUAGES if language in list_languages())
WORD, PORTABLE = ("docx", "odt", "doc", "rtf"), ("pdf", "flattened", "signed")
FORMATS = (*WORD, *PORTABLE)
OURS = ("accepted", "correction", "review", "released", "expired", "values", "process", "duplicate", "unsafe")
FOREIGN = ("no_form", "encrypted", "unreadable")  # whose own language nobody can know
OUTCOMES = (*OURS, *FOREIGN)
IMPOSSIBLE = {("encrypted", "rtf"): "RTF knows no encryption: what is stored with a password is as plain as without."}
CODES = {
    "values": "invalid_values",
    "process": "transition_not_allowed",
    "expired": "transition_not_allowed",
    "no_form": "not_a_form",
    "unsafe": "unsafe",
    "encrypted": "encrypted",
    "unreadable": "unreadable",
}
ENDS = {
    "accepted": ("accepted",),
    "correction": ("accepted",),
    "review": ("review",),
    "released": ("waiting", "accepted"),
    "expired": ("waiting", "rejected"),
    "duplicate": ("duplicate",),
}
MISTAKES = ("many", "ticks_in_a_cell", "what_another_answer_calls_for", "list", "signature", "area", "date")
ON_A_PAGE = ("date", "code", "number")  # mistakes that can be seen on a page
SETTINGS = """\
language = "{language}"

[intake]
quiet = 0.05
incomplete = 0.2
wall_seconds = 240.0

[signatures]
roots = ["juuri.pem"]
"""


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix."""

    outcome: str
    format: str
    language: str

    @property
    def ends(self) -> tuple[str, ...]:
        """Return the outcomes that a file of the cell comes to, one after another."""
        found = ENDS.get(self.outcome, ("rejected",))
        seen = self.format == "flattened" and (found[-1] == "accepted" or self.outcome == "values")
        return (*found[:-1], "review", found[-1]) if seen else found

    @property
    def unit(self) -> tuple[str, str]:
        """Return format and language of the documents of the unit in which the cell is played."""
        if self.outcome in OURS:
            return self.format, self.language
        return self.format, next(language for language in LANGUAGES if office_language(language) == self.language)

    def __str__(self) -> str:
        """Return the name of the cell."""
        return f"{self.outcome}-{self.format}-{self.language}"


def cells(*names: str) -> list[Cell]:
    """Return the cells of some formats that can exist, those of one unit together."""
    found = [
        Cell(outcome, name, language)
        for name in names
        for language in LANGUAGES
        for outcome in OUTCOMES
        if (outcome, name) not in IMPOSSIBLE
    ]
    return sorted(found, key=lambda cell: [FORMATS.index(cell.unit[0]), LANGUAGES.index(cell.unit[1])])


def office_language(language: str) -> str:
    """Return the language of the office to which the documents of a language are returned: another one."""
    return LANGUAGES[(LANGUAGES.index(language) + 1) % len(LANGUAGES)]


def turn(name: str, language: str) -> int:
    """Return the number of a unit: where there are several ways, each unit takes the next one."""
    return FORMATS.index(name) + LANGUAGES.index(language)


def forms_of(name: str, language: str) -> list[str]:
    """Return the forms that are accepted in a format and language: in all languages together every form."""
    return [form for at, form in enumerate(STAGE) if (at + turn(name, language)) % len(LANGUAGES) == 0]


# --- the cases that there are before anything is dropped -------------------------------------------


WALK = [LEGAL[move] for move in TO_WORK]
BEFORE = {  # how many days ago each case began, and the documents that have been accepted in it
    **{form: ((CASE[form]().today - TODAY).days, WALK[:stage]) for form, stage in STAGE.items()},
    "education_plan": (0, [WALK[0], ("cooperation_agreement", {**AGREEMENT, **SCHOOL})]),
    **{
        f"values-{name}": (0, WALK[: ("new", "decided", "signed").index(PLACE[WRONG[name].form])])
        for name in {*MISTAKES, *ON_A_PAGE}
    },
    "review": (0, WALK[:1]),
    "released": (0, WALK[:1]),
    "process": (0, WALK[:2]),
    "expired": (0, [LEGAL["T01"]]),
}


def prepare(root: Path) -> None:
    """Make the workspace of which every unit is a copy: with a case for each file that is about one."""
    root.mkdir(parents=True)
    (root / "juuri.pem").write_bytes(chain()[0].pem)
    (root / "formgen.toml").write_text(SETTINGS.format(language="fi"), encoding="utf-8")
    bench = Bench(root)
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader_pool, "read", lambda data, papers, _: formats.read_document(data, papers))
        for name, (days, documents) in sorted(BEFORE.items(), key=lambda item: -item[1][0]):
            bench.clock.now = NOON - timedelta(days=days)
            found[name] = None
            for form, answers in documents:
                row = take(bench, filled(bench, form, answers, found[name]))
                assert row.outcome == "accepted", (name, form, row.reason)
                found[name] = row.case_id
    (root / "cases.json").write_text(json.dumps(found), encoding="utf-8")
    bench.journal.engine.dispose()


# --- one unit --------------------------------------------------------------------------------------


@dataclass
class Unit:
    """A workspace, what is dropped into its inbox, and the programs with which that is made.

    ``files`` are the bytes by name, ``names`` the names by outcome, ``answers`` what was written into
    a file, ``misread`` what of that was read otherwise off its pages, ``listed`` what the office sees
    of the returns that want something of it after the first round.
    """

    bench: Bench
    format: str
    language: str
    office: Office
    files: dict[str, bytes] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)
    answers: dict[str, Mapping[str, str]] = field(default_factory=dict)
    listed: list[dict[str, Any]] = field(default_factory=list)
    misread: dict[str, Mapping[str, str]] = field(default_factory=dict)

    # --- how its files are made -----------------------------------------------------------------

    @property
    def turn(self) -> int:
        """Return the number of the unit."""
        return turn(self.format, self.language)

    @property
    def issued_as(self) -> str:
        """Return the format in which its documents go out."""
        return "docx" if self.format in WORD else "pdf"

    @property
    def ending(self) -> str:
        """Return the ending of its files."""
        return self.format if self.format in WORD else "pdf"

    @property
    def folder(self) -> Path:
        """Return a folder for the programs."""
        return self.office.folder

    def issue(self, form: str, case_id: str | None) -> GeneratedDocument:
        """Return a document that went out."""
        return self.bench.issue(form, case_id, format_name=self.issued_as, language=self.language)

    def filled(self, made: GeneratedDocument, answers: Mapping[str, str]) -> bytes:
        """Return a document as it was filled, in the format in which it went out."""
        answers = {path: self.today(text) for path, text in written(self.bench, made, answers).items()}
        if self.format in WORD:
            return self.bench.filled(made, answers)
        fields = in_fields(self.bench.registry.find_latest_version(made.form), answers)
        filler = FILLERS[("PDFium", "pikepdf", "pdf.js")[self.turn % 3]]
        return filler([Job(Path(made.path).read_bytes(), fields)], self.folder)[0]

    def saved(self, data: bytes) -> bytes:
        """Return a filled document as it is returned in the format."""
        if self.format in WORD:
            return self.stored(data)
        if self.format == "flattened":
            return FLATTENERS[("PDFium", "pdftocairo", "ghostscript")[self.turn % 3]](data, self.folder)
        return signed(data) if self.format == "signed" else data

    def stored(self, data: bytes, password: str = "", todo: Iterable[list[Any]] = ()) -> bytes:
        """Return a Word document as LibreOffice stores it in the format."""
        return self.office.work(data, "docx", list(todo), (self.ending,), password)[1][self.ending]

    def harmful(self, data: bytes) -> bytes:
        """Return a filled document as it is returned with something in it that no form may carry."""
        ways = HARM[self.format]
        return ways[self.turn % len(ways)](self, data)

    def locked(self, data: bytes) -> bytes:
        """Return a filled document as it is returned under a password."""
        if self.format in WORD:
            return self.stored(data, "salainen")
        lock, out = pikepdf.Encryption(owner="salainen", user="salainen", R=(4, 6)[self.turn % 2]), io.BytesIO()
        with pikepdf.open(io.BytesIO(data if self.format == "signed" else self.saved(data))) as document:
            document.save(out, encryption=lock)
        return signed(out.getvalue(), password="salainen") if self.format == "signed" else out.getvalue()

    def ordinary(self) -> bytes:
        """Return a document of the format that is no form."""
        out, letter = io.BytesIO(), docx.Document()
        letter.add_paragraph("Hei! Tulen tapaamiseen ensi viikolla. Terveisin Testi Mallikas")
        letter.save(out)
        if self.format in WORD:
            return self.stored(out.getvalue())
        return self.saved(self.office.work(out.getvalue(), "docx", [], ("pdf",))[1]["pdf"])

    def damaged(self, data: bytes) -> bytes:
        """Return a file that was cut off on its way."""
        return data[: len(data) * (3, 6, 9)[self.turn % 3] // 10]

    def today(self, text: str) -> str:
        """Return an answer as it is written today."""
        return resolve_dates(text, to_local_date(self.bench.clock()))

    # --- what is dropped ------------------------------------------------------------------------

    def drop(self, outcome: str, data: bytes, what: str = "", answers: Mapping[str, str] | None = None) -> None:
        """Lay a file into the inbox."""
        name = f"{'-'.join(filter(None, (outcome, what)))}.{self.ending}"
        assert name not in self.files
        self.files[name] = data
        self.names.setdefault(outcome, []).append(name)
        self.answers[name] = {path: self.today(text) for path, text in (answers or {}).items()}
        self.bench.drop(data, name)

    def send(self, outcome: str, form: str, answers: Mapping[str, str], case: str = "", what: str = "") -> bytes:
        """Lay a new document of a form, filled, into the inbox; return what it was before it was saved."""
        made = self.issue(form, self.cases[case or outcome])
        data = self.filled(made, answers)
        self.drop(outcome, self.saved(data), what, answers)
        return data

    @property
    def cases(self) -> dict[str, str]:
        """Return the cases by what they are for."""
        found: dict[str, str] = json.loads((self.bench.root / "cases.json").read_text(encoding="utf-8"))
        return found

    def play(self) -> None:
        """Drop all files in three rounds: at first, when something has become of these, when time has passed."""
        originals = self.first()
        self.bench.watch()
        self.listed = self.run("review", "list")
        self.accept("accepted")
        self.reject(f"values.{self.ending}")
        self.second(originals)
        self.bench.watch()
        known = {item["submission_id"] for item in self.listed}
        self.listed += [item for item in self.run("review", "list") if item["submission_id"] not in known]
        self.accept("correction", "released", "right")
        self.bench.clock.pass_days(self.bench.workspace.office.intake.waiting_days + 1)
        self.bench.watch()
        outbox.publish_schemas(self.bench.workspace.outbox / "schemas", self.bench.registry)

    def first(self) -> dict[str, tuple[GeneratedDocument, bytes]]:
        """Drop what needs nothing before it; return the accepted documents as they were filled, by form."""
        done = {}
        for form in forms_of(self.format, self.language):
            answers = typed(BASE[form], CASE[form]())
            made = self.issue(form, self.cases[form])
            done[form] = made, self.filled(made, answers)
            self.drop("accepted", self.saved(done[form][1]), form, answers)
        any_filled = done[next(iter(done))][1]
        self.send_doubtful()
        self.send("released", "job_start", JOB)
        self.send("expired", "cooperation_agreement", {**AGREEMENT, "coach_name": "Veera Valmentaja-Esimerkki"})
        self.send("values", self.wrong.form, self.wrong_answers, f"values-{self.mistake}")
        self.send("process", "cooperation_agreement", {**AGREEMENT, "agreement_kind": "initial"})
        self.drop("unsafe", self.harmful(any_filled))
        self.drop("no_form", self.ordinary())
        if ("encrypted", self.format) not in IMPOSSIBLE:
            self.drop("encrypted", self.locked(any_filled))
        self.drop("unreadable", self.damaged(self.saved(any_filled)))
        return done

    def send_doubtful(self) -> None:
        """Drop a document of which a person must be asked: a name that is locked was changed, a note lies on it."""
        if self.format in ("pdf", "signed"):
            made, out = self.issue("cooperation_agreement", self.cases["review"]), io.BytesIO()
            with pikepdf.open(io.BytesIO(self.filled(made, AGREEMENT))) as document:
                write_note(document)
                document.save(out)
            self.drop("review", self.saved(out.getvalue()))
        else:
            self.send("review", "cooperation_agreement", {**AGREEMENT, "client_name": "Joku Muu"})

    def second(self, originals: Mapping[str, tuple[GeneratedDocument, bytes]]) -> None:
        """Drop what comes after something: corrections, copies, the agreement waited for, the reply put right."""
        form, *rest = originals
        made, _ = originals[form]
        path = free_text(self.bench.registry.find_latest_version(form), typed(BASE[form], CASE[form]()))
        answers = {**typed(BASE[form], CASE[form]()), path: "Tämä on korjattu."}
        self.drop("correction", self.saved(self.filled(made, answers)), form, answers)
        form = next(form for form in rest if not self.misread.get(f"accepted-{form}.{self.ending}"))
        self.drop("duplicate", self.files[f"accepted-{form}.{self.ending}"], "same")
        self.drop("duplicate", self.saved(originals[form][1]), "again")
        agreement = self.bench.issue("cooperation_agreement", self.cases["released"])
        self.bench.drop(self.bench.filled(agreement, AGREEMENT), "sopimus.docx")
        if (row := self.row(f"values.{self.ending}")).outcome == "rejected":
            right = told(self.bench, row, self.wrong)
            self.drop("right", self.put_right(row, right), answers={**self.wrong_answers, **right})

    @property
    def mistake(self) -> str:
        """Return which mistake is made in the unit."""
        ways = ON_A_PAGE if self.format == "flattened" else MISTAKES
        return ways[self.turn % len(ways)]

    @property
    def wrong(self) -> Wrong:
        """Return the mistake."""
        return WRONG[self.mistake]

    @property
    def wrong_answers(self) -> dict[str, str]:
        """Return the answers with the mistake among them."""
        right = {"referral": REFERRAL, "cooperation_agreement": AGREEMENT, "job_start": JOB}[self.wrong.form]
        return {**right, **self.wrong.answers}

    def put_right(self, row: Submission, answers: Mapping[str, str]) -> bytes:
        """Return the reply to a return with answers in only those places, in the format of the return."""
        form, data = self.bench.registry.find_latest_version(self.wrong.form), reply(self.bench, row, self.issued_as)
        if self.format in WORD:
            asked = [
                question
                for question in iter_questions(form.list_questions(self.language), ROWS)
                if question.path in answers
            ]
            return self.stored(data, todo=steps(asked, answers))
        return self.saved(FILLERS["PDFium"]([Job(data, in_fields(form, answers))], self.folder)[0])

    def accept(self, *outcomes: str) -> None:
        """Accept what came off a page as a person does who looks at it: what was read wrong is put right."""
        for name in [name for outcome in outcomes for name in self.names.get(outcome, ())]:
            if self.format == "flattened" and (row := self.row(name)).outcome == "review":
                read = self.bench.intake.decision_engine.reader.read_document(self.files[name]).answers
                form, wrote = self.bench.registry.find_latest_version(row.form), self.wrote(name)
                self.misread[name] = {path: wrote[path] for path in differing(self, form, wrote, read)}
                self.bench.intake.confirm_submission(row, "Testi Tarkastaja", self.misread[name])

    def reject(self, name: str) -> None:
        """Reject what came off a page with a mistake in it, as a person does who looks at it."""
        if self.format == "flattened" and (row := self.row(name)).outcome == "review":
            self.bench.intake.reject_submission(row)

    # --- what there is to see -------------------------------------------------------------------

    def row(self, name: str) -> Submission:
        """Return the only return that a file has become."""
        (row,) = self.bench.journal.find_submissions(file_name=name)
        return row

    def wrote(self, name: str) -> dict[str, str]:
        """Return what was written into a file, by path."""
        answers = self.answers[name].items()
        return {path: text for path, text in answers if not path.endswith(".*")}

    def run(self, *command: str) -> Any:
        """Return what a command answers; it ends well."""
        logging = structlog.get_config()
        done = CliRunner().invoke(app, ["--workspace", str(self.bench.root), "--json", *command])
        structlog.configure(**logging)  # a command has its log go to where it has run
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)


def free_text(form: type[Form], answers: Mapping[str, str]) -> str:
    """Return the first question of a form that is answered with a text of any length."""
    asked = (question for question in iter_questions(form.list_questions(), ROWS) if not question.locked)
    return next(question.path for question in asked if question.control is Control.AREA and answers.get(question.path))


def write_note(document: pikepdf.Pdf) -> None:
    """Lay a note over the first page of a document."""
    note = pikepdf.Dictionary(
        Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.FreeText, Rect=[9, 9, 99, 99], Contents="Soittakaa ensin"
    )
    document.pages[0].Annots.append(document.make_indirect(note))


# --- what no form may carry ------------------------------------------------------------------------


def with_object(unit: Unit, data: bytes) -> bytes:
    """Return a Word document with another document in it, as LibreOffice stores it in the format."""
    return unit.stored(data, todo=[["embed"]])


def with_macro(unit: Unit, data: bytes) -> bytes:
    """Return a Word document with a macro, as LibreOffice stores it in the format."""
    return unit.stored(data, todo=[["write_macro", "Sub Main\nEnd Sub\n"]])


def with_word_macro(unit: Unit, data: bytes) -> bytes:
    """Return a Word document with macros as Word keeps them."""
    return packed({**dict(members(unit.stored(data))), "word/vbaProject.bin": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"})


def with_package(unit: Unit, data: bytes) -> bytes:
    """Return a Word document as RTF with a program in it, as Word writes an object: its head, its size, its bytes."""
    head = "0105000002000000080000005061636b61676500000000000000000004000000"
    inside = rf"{{\object\objemb{{\*\objclass Package}}{{\*\objdata {head}4d5a9000}}{{\result {{\pard x\par}}}}}}"
    rest, end, _ = unit.stored(data).rpartition(b"}")
    return rest + inside.encode() + end


def with_change(change: Callable[[pikepdf.Pdf], object]) -> Callable[[Unit, bytes], bytes]:
    """Return what makes a PDF with something in it; it is signed afterwards, and put into what was flattened."""

    def make(unit: Unit, data: bytes) -> bytes:
        out = io.BytesIO()
        with pikepdf.open(io.BytesIO(data if unit.format == "signed" else unit.saved(data))) as document:
            change(document)
            document.save(out)
        return unit.saved(out.getvalue()) if unit.format == "signed" else out.getvalue()

    return make


def run_script(document: pikepdf.Pdf) -> None:
    """Have a document run a script when it is opened."""
    document.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)"))


def start_program(document: pikepdf.Pdf) -> None:
    """Have a document start a program when its first page is opened."""
    launch = pikepdf.Dictionary(S=pikepdf.Name.Launch, F=pikepdf.String("x.exe"))
    document.pages[0].AA = pikepdf.Dictionary(O=launch)


def attach_program(document: pikepdf.Pdf) -> None:
    """Attach a program to a document."""
    document.attachments["x.exe"] = pikepdf.AttachedFileSpec(document, b"MZ\x90\0")


HARM: dict[str, tuple[Callable[[Unit, bytes], bytes], ...]] = {
    "docx": (with_object, with_word_macro),
    "odt": (with_object, with_macro),
    "doc": (with_object,),
    "rtf": (with_package,),
    **dict.fromkeys(PORTABLE, tuple(map(with_change, (run_script, start_program, attach_program)))),
}


# --- what was written, and what was read ---------------------------------------------------------------


def differing(
    unit: Unit, form: type[Form], wrote: Mapping[str, str], read: Mapping[str, Answer]
) -> dict[str, tuple[str, str]]:
    """Return what was written and what was read, by path, where the two do not say the same."""
    labels = {place.path: {choice.code: choice.label for choice in place.choices} for place in asked(form, unit)}
    pairs = {path: (text, read[path].text if path in read else "") for path, text in wrote.items()}
    return {path: pair for path, pair in pairs.items() if len({flat_text(text, labels.get(path)) for text in pair}) > 1}


def asked(form: type[Form], unit: Unit) -> Iterator[Question]:
    """Yield every question of a form in the language of a unit."""
    return iter_questions(form.list_questions(unit.language), ROWS)


def flat_text(text: str, labels: Mapping[str, str] | None = None) -> str:
    """Return a text in one line, for a page does not tell the end of a line from where it was full.

    Of codes and their labels it is the labels, whatever order they come in.
    """
    words = clean_text(text).split()
    if labels and set(words) <= labels.keys():
        words = sorted(labels[word] for word in words)
    return " ".join(words)


# --- the tests of some formats ---------------------------------------------------------------------


@pytest.fixture(scope="session")
def play(tmp_path_factory: pytest.TempPathFactory, common: Path, office: Office) -> Callable[[str, str], Unit]:
    """Return a function that gives the unit of a format and language after its three rounds."""
    home = tmp_path_factory.mktemp("matrix")
    prepared = build_once(common / "prepared", prepare)

    units: dict[tuple[str, str], Unit] = {}

    def played(name: str, language: str) -> Unit:
        if (name, language) not in units:
            root = home / f"{name}-{language}"
            shutil.copytree(prepared, root)
            (root / "juuri.pem").write_bytes(chain()[0].pem)  # those who run the tests have roots of their own
            (root / "formgen.toml").write_text(SETTINGS.format(language=office_language(language)), encoding="utf-8")
            unit = units[name, language] = Unit(Bench(root), name, language, office)
            unit.play()
        return units[name, language]

    return played

"""A stranger with a blank, a token or a whole form of somebody else learns nothing and changes nothing."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pikepdf
import pypdfium2
import pytest

from formgen.cases.person import iter_identifying_fields
from formgen.formats.docx.package import Package
from formgen.forms import registry
from formgen.forms.form import Form
from formgen.settings import WorkspaceFolder
from formgen.storage.journal import Journal
from formgen.storage.moments import format_timestamp, to_local_date
from formgen.storage.rows import IssuedDocument, StoredStep, Submission
from tests.conftest import SETTINGS, Bench, saved_again
from tests.foreign.test_libreoffice import Office, office
from tests.journeys.test_cli import Run, run
from tests.support.stages import open_bench
from tests.support.strangers import (
    MALFORMED,
    MISSING,
    OUTSIDER,
    WRONG_DAY,
    a_day,
    answers_to,
    asked,
    claiming,
    known,
    leaked,
    only_a_token,
    open_unit,
    put,
    read,
    right,
    saved,
    shown,
    state,
    token_of,
    told,
    with_token,
    without_fields,
)

__all__ = ["office", "run"]
REPOSITORY = Path(__file__).parents[2]
FORMS = tuple(registry.load_forms(WorkspaceFolder(REPOSITORY)))
OF_CASES = tuple(form for form in FORMS if not form.unit)
pytestmark = pytest.mark.usefixtures("unwalled")
every_form_of_a_case = pytest.mark.parametrize("form", OF_CASES, ids=lambda form: form.id)
every_format = pytest.mark.parametrize("format_name", ["docx", "pdf"])
IN_PDF = ("referral", "job_start", "quality_assessment")  # that opens a case, is about one, and is of the unit


def in_formats(forms: Sequence[type[Form]]) -> pytest.MarkDecorator:
    """Parametrize a test with every form as a Word document, and with those that differ in kind as a PDF."""
    pairs = [(form, name) for form in forms for name in ("docx", "pdf") if name == "docx" or form.id in IN_PDF]
    return pytest.mark.parametrize(("form", "format_name"), pairs, ids=[f"{form.id}-{name}" for form, name in pairs])


@dataclass
class Unit:
    """A unit with a client at work and one whose case is closed, and what a stranger may not learn or change."""

    bench: Bench
    open: str
    closed: str
    secrets: set[str]

    def __post_init__(self) -> None:
        """Remember what is so before a stranger comes."""
        self.before, self.lines = state(self.bench, self.open, self.closed), len(self.bench.feed())

    @property
    def claims(self) -> Mapping[str, str]:
        """Return what a document may say of its case, by what that is."""
        return {"open": self.open, "closed": self.closed, "missing": MISSING, "malformed": MALFORMED}

    def returned(self, data: bytes) -> Submission:
        """Return what became of a document that was dropped."""
        return self.bench.returned(data, f"palautus-{next(self.bench.numbers)}.{ending(data)}")

    def unchanged(self) -> bool:
        """Tell whether both cases are as they were."""
        return state(self.bench, self.open, self.closed) == self.before

    def events_of_the_cases(self) -> list[str]:
        """Return what the feed has told of the two cases since."""
        return [
            line["event"] for line in self.bench.feed()[self.lines :] if line["case_id"] in (self.open, self.closed)
        ]

    def learned(self, row: Submission, sent: bytes) -> set[str]:
        """Return what the sender of a return is told that stood neither in what they sent nor on any form."""
        return leaked(self.secrets, sent, answers_to(self.bench, row).values())


def ending(data: bytes) -> str:
    """Return the ending of a document's name."""
    return "pdf" if data.startswith(b"%PDF") else "docx"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str, set[str]]:
    """Return the workspace of a unit with two cases, their ids, the open one's first, and what is known of them."""
    root = tmp_path_factory.mktemp("unit") / "työtila"
    root.mkdir()
    (root / "formgen.toml").write_text(SETTINGS, encoding="utf-8")
    bench = open_bench(root)
    found = open_unit(bench)
    secrets = known(bench)
    bench.journal.engine.dispose()
    return root, *found, secrets


@pytest.fixture
def unit(home: tuple[Path, str, str, set[str]], tmp_path: Path) -> Unit:
    """Return a unit of its own for a test."""
    root, open_case, closed, secrets = home
    shutil.copytree(root, tmp_path / "unit")
    bench = open_bench(tmp_path / "unit")
    bench.clock.pass_days(2)
    return Unit(bench, open_case, closed, secrets)


def blank(unit: Unit, form: type[Form], format_name: str) -> bytes:
    """Return a blank, as every office hands it out."""
    return read(unit.bench.issue(form.id, empty=True, format_name=format_name).path)


# --- a blank that says it is of a case ----------------------------------------------------------


def filled_blank(unit: Unit, form: type[Form], format_name: str) -> bytes:
    """Return a blank with all that would be right for the open case."""
    about = {"client_name": "Onni Testinen Metsälä", "client_birth_date": "13.4.1985"}
    answers = {**(about if form.id != "referral" else {}), **right(form.id)}
    return put(blank(unit, form, format_name), unit.bench, fitting(form, format_name, answers))


def fitting(form: type[Form], format_name: str, answers: Mapping[str, str]) -> dict[str, str]:
    """Return the answers for which a blank has fields: a PDF has no more rows than it prints."""
    printed = {question.path: question.rows for question in form.list_questions() if question.columns}
    found = asked(form, answers)
    if format_name == "docx":
        return found
    return {
        path: text
        for path, text in found.items()
        if (table := path.partition(".")[0]) not in printed or int(path.split(".")[1]) < printed[table]
    }


@in_formats(FORMS)
def test_no_claim_lets_a_blank_into_a_case_or_tells_of_one(form: type[Form], format_name: str, unit: Unit) -> None:
    said = set()
    for claim in unit.claims.values():
        data = claiming(filled_blank(unit, form, format_name), claim, shown=True)
        row = unit.returned(data)
        assert (row.outcome, row.case_id) in {("rejected", None), ("review", None)}, (claim, row.outcome)
        assert unit.learned(row, data) == set()
        said.add((row.outcome, row.code, tuple(unit.bench.errors(row)), messages(row)))
    assert len(said) == 1, "what is said is the same whatever is claimed"
    assert unit.unchanged()
    assert unit.events_of_the_cases() == []


def messages(row: Submission) -> tuple[str, ...]:
    """Return the sentences that a return is answered with."""
    return tuple(error["message"] for error in json.loads(row.reason)["errors"])


@in_formats(FORMS)
def test_a_blank_that_claims_nothing_is_told_nothing_of_any_case(
    form: type[Form], format_name: str, unit: Unit
) -> None:
    data = filled_blank(unit, form, format_name)
    row = unit.returned(data)
    assert row.case_id not in (unit.open, unit.closed)
    assert unit.learned(row, data) == set()
    assert unit.unchanged()
    assert unit.events_of_the_cases() == []


@every_form_of_a_case
def test_reading_a_blank_that_claims_a_case_tells_nothing_of_it(form: type[Form], unit: Unit, run: Run) -> None:
    for claim in unit.claims.values():
        data = claiming(filled_blank(unit, form, "docx"), claim)
        file = unit.bench.root / f"luettava-{next(unit.bench.numbers)}.docx"
        file.write_bytes(data)
        for command in ("read", "submit"):
            told_there = run(command, str(file), "--json", at=unit.bench.root).out.encode()
            assert leaked(unit.secrets, data, [told_there]) == set()
            (answer,) = json.loads(told_there)
            assert (answer["outcome"], answer["again"]) == ("rejected", None)
    assert unit.unchanged()


@pytest.mark.slow
@pytest.mark.parametrize("saved_as", ["odt", "doc", "rtf"])
@pytest.mark.parametrize("form_id", ["referral", "job_start"])
def test_no_claim_lets_a_blank_in_that_an_office_program_has_saved(
    form_id: str, saved_as: str, unit: Unit, office: Office
) -> None:
    form = unit.bench.registry.find_latest_version(form_id)
    for claim in (unit.open, MISSING):
        data = claiming(filled_blank(unit, form, "docx"), claim, shown=True)
        _, files = office.work(data, "docx", [], (saved_as,))
        row = unit.bench.returned(files[saved_as], f"palautus-{next(unit.bench.numbers)}.{saved_as}")
        assert (row.outcome, row.case_id) in {("rejected", None), ("review", None)}
        assert unit.learned(row, data) == set()
    assert unit.unchanged()


@every_format
def test_a_journal_that_has_lost_a_document_believes_no_claim(format_name: str, unit: Unit, tmp_path: Path) -> None:
    (tmp_path / "toinen").mkdir()
    other = Bench(tmp_path / "toinen")
    for key in (unit.bench.workspace.var / "keys").iterdir():
        shutil.copy(key, other.workspace.var / "keys" / key.name)
    other = other.restarted()
    form = unit.bench.registry.find_latest_version("referral")
    for claim in unit.claims.values():
        made = other.issue("referral", format_name=format_name)
        answers = fitting(form, format_name, right("referral"))
        data = claiming(put(read(made.path), unit.bench, answers), claim)
        row = unit.returned(data)
        assert (row.outcome, row.case_id) in {("rejected", None), ("review", None)}
    assert unit.unchanged()


def test_a_language_that_a_document_claims_is_one_that_there_is(unit: Unit, tmp_path: Path) -> None:
    (tmp_path / "toinen").mkdir()
    other = Bench(tmp_path / "toinen")
    for key in (unit.bench.workspace.var / "keys").iterdir():
        shutil.copy(key, other.workspace.var / "keys" / key.name)
    data = put(read(other.restarted().issue("referral").path), unit.bench, {"client_email": "ei ole"})
    from tests.conftest import changed

    strange = changed(data, lambda name, text: text.replace(">fi<", ">xx_YY<") if name.endswith("custom.xml") else text)
    row = unit.returned(strange)
    assert (row.outcome, row.language) == ("rejected", "fi")
    assert answers_to(unit.bench, row)


# --- a token of somebody else -------------------------------------------------------------------


@dataclass(frozen=True)
class Taken:
    """A prefilled form of the open case that somebody has found: its bytes and what it was issued with."""

    data: bytes
    given: Mapping[str, str]
    instance_id: str


def found(unit: Unit, form: type[Form], format_name: str) -> Taken:
    """Return a form that was issued for the open case."""
    made = unit.bench.issue(form.id, unit.open, format_name=format_name)
    issued = unit.bench.journal.find_issued_document(made.instance_id)
    assert issued
    return Taken(read(made.path), issued.answers, made.instance_id)


def learned(unit: Unit, row: Submission, sent: bytes, taken: Taken) -> set[str]:
    """Return what the answers to a stranger say of what was prefilled, or of the case."""
    secrets = unit.secrets | shown(taken.given.values(), unit.bench)
    return leaked(secrets, sent, answers_to(unit.bench, row).values())


@in_formats(OF_CASES)
def test_a_token_on_another_paper_brings_nothing_back(form: type[Form], format_name: str, unit: Unit) -> None:
    taken = found(unit, form, format_name)
    paper = blank(unit, form, format_name)
    wrong = put(paper, unit.bench, {a_day(form): WRONG_DAY})
    bare = without_fields(wrong, lambda name: bool(name) and not name.startswith((a_day(form), "formgen_")))
    documents = {"wrong": wrong, "bare": bare}
    for name, paper in documents.items():
        data = with_token(paper, token_of(taken.data))
        row = unit.returned(data)
        assert row.outcome in ("review", "rejected"), name
        assert row.instance_id == taken.instance_id, name
        assert learned(unit, row, data, taken) == set(), name
    assert unit.unchanged()


@every_form_of_a_case
def test_a_token_alone_is_no_answer(form: type[Form], unit: Unit) -> None:
    taken = found(unit, form, "docx")
    data = only_a_token(token_of(taken.data))
    row = unit.returned(data)
    assert row.outcome in ("review", "rejected")
    assert learned(unit, row, data, taken) == set()
    assert unit.unchanged()


@every_form_of_a_case
def test_reading_a_token_tells_nothing_of_whose_it_is(form: type[Form], unit: Unit, run: Run) -> None:
    taken = found(unit, form, "docx")
    for paper in (only_a_token(token_of(taken.data)), put(blank(unit, form, "docx"), unit.bench, {a_day(form): "x"})):
        data = with_token(paper, token_of(taken.data))
        file = unit.bench.root / f"luettava-{next(unit.bench.numbers)}.docx"
        file.write_bytes(data)
        for command in ("read", "submit"):
            said = run(command, str(file), "--json", at=unit.bench.root).out
            secrets = unit.secrets | shown(taken.given.values(), unit.bench)
            assert leaked(secrets, data, [said.encode()]) == set()
    assert unit.unchanged()


@pytest.mark.parametrize(
    ("form", "format_name"),
    [*((form, "docx") for form in OF_CASES), (OF_CASES[0], "pdf"), (OF_CASES[-1], "pdf")],
    ids=lambda value: getattr(value, "id", value),
)
def test_who_guesses_the_case_of_a_token_is_not_told_whether_it_is_right(
    form: type[Form], format_name: str, unit: Unit
) -> None:
    taken = found(unit, form, format_name)
    token, paper = token_of(taken.data), blank(unit, form, format_name)
    for answers in ({a_day(form): WRONG_DAY}, {}):
        said = set()
        for claim in unit.claims.values():
            data = claiming(with_token(put(paper, unit.bench, answers), token), claim, shown=True)
            row = unit.returned(data)
            written = {name: held for name, held in answers_to(unit.bench, row).items() if "reason" not in name}
            assert not [name for name, held in written.items() if unit.open in told(held)]
            endings = sorted(name.rpartition(".")[2] for name in written)
            said.add((row.outcome, row.code, tuple(messages(row)) if written else (), *endings))
        assert len(said) == 1, said
    assert unit.unchanged()


# --- a whole form of somebody else ---------------------------------------------------------------


def emptied(unit: Unit, form: type[Form], taken: Taken) -> bytes:
    """Return the form with everything taken out that it came with."""
    return put(taken.data, unit.bench, dict.fromkeys(taken.given, ""))


def torn(unit: Unit, form: type[Form], taken: Taken) -> bytes:
    """Return the form without the fields that it came filled with, and a wrong day."""
    wrong = put(taken.data, unit.bench, {a_day(form): WRONG_DAY})
    given = {path.partition(".")[0] for path in taken.given} - {a_day(form)}
    return without_fields(wrong, lambda name: name.partition(".")[0] in given)


def of_another(unit: Unit, form: type[Form], taken: Taken) -> bytes:
    """Return the form filled rightly, but for another person."""
    person = {path: text for path, text in OUTSIDER.items() if path in taken.given or form.id == "referral"}
    answers = {**right(form.id), **person}
    return put(taken.data, unit.bench, fitting(form, ending(taken.data), asked(form, answers)))


@in_formats(OF_CASES)
@pytest.mark.parametrize("how", [emptied, torn, of_another], ids=lambda how: how.__name__)
def test_a_whole_form_of_another_that_is_not_as_it_was_changes_nothing(
    how: Callable[[Unit, type[Form], Taken], bytes], form: type[Form], format_name: str, unit: Unit
) -> None:
    taken = found(unit, form, format_name)
    data = how(unit, form, taken)
    for sent in (data, again(data)):
        row = unit.returned(sent)
        assert row.outcome in ("review", "rejected"), row.outcome
        assert learned(unit, row, data, taken) == set()
    assert unit.unchanged()


def again(data: bytes) -> bytes:
    """Return the same document in other bytes."""
    if not data.startswith(b"%PDF"):
        return saved_again(data)
    import io

    import pikepdf

    with pikepdf.open(io.BytesIO(data)) as document:
        document.docinfo["/Comment"] = "once more"
        return saved(document)


# --- guesses at whose a token is -------------------------------------------------------------------

UNTOLD = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{16,}|\d{4}-\d\d-\d\dT[\d:.]+Z|palautus-\d+|\d+/\d+:[0-9A-F]+(?::[0-9A-F]+)*|fg1:\S+|FG1:\S+"
)
WRONG = {"client_name": "Kaisa Virtanen", "client_birth_date": "24.5.1985"}
WRONG |= {"client_last_name": "Virtanen", "client_first_names": "Kaisa Testi", "client_hetu": "240585-9558"}


def identifying(form: type[Form]) -> list[str]:
    """Return the fields of a form that tell whose a document is."""
    return [asked.name for _, asked in iter_identifying_fields(form)]


def written_for(unit: Unit, row: Submission, guesses: Mapping[str, str]) -> dict[str, str]:
    """Return what was written outside for a rejected return, without ids, moments and what was guessed."""
    found = {}
    for name, data in answers_to(unit.bench, row).items():
        said = UNTOLD.sub("", " ".join(spoken(data)))
        for path, text in guesses.items():
            said = said.replace(text, f"<{path}>")
        found[name.removeprefix(Path(row.rejected_as).name)] = "".join(said.split())
    return found


def spoken(data: bytes) -> list[str]:
    """Return what an answer says: of a form each text of its pages and fields, in order."""
    if data.startswith(b"PK"):
        return re.findall(r"<w:t\b[^>]*>([^<]*)", Package(data).read_member("word/document.xml").decode())
    if not data.startswith(b"%PDF"):
        return [data.decode()]
    document = pypdfium2.PdfDocument(data)
    pages = [page.get_textpage().get_text_range() for page in document]
    document.close()
    with pikepdf.open(io.BytesIO(data)) as form:
        return pages + [str(widget.V) for page in form.pages for widget in page.get("/Annots", ()) if "/V" in widget]


BRIEF = {"closing"}  # brings so little of the client besides that who knows name and birthday knows it all
GUESSING = [*((form, "docx") for form in OF_CASES), (OF_CASES[0], "pdf"), (OF_CASES[5], "pdf")]


@pytest.mark.parametrize(("form", "format_name"), GUESSING, ids=lambda value: getattr(value, "id", value))
def test_who_guesses_whose_a_token_is_is_answered_the_same_right_or_wrong_and_whatever_the_case_holds(
    form: type[Form], format_name: str, unit: Unit
) -> None:
    taken, paper = found(unit, form, format_name), blank(unit, form, format_name)
    right = {path: taken.given[path] for path in identifying(form) if path in taken.given}
    wrong = {path: WRONG[path] for path in right}
    guesses = [[wrong] if form.id in BRIEF else [right, wrong]]
    if len(right) > 1:
        guesses[0] += [{**right, path: wrong[path]} for path in right if "client_hetu" not in right or "name" in path]
        guesses += [[{path: right[path]}, {path: wrong[path]}] for path in right]
    answers: list[list[dict[str, str]]] = [[] for _ in guesses]
    for change in (bytes, again):
        for number, group in enumerate(guesses):
            for guess in group:
                data = with_token(put(paper, unit.bench, {**guess, a_day(form): WRONG_DAY}), token_of(taken.data))
                row = unit.returned(change(data))
                assert row.outcome == "rejected"
                answers[number].append(written_for(unit, row, guess))
        close(unit)
    for group in answers:
        assert [difference(group[0], other) for other in group] == [[]] * len(group)


@every_form_of_a_case
def test_what_a_paper_has_lost_looks_the_same_whether_it_was_known_or_not(
    form: type[Form], unit: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = found(unit, form, "docx")
    wrong = put(taken.data, unit.bench, {a_day(form): WRONG_DAY})
    bare = without_fields(wrong, lambda name: bool(name) and not name.startswith((a_day(form), "formgen_")))
    answers, issued = [], Journal.find_issued_document

    def issued_with_little(journal: Journal, instance_id: str) -> IssuedDocument | None:
        row = issued(journal, instance_id)
        return row and replace(row, given={path: row.given.get(path, "") for path in identifying(form)})

    for remembered, data in ((issued, bare), (issued_with_little, again(bare))):
        monkeypatch.setattr(Journal, "find_issued_document", remembered)
        row = unit.returned(data)
        answers.append(written_for(unit, row, {}))
    assert difference(*answers) == []


def difference(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Return where two answers part: what a person looks at when a test fails."""
    found = []
    for name in sorted(one.keys() | other.keys()):
        pair = (one.get(name, ""), other.get(name, ""))
        at = next((at for at, (a, b) in enumerate(zip(*pair, strict=False)) if a != b), 0)
        if pair[0] != pair[1]:
            found.append(f"{name}: {' / '.join(text[max(0, at - 80) : at + 80] for text in pair)}")
    return found


def close(unit: Unit) -> None:
    """Let the open case be over."""
    case = unit.bench.journal.load_case(
        unit.open, to_local_date(unit.bench.clock()), unit.bench.workspace.office, unit.bench.registry
    )
    step = StoredStep(
        case_id=unit.open,
        seq=case.steps[-1].seq + 1,
        record_id=case.records[-1].record_id,
        form="closing",
        transition="T20",
        phase_before=case.phase,
        phase_after="closed",
        coach=None,
        at=format_timestamp(unit.bench.clock()),
    )
    with unit.bench.journal.begin_transaction() as connection:
        unit.bench.journal.add_step(connection, step)

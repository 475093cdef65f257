"""The pages that a newcomer reads name what there is: files, commands, options, settings, keys, codes, layers."""

from __future__ import annotations

import ast
import importlib.util
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel

from formgen.cli import app
from formgen.errors import Busy, FormgenError, OutOfReach, Reason, Unreadable, UsageError
from formgen.publishing import contract
from formgen.settings import HERE, PACKAGED, Coach, WorkspaceFolder
from tests.conftest import Bench
from tests.journeys.test_cli import COMMANDS, Run
from tests.journeys.test_cli import run as run

REPOSITORY = Path(__file__).parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
PAGES = {
    file.relative_to(REPOSITORY).as_posix(): file.read_text(encoding="utf-8")
    for file in (*sorted(REPOSITORY.glob("[A-Z]*.md")), *sorted((REPOSITORY / "docs").glob("*.md")))
}
README, OPERATION, CONTRACT = PAGES["README.md"], PAGES["docs/operation.md"], PAGES["docs/contract.md"]
ARCHITECTURE, DEBUGGING, ADDING = (PAGES[f"docs/{name}.md"] for name in ("architecture", "debugging", "adding-a-form"))
FOLDERS = "benchmarks|demo|deploy|docs|formgen|schemas|scripts|templates|tests"
MADE_BY_READERS = {"schemas/meeting.py", "templates/forms/meeting.docx"}  # the example of a new form
every_page = pytest.mark.parametrize("page", PAGES)


def fenced(text: str, language: str) -> list[str]:
    """Return the blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def spoken(text: str) -> Iterator[str]:
    """Yield the pieces of a page that stand in code: between backticks, and the lines of shell blocks."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    yield from (" ".join(piece.split()) for piece in re.findall(r"`([^`]+)`", prose))
    yield from (line.partition(" #")[0].strip() for block in fenced(text, "sh") for line in block.splitlines())


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as they are made of their words."""
    return {
        re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }


# --- what a newcomer meets first ----------------------------------------------------------------


def test_the_readme_is_short_and_has_a_picture_and_the_two_commands() -> None:
    assert len(README.splitlines()) <= 90
    assert re.search(r"^!\[.+\]\(docs/\w+\.png\)$", README, re.MULTILINE)
    assert [line.partition("  ")[0] for line in fenced(README, "sh")[0].splitlines()] == [
        "sh scripts/demo",
        "sh scripts/test",
    ]


def test_every_page_is_reached_from_the_readme() -> None:
    reached, rest = set(), ["README.md"]
    while rest:
        page = rest.pop()
        if page in PAGES and page not in reached:
            reached.add(page)
            rest += [target for target, _ in links(page)]
    assert set(PAGES) - reached == set()


def links(page: str) -> Iterator[tuple[str, str]]:
    """Yield where a page's links lead in the repository, and their anchors."""
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        if "://" not in target:
            file, _, anchor = target.partition("#")
            place = (REPOSITORY / page).parent / file if file else REPOSITORY / page
            yield place.resolve().relative_to(REPOSITORY).as_posix(), anchor


@every_page
def test_every_link_leads_somewhere(page: str) -> None:
    for target, anchor in links(page):
        assert (REPOSITORY / target).exists(), target
        assert not anchor or anchor in anchors(PAGES[target]), f"{target}#{anchor}"


@every_page
def test_every_file_that_is_named_is_there(page: str) -> None:
    paths = {word for piece in spoken(PAGES[page]) for word in re.findall(rf"^(?:{FOLDERS})/[\w./-]*$", piece)}
    assert [path for path in sorted(paths - MADE_BY_READERS) if not (REPOSITORY / path).exists()] == []


def test_what_a_newcomer_looks_for_is_shipped() -> None:
    assert (HERE / "py.typed").is_file()
    shipped = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert {*PAGES, "LICENSE", ".pre-commit-config.yaml"} <= {*shipped, *(page for page in PAGES if "/" in page)}
    assert "docs" in shipped
    assert [name for name in shipped if not (REPOSITORY / name).exists()] == []
    assert PROJECT["project"]["license"] == "EUPL-1.2"
    assert "https://eupl.eu/1.2/en/" in (REPOSITORY / "LICENSE").read_text(encoding="utf-8")


# --- commands -----------------------------------------------------------------------------------


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """Return the command that words name, None when there is no such one, and the words after its name."""
    found: Any = typer.main.get_command(app)
    while words and hasattr(found, "commands") and not words[0].startswith("-"):
        found, words = found.get_command(typer.Context(found), words[0]), words[1:]
    return found, words


@every_page
def test_every_command_that_is_shown_exists_with_its_options(page: str) -> None:
    whole = {option for parameter in typer.main.get_command(app).params for option in parameter.opts}
    for piece in spoken(PAGES[page]):
        if not re.match(r"formgen( --[a-z-]+( [A-Zj][\w/]*)?)* [a-z]", piece):
            continue
        words = re.sub(r"^formgen( --json| --(workspace|log-format|lang) \S+)*", "", piece).split()
        command, rest = command_of(words)
        assert command is not None, piece
        known = {option for parameter in command.params for option in parameter.opts} | whole | {"--help"}
        assert set(re.findall(r"--[a-z][\w-]*", " ".join(rest))) <= known, piece


@every_page
def test_every_module_and_script_that_is_run_exists(page: str) -> None:
    text = " ".join(spoken(PAGES[page]))
    for module in re.findall(r"python3? -m ([a-z_.]+)", text):
        assert importlib.util.find_spec(module), module
    for script in re.findall(r"\bsh ((?:scripts|deploy)/\w+)", text):
        assert (REPOSITORY / script).is_file(), script


def test_the_operators_page_names_every_command() -> None:
    assert [words for words in COMMANDS if f"`formgen {' '.join(words)}" not in OPERATION] == []


def test_the_contract_names_every_exit_code() -> None:
    table = CONTRACT.partition("## Exit codes")[2]
    told = {int(code) for code in re.findall(r"^\| (\d) \|", table, re.MULTILINE)}
    assert told == {0, 4} | {error.exit_code for error in (FormgenError, UsageError, Unreadable, OutOfReach, Busy)}


# --- settings, keys, codes, layers, events ------------------------------------------------------


def settings_of(model: type[BaseModel]) -> Iterator[str]:
    """Yield the names of the settings, also those below others."""
    for name, field in model.model_fields.items():
        yield name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings_of(field.annotation)


def test_the_operators_page_names_every_setting() -> None:
    page = OPERATION.partition("## Settings")[2].partition("## Commands")[0]
    named = set(re.findall(r"\w+", page))
    assert {*settings_of(WorkspaceFolder(PACKAGED).process.office), *settings_of(Coach)} - named == set()


def test_the_contract_names_every_key_that_is_published() -> None:
    named = {word for piece in re.findall(r"`([^`\n]+)`", CONTRACT) for word in re.findall(r"[\w.]+", piece)}
    models = [contract.Record, contract.Provenance, contract.FieldProvenance, contract.Phase, contract.Signature]
    models += [contract.Issue, contract.DigitalSignature, contract.Rejection, contract.Error, contract.Event]
    for model in models:
        assert set(model.model_fields) - named == set(), model.__name__


def test_the_contract_names_every_event_and_every_reason() -> None:
    events = set(contract.Event.model_fields["event"].annotation.__args__)
    assert set(re.findall(r"`((?:record|submission|case|document)\.[a-z]+)`", CONTRACT)) == events
    reasons = CONTRACT.partition("| `code` | when |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", reasons, re.MULTILINE) == list(Reason)


def test_the_layers_are_those_that_are_checked() -> None:
    told = ARCHITECTURE.partition("<!-- layers:")[2].partition("```\n")[2].partition("```")[0].split("\n")[:-1]
    first = next(item for item in PROJECT["tool"]["importlinter"]["contracts"] if item["containers"] == ["formgen"])
    assert told == first["layers"]


def test_every_package_of_the_engine_has_its_line() -> None:
    packages = {file.parent.name for file in HERE.glob("*/__init__.py")} - {"content"}
    assert {name for name in packages if f"| `formgen/{name}/` |" not in ARCHITECTURE} == set()


def test_every_event_of_the_log_is_explained() -> None:
    written = {
        node.args[0].value
        for file in HERE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func.value) == "log"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    table = DEBUGGING.partition("## The log")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([\w.]+)` \|", table, re.MULTILINE)) == written


# --- the examples work --------------------------------------------------------------------------


def test_the_example_of_a_new_form_is_a_form(run: Run, tmp_path: Path) -> None:
    assert run("init", ".").code == 0
    (tmp_path / "schemas" / "meeting.py").write_text(fenced(ADDING, "python")[0], encoding="utf-8")
    assert "met_on" in {field["path"] for field in run("--json", "forms", "show", "meeting").json["fields"]}
    assert run("templates", "build", "meeting").code == 0
    assert run("templates", "check", "templates/forms/meeting.docx").code == 0
    (made,) = run("--json", "generate", "meeting", "--blank").json
    assert Path(made["path"]).is_file()


def test_the_example_of_stepping_through_the_readers_runs(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    made = bench.issue("referral")
    code = fenced(DEBUGGING, "python")[0].replace('"COPY"', repr(str(bench.root))).replace('"FILE"', repr(made.path))
    exec(compile(code, "docs/debugging.md", "exec"), {})
    assert capsys.readouterr().out.splitlines()[-1] == "rejected"


def test_the_form_in_the_readme_is_python_and_says_what_the_form_says() -> None:
    (shown,) = fenced(README, "python")
    (form,) = ast.parse(shown).body
    assert isinstance(form, ast.ClassDef)
    whole = (PACKAGED / "schemas" / "job_start.py").read_text(encoding="utf-8")
    for line in shown.splitlines():
        if line.strip().startswith(("@rule", '"""', "title", "def ")):
            assert line in whole

"""The house keeps its shape: imports go down, the engine names no form, and the database is what the code says."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import formgen
from formgen import schema
from formgen.cli import COMMANDS
from formgen.forms import registry
from formgen.forms.references import FormReference
from formgen.process import CLOSED
from formgen.settings import Limits, Office, WorkspaceFolder
from formgen.storage import database, migrations, tables
from formgen.storage.journal import Journal

LONGEST_MODULE = 600  # lines
REPOSITORY = Path(__file__).parents[2]
ENGINE = REPOSITORY / "formgen"
FORMS = registry.load_forms(WorkspaceFolder(REPOSITORY))
MODULES = ["formgen", *sorted(found.name for found in pkgutil.walk_packages(formgen.__path__, "formgen."))]
IMPORTABLE = [name for name in MODULES if not name.endswith((".__main__", ".env")) and ".versions" not in name]
CONFIGURED = "importlinter" in tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]


@pytest.mark.skipif(not CONFIGURED, reason="import-linter is not configured")
def test_imports_go_down_only() -> None:
    linter = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    assert linter, "import-linter is among the tools of a developer"
    done = subprocess.run([linter, "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def words_of(file: Path) -> set[str]:
    """Return the identifiers in a module's code and in its texts, docstrings left out: they may give examples."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in docstrings:
                found |= set(re.findall(r"\w+", text)) if not text.startswith("formgen ") else set()
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                found.add(name)
    return found


def examples_of(file: Path) -> set[str]:
    """Return the words in the examples of a command's help: they show a person what to type."""
    text = file.read_text(encoding="utf-8")
    return {
        word for example in re.findall(r"\bexamples\((.*?)\)", text, re.DOTALL) for word in re.findall(r"\w+", example)
    }


def test_the_engine_names_no_form() -> None:
    named = {}
    for file in sorted(ENGINE.rglob("*.py")):
        if "content" in file.parts:
            continue
        if found := (words_of(file) & FORMS.ids) - examples_of(file):
            named[file.relative_to(REPOSITORY).as_posix()] = found
    assert named == {}


def test_the_engine_names_no_phase_and_no_move() -> None:
    hold = FORMS.process.hold
    ids = {*FORMS.process.phases, hold.begin, hold.end, *(move.id for form in FORMS for move in form.moves)} - {CLOSED}
    named = {}
    for file in sorted(ENGINE.rglob("*.py")):
        words = set(re.findall(r"\w+", file.read_text(encoding="utf-8")))
        if "content" not in file.parts and (found := words & ids):
            named[file.relative_to(REPOSITORY).as_posix()] = found
    assert named == {}


def test_the_engine_has_no_setting_that_only_the_content_asks_for() -> None:
    assert Limits.model_fields == {}
    assert set(FORMS.process.office.model_fields) - set(Office.model_fields) >= {"service_task", "support_level"}
    assert FORMS.process.hold.limit in FORMS.process.office().limits.model_dump()


def test_every_role_is_one_of_the_process() -> None:
    fields = [asked for form in FORMS for field in form.fields for asked in (field, *field.columns)]
    roles = {asked.by for asked in fields} | {due.whom for form in FORMS for due in form.deadlines}
    assert roles | {FORMS.process.responsible} == set(FORMS.process.roles)


def test_the_engine_asks_no_form_for_its_id() -> None:
    asking = re.compile(r"\.id\s*(==|!=|in)\s*[\"'(]")
    assert [file.name for file in ENGINE.rglob("*.py") if asking.search(file.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("name", IMPORTABLE)
def test_every_module_says_what_it_is_and_has_what_it_offers(name: str) -> None:
    module = importlib.import_module(name)
    assert (module.__doc__ or "").strip().endswith((".", "`.", "``.")) or "\n" in (module.__doc__ or "").strip()
    assert [offered for offered in getattr(module, "__all__", ()) if not hasattr(module, offered)] == []


def test_no_word_of_the_command_line_stands_below_it() -> None:
    command = re.compile(rf"\bformgen (?:{'|'.join(COMMANDS)})\b|[.:] --[a-z]")
    found = {}
    for file in sorted(ENGINE.rglob("*.py")):
        if file.parent.name == "cli" or "content" in file.parts:
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        documented = {id(docstring) for docstring in iter_docstrings(tree)}
        texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in documented)
        if said := [node.value for node in texts if isinstance(node.value, str) and command.search(node.value)]:
            found[file.name] = said
    assert found == {}


def iter_docstrings(tree: ast.AST) -> Iterator[ast.Constant]:
    """Yield the docstrings in a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value


def test_rows_of_the_database_are_mappings_only_where_they_are_stored() -> None:
    mapping = re.compile(r"""\brow\[["']""")
    outside = [file for file in ENGINE.rglob("*.py") if file.parent.name not in ("storage", "cli", "content")]
    assert [file.name for file in outside if mapping.search(file.read_text(encoding="utf-8"))] == []


def test_no_module_is_too_long_to_be_read() -> None:
    lengths = {file.name: len(file.read_text(encoding="utf-8").splitlines()) for file in ENGINE.rglob("*.py")}
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "common", "manager", "service", "misc"}
    assert drawers & {name.rpartition(".")[2] for name in MODULES} == set()


# --- the content --------------------------------------------------------------------------------

CONTENT = sorted((REPOSITORY / "schemas").glob("*.py"))
FORM_FILES = [file for file in CONTENT if not file.name.startswith("_")]
MOST_IMPORTS = 3


def imports_of(file: Path) -> list[str]:
    """Return the modules that a file imports, one a statement: a relative one begins with a full stop."""
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.append(node.names[0].name)
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            found.append("." * node.level + (node.module or ""))
    return found


@pytest.mark.parametrize("file", CONTENT, ids=lambda file: file.stem)
def test_content_reaches_the_engine_through_one_door(file: Path) -> None:
    outside = {module for module in imports_of(file) if not module.startswith(".")}
    assert outside - sys.stdlib_module_names <= {"formgen.schema"}


@pytest.mark.parametrize("file", FORM_FILES, ids=lambda file: file.stem)
def test_a_form_file_has_few_imports(file: Path) -> None:
    assert len(imports_of(file)) <= MOST_IMPORTS
    assert {module for module in imports_of(file) if module.startswith(".")} <= {"._case", "._codes"}


def test_the_door_offers_what_it_imports() -> None:
    offered = {name for name in vars(schema) if not name.startswith("__")} - {"annotations"}
    assert offered == set(schema.__all__)


def test_forms_are_named_as_they_are() -> None:
    (package,) = {form.__module__.rpartition(".")[0] for form in FORMS}
    names = importlib.import_module(f"{package}._forms")
    named = {name: known for name, known in vars(names).items() if isinstance(known, FormReference)}
    forms = {form.__name__: form.id for form in FORMS}
    rows = {
        field.row.__name__: f"{form.id}.{field.name}"
        for form in FORMS
        for field in form.fields
        if field.row is not None
    }
    assert {name: known.id for name, known in named.items()} == {name: (forms | rows)[name] for name in named}


# --- the database -------------------------------------------------------------------------------


def test_the_newest_migration_is_the_one_that_the_store_asks_for() -> None:
    config = Config()
    config.set_main_option("script_location", migrations.__path__[0])
    assert ScriptDirectory.from_config(config).get_heads() == [database.NEWEST_REVISION]


def test_a_migrated_database_is_what_the_tables_say(tmp_path: Path) -> None:
    journal = Journal.open_or_create(tmp_path)
    with journal.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert context.get_current_revision() == database.NEWEST_REVISION
        assert compare_metadata(context, tables.metadata) == []
    journal.engine.dispose()


def test_a_migrated_database_has_the_shape_of_the_tables(tmp_path: Path) -> None:
    journal = Journal.open_or_create(tmp_path)
    with journal.engine.connect() as connection:
        tables.require_shape(connection)
        parts = {name for _, name, *_ in tables.build_expected_shape()}
        assert set(tables.metadata.tables) < parts
        assert {"access_no_update", "access_no_delete", "ix_access_written"} < parts
    journal.engine.dispose()


def test_opening_a_journal_again_changes_nothing(tmp_path: Path) -> None:
    Journal.open_or_create(tmp_path).engine.dispose()
    before = (tmp_path / "formgen.db").read_bytes()
    journal = Journal.open_or_create(tmp_path)
    journal.engine.dispose()
    assert (tmp_path / "formgen.db").read_bytes() == before

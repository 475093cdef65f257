"""Every Finnish text that formgen can say, found where it stands: in the forms and in the source.

A text of the source is found by following what is said back to its literals: the argument of
`say` and ``_``, and of every parameter called ``message``, through names, tables, conditions and
the functions that choose one. ``python -m tests.support.texts sv`` brings ``formgen/locale/sv.po`` up to
date: new texts come with empty words, texts that are gone go, words that are there stay.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import io
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from babel.messages import Catalog
from babel.messages.pofile import read_po, write_po

import formgen
from formgen.documents.extraction import Control, Question
from formgen.documents.producers import PRODUCERS
from formgen.errors import FormgenError, Reason
from formgen.fields import MunicipalityChoice, SingleChoice, iter_field_types
from formgen.forms import registry
from formgen.forms.declare import Field
from formgen.forms.registry import Registry
from formgen.i18n import FALLBACK, LOCALE
from formgen.reports.error_catalogue import REMEDY
from formgen.sandbox.confine import PROTECTIONS
from formgen.settings import Office, Workspace

REPOSITORY = Path(__file__).parents[2]
FORMS = registry.load_forms(Workspace(REPOSITORY))
SPOKEN = {"translate": "text", "_": "text", "format_expression": "text"}
MESSAGE = "message"
TEMPLATED = re.compile(r"""\b_\(\s*(["'])(.*?)\1""")
WIDTH = 110
HEADER = """msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\\n"
"""


# --- the texts of the forms -------------------------------------------------------------------


def printed(forms: Registry = FORMS) -> Iterator[str]:
    """Yield what stands in the documents of the forms: titles, sections, labels, hints, options."""
    for form in forms:
        yield from (form.title, form.about)
        for question in form.list_questions():
            yield from asked(question)
        for field in every_field(form.fields):
            yield field.label
            if isinstance(field.field_type, SingleChoice) and not isinstance(field.field_type, MunicipalityChoice):
                yield from (name for code in field.field_type.of.values() for name in (code.label, *code.names))


def asked(question: Question) -> Iterator[str]:
    """Yield the texts of a question as it stands on paper; a list's options are said one by one."""
    yield from (question.section, question.label, question.hint)
    if question.control is Control.TICKS:
        yield from (choice.label for choice in question.choices)
    for column in question.columns:
        yield from asked(column)


def every_field(fields: Iterable[Field]) -> Iterator[Field]:
    """Yield the fields and the columns of those that are tables."""
    for field in fields:
        yield field
        yield from every_field(field.columns)


def ruled(forms: Registry = FORMS) -> Iterator[str]:
    """Yield the messages of the rules and of the tasks that the clock brings."""
    for form in forms:
        yield from (said.message for said in (*form.rules, *form.deadlines, *form.contradictions))


# --- the texts of the engine ------------------------------------------------------------------


def declared() -> Iterator[str]:
    """Yield the texts that classes carry: what a kind accepts, what an exception says, what the office says."""
    modules()
    yield from (kind.accepts for kind in iter_field_types() if ours(kind))
    yield from (text for writer in PRODUCERS.values() if writer.advice for text in (writer.name, writer.advice))
    yield from (*REMEDY.values(), *PROTECTIONS.values())
    yield from (text for reason in Reason for text in (reason.message, reason.advice))
    yield from (error.__doc__ or "" for error in errors(FormgenError) if ours(error))
    defaults = (field.default for field in Office.model_fields.values())
    yield from (text for text in defaults if isinstance(text, str) and text.endswith("."))


def errors(error: type[Exception]) -> Iterator[type[Exception]]:
    """Yield an exception and everything derived from it."""
    yield error
    for child in error.__subclasses__():
        yield from errors(child)


def ours(thing: Any) -> bool:
    """Tell whether a class or function is of the engine or of a form, not of a test."""
    return str(getattr(thing, "__module__", "")).startswith("formgen")


@cache
def modules() -> tuple[ModuleType, ...]:
    """Return every module of the engine; migrations run only inside Alembic."""
    found = pkgutil.walk_packages(formgen.__path__, "formgen.")
    return (formgen, *(importlib.import_module(item.name) for item in found if ".migrations" not in item.name))


@cache
def speakers() -> dict[str, int]:
    """Return for every function and class of the engine that takes a text the place of that argument."""
    found = {}
    for module in modules():
        for thing in (thing for owner in owners(module) for thing in vars(owner).values()):
            place = place_of_text(thing)
            if place is not None:
                found[thing.__name__] = place
    found.pop("__init__", None)
    return found


def owners(module: ModuleType) -> Iterator[Any]:
    """Yield a module and the classes it defines."""
    yield module
    classes = (thing for thing in vars(module).values() if isinstance(thing, type))
    yield from (thing for thing in classes if thing.__module__ == module.__name__)


def place_of_text(thing: Any) -> int | None:
    """Return the place of the argument that is a text, or None."""
    if not callable(thing) or not ours(thing):
        return None
    try:
        names = list(inspect.signature(thing).parameters)
    except (ValueError, TypeError):
        return None
    names = names[1:] if names[:1] == ["self"] else names
    wanted = SPOKEN.get(getattr(thing, "__name__", ""), MESSAGE)
    return names.index(wanted) if wanted in names else None


class Source:
    """The source of one module, and what is said in it."""

    def __init__(self, module: ModuleType) -> None:
        """Parse the module."""
        self.module = module
        self.tree = ast.parse(inspect.getsource(module))
        self.seen: set[tuple[int, str]] = set()

    @cached_property
    def documentation(self) -> frozenset[ast.AST]:
        """Return the docstrings: they are said only where a class or a rule is asked for one."""
        return frozenset(
            node.body[0].value
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        )

    @cached_property
    def imported(self) -> frozenset[str]:
        """Return the names that the module has from elsewhere."""
        imports = (node for node in ast.walk(self.tree) if isinstance(node, ast.ImportFrom))
        return frozenset(alias.asname or alias.name for node in imports for alias in node.names)

    def texts(self) -> Iterator[str]:
        """Yield the texts that the module hands to a speaker or puts into a template."""
        inner = (node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.Lambda))
        for scope in (self.tree, *inner):
            for node in within(scope):
                if isinstance(node, ast.Call):
                    yield from self.spoken(node, scope)
                elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in self.documentation:
                    yield from templated(node.value)

    def spoken(self, call: ast.Call, scope: ast.AST) -> Iterator[str]:
        """Yield what a call says."""
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        place = speakers().get(name)
        if place is None:
            return
        if len(call.args) > place:
            yield from self.literals(call.args[place], scope)
        for keyword in call.keywords:
            if keyword.arg == SPOKEN.get(name, MESSAGE):
                yield from self.literals(keyword.value, scope)

    def literals(self, node: ast.AST, scope: ast.AST) -> Iterator[str]:
        """Yield the texts that an expression may be."""
        match node:
            case ast.Constant(value=str(text)):
                yield text
            case ast.IfExp(body=one, orelse=other):
                yield from self.all(scope, one, other)
            case ast.BoolOp(values=parts) | ast.Dict(values=parts) | ast.Tuple(elts=parts) | ast.List(elts=parts):
                yield from self.all(scope, *parts)
            case ast.NamedExpr(value=value) | ast.Subscript(value=value) | ast.GeneratorExp(elt=value):
                yield from self.literals(value, scope)
            case ast.Call(func=ast.Attribute(value=table, attr="get"), args=[_, *rest]):
                yield from self.all(scope, table, *rest)
            case ast.Call(func=ast.Name(id="next"), args=parts):
                yield from self.all(scope, *parts)
            case ast.Call(func=ast.Name(id=name)) | ast.Name(id=name):
                yield from self.named(name, scope)

    def all(self, scope: ast.AST, *nodes: ast.AST) -> Iterator[str]:
        """Yield the texts that any of the expressions may be."""
        for node in nodes:
            yield from self.literals(node, scope)

    def named(self, name: str, scope: ast.AST) -> Iterator[str]:
        """Yield the texts that a name may stand for: here, in the module, or where it is imported from."""
        if (id(scope), name) in self.seen:
            return
        self.seen.add((id(scope), name))
        values = list(assigned(name, scope))
        if values:
            yield from self.all(scope, *values)
        elif scope is not self.tree:
            yield from self.named(name, self.tree)
        elif name in self.imported:
            yield from held(getattr(self.module, name))
        self.seen.discard((id(scope), name))


def within(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a scope, those of the functions inside it left out."""
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.Lambda):
            yield from within(child)
        elif isinstance(child, ast.FunctionDef):
            outside = (*child.decorator_list, child.args)
            yield from (node for part in outside for node in ast.walk(part))


def assigned(name: str, scope: ast.AST) -> Iterator[ast.AST]:
    """Yield what a scope lets a name be; for a function, what it returns."""
    for node in within(scope):
        match node:
            case ast.Assign(targets=targets, value=value) if any(getattr(item, "id", "") == name for item in targets):
                yield value
            case ast.AnnAssign(target=ast.Name(id=found), value=ast.AST() as value) if found == name:
                yield value
            case ast.NamedExpr(target=ast.Name(id=found), value=value) if found == name:
                yield value
            case ast.FunctionDef(name=found) if found == name:
                yield from (part.value for part in ast.walk(node) if isinstance(part, ast.Return) and part.value)


def held(value: Any) -> Iterator[str]:
    """Yield the texts of a constant of another module: itself, or what a table holds."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for text in value.values() if isinstance(text, str))


def templated(source: str) -> Iterator[str]:
    """Yield the labels in the source of a template, such as ``{{ _("Sivu") }}``; ``%s`` is no label."""
    if "{{" in source:
        yield from (match[2] for match in TEMPLATED.finditer(source) if "%s" not in match[2])


def pages() -> Iterator[str]:
    """Yield the labels in the pages."""
    for file in sorted(Path(formgen.__file__).parent.rglob("*.html")):
        yield from templated(file.read_text(encoding="utf-8"))


# --- all of them ------------------------------------------------------------------------------


@cache
def every() -> frozenset[str]:
    """Return every Finnish text."""
    source = (text for module in modules() for text in Source(module).texts())
    found = (*printed(), *ruled(), *declared(), *source, *pages())
    return frozenset(text for text in found if any(sign.isalpha() for sign in text.replace("{", "").replace("}", "")))


# --- the files of words -----------------------------------------------------------------------


def renewed(language: str, file: Path) -> Catalog:
    """Return the words of a file for the texts that there are now.

    An easy language gets no empty entries: what it lacks is said as the language itself says it.
    """
    texts = every()
    known = read_po(io.BytesIO(file.read_bytes()), ignore_obsolete=True) if file.is_file() else Catalog()
    catalog = Catalog(header_comment=known.header_comment if file.is_file() else f"# formgen: {language}")
    for message in known:
        if message.id in texts:
            catalog.add(message.id, message.string, flags=message.flags, user_comments=message.user_comments)
    for text in texts - set(words_of(catalog)) if language not in FALLBACK else ():
        catalog.add(text)
    return catalog


def words_of(catalog: Catalog) -> dict[str, str]:
    """Return the texts of a catalog and the words for them, empty ones included."""
    return {str(message.id): str(message.string or "") for message in catalog if message.id}


def written(catalog: Catalog) -> bytes:
    """Return the file: sorted, with no date and no place in the source, so that only what changes changes."""
    out = io.BytesIO()
    write_po(out, catalog, sort_output=True, no_location=True, omit_header=True, width=WIDTH)
    return f"{catalog.header_comment}\n{HEADER}\n".encode() + out.getvalue()


def main(language: str, say: Callable[[str], object] = print) -> None:
    """Bring the file of a language up to date and say what is still without words."""
    file = LOCALE / f"{language}.po"
    catalog = renewed(language, file)
    file.write_bytes(written(catalog))
    silent = sum(not words for words in words_of(catalog).values())
    say(f"{file.name}: {len(catalog)} texts, {silent} without words")


if __name__ == "__main__":
    for name in sys.argv[1:] or ["sv", "en", "fi_selko"]:
        main(name)

"""What may stand in a template besides its text: fields, words, ``for`` over a table's rows, ``if``, and no more.

A part is held against two lists before anything of it runs. As text, before docxtpl joins what a
word processor has split: whole, short tags of the statements here, so that nothing raw, commented
out, unclosed or endless comes further. Then as Jinja's own tree: every node, name, attribute,
filter and test is allowed here or refused. What passes is compiled in Jinja's sandbox, which
knows no other filter and test, and nothing global.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.lexer import TOKEN_EOF
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from formgen.errors import Finding, UsageError
from formgen.formats.docx.controls import render_text
from formgen.formats.docx.package import DOCUMENT_BYTES
from formgen.formats.docx.wording import LONGEST
from formgen.i18n import CONTROL_CHARACTERS, N_, clean_text, translate

WORDS = (
    "token",
    "instance",
    "case_id",
    "organiser",
    "guidance",
    "privacy",
    "form_number",
    "form_version",
    "form_title",
    "about",
    "version_no",
    "language",
    "locale",
)
LOOP_ATTRIBUTES = ("first", "index", "index0", "last", "length", "revindex", "revindex0")
STATEMENTS = ("for", "endfor", "if", "elif", "else", "endif")
FILTERS = ("capitalize", "default", "length", "lower", "title", "trim", "upper")
TESTS = ("divisibleby", "even", "odd")
LABEL, LOOP = "_", "loop"

# A part of a packaged template holds up to 555 tags, of which 26 are of an element, such as {%tr … %}.
MOST_TAGS = 2_000
MOST_OF_ELEMENTS = 200  # for each, docxtpl may go through the whole part
MAX_DEPTH = 25  # nodes in each other
SHOWN = 80  # characters of a tag

WHOLE = (
    rf"\{{\{{[^{{}}]{{1,{LONGEST}}}\}}\}}"
    rf"|\{{%[-+]?(?:tr|tc|p|r)?\s*(?:{'|'.join(STATEMENTS)})\b[^{{}}%]{{0,{LONGEST}}}%\}}"
)
SIGN = re.compile(rf"(?P<whole>{WHOLE})|\{{[{{%#]|[}}%#]\}}")
OF_ELEMENT = re.compile(r"\{[{%][-+]?(?:tr|tc|p|r)\s")
MARKUP = re.compile(r"<[^>]*>")
NOT_RUN = {"raw_begin", "comment_begin"}

UNKNOWN = N_("Pohjassa on kenttä, jota lomakkeella ei ole: {name}.")
REFUSED = N_(
    "Pohjassa ei voi käyttää tätä ({part}): {tag}. Kenttien lisäksi käyvät sanat {words}, taulukon rivit (for), "
    "ehto (if) sekä suodattimet ja testit {filters}."
)
UNCLOSED = N_("Pohjasta puuttuu endfor tai endif ({part}).")
BROKEN = N_("Lomakepohjassa on virhe: {detail}")
TOO_LARGE = N_("Lomakepohja on liian suuri tai siinä on liian monta kohtaa.")


def build_finding(message: str, where: str = "", /, **values: str) -> Finding:
    """Build a finding about a template."""
    return Finding("format", "error", where, message, values)


def build_refusal(part: str, tag: str) -> Finding:
    """Return that a tag in a part is not allowed, and what is."""
    tag = " ".join(clean_text(tag).split())
    return build_finding(REFUSED, part=part, tag=tag, words=", ".join(WORDS), filters=", ".join((*FILTERS, *TESTS)))


def build_error(finding: Finding) -> UsageError:
    """Return the error that says what a finding says."""
    return UsageError(finding.message, **finding.values)


def describe_part(content_type: str) -> str:
    """Name a part of a document as people call it."""
    for kind, name in (("header+xml", translate("ylätunniste")), ("footer+xml", translate("alatunniste"))):
        if content_type.endswith(kind):
            return name
    return translate("kenttien kehotteet") if "glossary" in content_type else translate("teksti")


# --- as text ----------------------------------------------------------------------------------


def check_text(source: str, part: str) -> None:
    """Raise `UsageError` for the first sign of a part's XML that is no whole tag of a listed statement.

    Looked through as docxtpl does: the text in one row, whatever runs it is split over, and each
    piece of markup with its attributes.
    """
    text = MARKUP.sub("", source)
    places = (text, *(piece for piece in MARKUP.findall(source) if "{" in piece or "}" in piece))
    signs = [sign for place in places for sign in SIGN.finditer(place)]
    for sign in signs:
        if not sign["whole"]:
            raise build_error(build_refusal(part, extract_tag(sign.string[sign.start() :])))
    if len(signs) > MOST_TAGS or len(OF_ELEMENT.findall(text)) > MOST_OF_ELEMENTS:
        raise UsageError(TOO_LARGE)


def extract_tag(text: str) -> str:
    """Return the tag that a text begins with, at most as much of it as is shown."""
    match = re.match(r".*?[}%#]\}", text[:SHOWN], re.DOTALL)
    return match[0] if match else text[:SHOWN]


# --- as Jinja's tree --------------------------------------------------------------------------


def parse_part(source: str, part: str) -> nodes.Template:
    """Return Jinja's tree of a part in which each tag begins a line; raise `UsageError` where there is none."""
    parser = Parser(ENVIRONMENT, source)
    try:
        for line, kind, _ in ENVIRONMENT.lex(source):
            if kind in NOT_RUN:
                raise TemplateSyntaxError(kind, line)
        return parser.parse()
    except (TemplateSyntaxError, RecursionError, ValueError) as error:
        if parser.stream.current.type == TOKEN_EOF:
            raise UsageError(UNCLOSED, part=part) from error
        line = error.lineno if isinstance(error, TemplateSyntaxError) else parser.stream.current.lineno
        raise build_error(build_refusal(part, extract_line_tag(source.split("\n"), line))) from error


def find_refusals(tree: nodes.Template, source: str, tables: Collection[str], part: str) -> Iterator[Finding]:
    """Find what is not allowed in a part: a field that does not exist, or anything that is on no list."""
    lines = source.split("\n")
    for node in find_refused_nodes(tree, tables):
        name = get_node_path(node)
        if name and name.partition(".")[0] not in {*WORDS, *tables, LABEL, LOOP}:
            yield build_finding(UNKNOWN, name=name)
        else:
            yield build_refusal(part, extract_line_tag(lines, node.lineno))


def extract_line_tag(lines: list[str], number: int) -> str:
    """Return the tag that begins the line of a number, with its braces."""
    begun = re.search(r"\{[{%][-+]?$", lines[number - 2]) if number > 1 else None
    return extract_tag(f"{begun[0] if begun else ''} {lines[number - 1].strip()}".strip())


def get_node_path(node: nodes.Node) -> str:
    """Return the dotted path that an expression is, empty for any other."""
    if isinstance(node, nodes.Getattr):
        above = get_node_path(node.node)
        return above and f"{above}.{node.attr}"
    return node.name if isinstance(node, nodes.Name) else ""


def find_refused_nodes(
    node: nodes.Node, tables: Collection[str], in_loop: bool = False, depth: int = 0
) -> Iterator[nodes.Node]:
    """Yield the outermost nodes of a tree that are not allowed where they stand."""
    is_allowed = ALLOWED.get(type(node))
    if is_allowed is None or depth > MAX_DEPTH or not is_allowed(node, tables, in_loop):
        yield node
    elif isinstance(node, nodes.For):
        for child in node.body:
            yield from find_refused_nodes(child, tables, True, depth + 1)
    elif not isinstance(node, nodes.Getattr | nodes.Call):  # whose parts are allowed with them
        for child in node.iter_child_nodes():
            yield from find_refused_nodes(child, tables, in_loop, depth + 1)


def is_plain(_node: nodes.Node, _tables: Collection[str], _in_loop: bool) -> bool:
    """Tell that a node is allowed when what is in it is."""
    return True


def is_printable_constant(node: nodes.Const, _tables: Collection[str], _in_loop: bool) -> bool:
    """Tell whether a constant can stand in XML."""
    return not (isinstance(node.value, str) and CONTROL_CHARACTERS.search(node.value))


def is_document_word(node: nodes.Name, _tables: Collection[str], _in_loop: bool) -> bool:
    """Tell whether a name is one of the words that a document says."""
    return node.ctx == "load" and node.name in WORDS


def is_loop_attribute(node: nodes.Getattr, _tables: Collection[str], in_loop: bool) -> bool:
    """Tell whether an attribute is one that says where a loop is."""
    return in_loop and node.attr in LOOP_ATTRIBUTES and isinstance(node.node, nodes.Name) and node.node.name == LOOP


def is_label(node: nodes.Call, tables: Collection[str], in_loop: bool) -> bool:
    """Tell whether a call is ``_("text")``, said in the document's language."""
    text = node.args[0] if len(node.args) == 1 else None
    return (
        isinstance(node.node, nodes.Name)
        and node.node.name == LABEL
        and isinstance(text, nodes.Const)
        and isinstance(text.value, str)
        and is_printable_constant(text, tables, in_loop)
        and not (node.kwargs or node.dyn_args or node.dyn_kwargs)
    )


def is_listed(node: nodes.Filter | nodes.Test, _tables: Collection[str], _in_loop: bool) -> bool:
    """Tell whether a filter or test is on the list and gets what is written there."""
    listed = FILTERS if isinstance(node, nodes.Filter) else TESTS
    return node.name in listed and not (node.kwargs or node.dyn_args or node.dyn_kwargs)


def is_loop_over_rows(node: nodes.For, tables: Collection[str], in_loop: bool) -> bool:
    """Tell whether a loop goes over the rows of one table, in no other loop and under a name of its own."""
    return (
        not in_loop
        and isinstance(node.target, nodes.Name)
        and node.target.name not in {*WORDS, *tables, LABEL, LOOP}
        and isinstance(node.iter, nodes.Name)
        and node.iter.name in tables
        and not (node.test or node.else_ or node.recursive)
    )


ALLOWED: Mapping[type[nodes.Node], Callable[[Any, Collection[str], bool], bool]] = {
    nodes.Template: is_plain,
    nodes.TemplateData: is_plain,
    nodes.Output: is_plain,
    nodes.If: is_plain,
    nodes.CondExpr: is_plain,
    nodes.And: is_plain,
    nodes.Or: is_plain,
    nodes.Not: is_plain,
    nodes.Compare: is_plain,
    nodes.Operand: is_plain,
    nodes.Const: is_printable_constant,
    nodes.Name: is_document_word,
    nodes.Getattr: is_loop_attribute,
    nodes.Call: is_label,
    nodes.Filter: is_listed,
    nodes.Test: is_listed,
    nodes.For: is_loop_over_rows,
}


# --- as a document ----------------------------------------------------------------------------


def finalize(value: Any) -> Any:
    """Return a plain expression's value as the inside of a run, line breaks and tabs kept."""
    if isinstance(value, str) and not isinstance(value, Markup) and ("\n" in value or "\t" in value):
        return Markup("</w:t>" + render_text(value) + '<w:t xml:space="preserve">')  # noqa: S704
    return value


def create_environment() -> ImmutableSandboxedEnvironment:
    """Return the environment that compiles templates: no globals, and of filters and tests those that are listed."""
    made = ImmutableSandboxedEnvironment(autoescape=True, undefined=StrictUndefined, finalize=finalize)
    made.globals.clear()
    made.filters = {name: made.filters[name] for name in FILTERS}
    made.tests = {name: made.tests[name] for name in TESTS}
    return made


def render_part(part: Template, context: Mapping[str, Any]) -> str:
    """Return a part as it comes out; raise `UsageError` where it cannot, or would be larger than is ever read."""
    pieces, size = [], 0
    try:
        for piece in part.generate(context):
            pieces.append(piece)
            size += len(piece)
            if size > DOCUMENT_BYTES:
                raise UsageError(TOO_LARGE)
    except (TemplateError, TypeError, ArithmeticError) as error:
        raise UsageError(BROKEN, detail=str(error)) from error
    return "".join(pieces)


ENVIRONMENT = create_environment()

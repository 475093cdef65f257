"""What may stand in an office's template, and what is refused by the check and by every document made from it."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

import pytest
from docx import Document
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import nodes
from jinja2.filters import FILTERS
from jinja2.tests import TESTS
from lxml import etree

from formgen.documents.extraction import Answer, Control, Extraction
from formgen.errors import UsageError
from formgen.formats import docx
from formgen.formats.docx import carried, syntax
from formgen.formats.docx.package import DOCUMENT_BYTES, TEMPLATE_BYTES, w
from formgen.formats.docx.wording import LONGEST
from formgen.forms import registry
from formgen.i18n import translate
from formgen.settings import WorkspaceFolder
from tests.journeys.test_cli import REPOSITORY, Run, run
from tests.support.strategies import FORMS, WORKSPACE, members, packed, words

__all__ = ["run"]  # the fixture of the command line
FORM = FORMS.find_latest_version("referral")
QUESTIONS = FORM.list_questions()
TABLE = next(question for question in QUESTIONS if question.columns)
ASKED = next(question for question in QUESTIONS if question.control is Control.LINE and not question.columns)
BODY, HEAD, FOOT = "word/document.xml", "word/header1.xml", "word/footer1.xml"
PROMPTS, CORE = "word/glossary/document.xml", "docProps/core.xml"
PARTS = members(registry.find_template(WORKSPACE, FORM).read_bytes())
RAN = "FORMGEN_TEMPLATE_RAN"
RUNS = f"cycler.__init__.__globals__.os.environ.setdefault('{RAN}', '1')"
HIDDEN = f"{{{{ {RUNS} }}}}"


def escaped(text: str) -> str:
    """Return text as it stands in XML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def with_line(line: str) -> bytes:
    """Return the packaged template with something besides in the line of the token."""
    return with_part(BODY, "{{ token }}", f"{{{{ token }}}} {escaped(line)}")


def with_part(name: str, old: str, new: str) -> bytes:
    """Return the packaged template with another text in a part."""
    changed = PARTS[name].decode().replace(old, new, 1).encode()
    assert changed != PARTS[name]
    return packed({**PARTS, name: changed})


def in_body(xml: str) -> bytes:
    """Return the packaged template with something besides at the end of its body."""
    return with_part(BODY, "<w:sectPr", f"{xml}<w:sectPr")


def paragraph(*texts: str) -> str:
    """Return a paragraph of runs."""
    runs = "".join(f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>' for text in texts)
    return f"<w:p>{runs}</w:p>"


def told(data: bytes) -> list[str]:
    """Return what the check says of a template."""
    try:
        return [translate(found.message, **found.values) for found in docx.Template(data, QUESTIONS).find_problems()]
    except UsageError as error:
        return [str(error)]


def drawn(data: bytes, sheet: Extraction | None = None, **said: str) -> str:
    """Return the text of the document that comes of a template, without what stands in its fields."""
    made = docx.Template(data, QUESTIONS).render(sheet or Extraction({}), {**words(FORM), **said})
    body = Document(io.BytesIO(made)).element.body
    for control in list(body.iter(w("sdt"))):
        control.getparent().remove(control)
    return "".join(text.text or "" for text in body.iter(w("t")))


@pytest.fixture
def refuse(workspace: WorkspaceFolder, run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], str]:
    """Return a function that gives a template to both commands and returns the one problem that both tell."""
    monkeypatch.setenv(RAN, "")
    monkeypatch.delenv(RAN)

    def refuse(data: bytes) -> str:
        file = workspace.root / "templates" / "forms" / "referral.docx"
        file.write_bytes(data)
        checked = run("templates", "check", str(file), "--json", at=workspace.root)
        assert checked.code == 1
        (found,) = checked.json
        (problem,) = found["problems"]
        out = workspace.root / "lähete.docx"
        made = run("generate", "referral", "-o", str(out), at=workspace.root)
        assert (made.code, made.out, made.err.strip()) == (UsageError.exit_code, "", problem)
        assert not out.exists()
        assert RAN not in os.environ
        return str(problem)

    return refuse


# --- what is refused --------------------------------------------------------------------------

ATTACKS = [
    # to what Jinja's own names lead
    HIDDEN,
    "{{ self.__init__.__globals__ }}",
    "{{ cycler }}",
    "{{ joiner.__init__ }}",
    "{{ joiner(',') }}",
    "{{ namespace(a=1) }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ lipsum() }}",
    "{{ lipsum.__globals__['os'] }}",
    "{{ dict(a=1) }}",
    "{{ super() }}",
    "{{ caller() }}",
    "{{ varargs }}",
    "{{ loop.index }}",
    # to what a value leads
    "{{ ''.__class__ }}",
    "{{ ''['__class__'] }}",
    "{{ token.__class__.__mro__ }}",
    "{{ token['__class__'] }}",
    "{{ token.format(token) }}",
    "{{ token.upper() }}",
    "{{ token[0] }}",
    "{{ token[0:2] }}",
    "{{ _.__globals__ }}",
    "{{ _.__func__('Asia') }}",
    "{{ _(token) }}",
    "{{ _('a', 'b') }}",
    "{{ _(text='a') }}",
    "{{ _(*['a']) }}",
    "{{ _('a').join('b') }}",
    "{{ _ }}",
    "{{ range(3) }}",
    "{{ ().__class__ }}",
    "{{ [].append(1) }}",
    "{{ {'a': token} }}",
    "{{ [token] }}",
    "{{ (token, token) }}",
    # filters and tests
    "{{ ''|attr('__class__') }}",
    "{{ token|map('upper')|join }}",
    "{{ '%s'|format(token) }}",
    "{{ token|replace('', token) }}",
    "{{ token|center(99999999) }}",
    "{{ token|indent(99999999) }}",
    "{{ token|safe }}",
    "{{ token|upper(*token) }}",
    "{{ token|default(value=token) }}",
    "{{ token|default(token.__class__) }}",
    "{{ token|tojson }}",
    "{{ token is defined }}",
    "{{ token is filter }}",
    "{{ 4 is divisibleby(token.__class__) }}",
    "{% if token is callable %}x{% endif %}",
    # operators that make much of little
    "{{ 'a' * 99999999 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ token ~ token }}",
    "{{ token + token }}",
    "{{ 7 % 2 }}",
    "{{ -1 }}",
    # in conditions and loops
    "{% if ''.__class__ %}x{% endif %}",
    "{% if token %}x{% elif cycler() %}y{% endif %}",
    f"{{% if {ASKED.path} %}}x{{% endif %}}",
    f"{{{{ token if {RUNS} else token }}}}",
    f"{{{{ token or {RUNS} }}}}",
    f"{{{{ _('Asia') if {RUNS} }}}}",
    f"{{% if not {RUNS} %}}x{{% endif %}}",
    f"{{% if token == {RUNS} %}}x{{% endif %}}",
    "{% for a in range(10) %}x{% endfor %}",
    "{% for a in token %}x{% endfor %}",
    "{% for a in [1, 2] %}x{% endfor %}",
    f"{{% for a in {RUNS} %}}x{{% endfor %}}",
    f"{{% for a, b in {TABLE.path} %}}x{{% endfor %}}",
    f"{{% for token in {TABLE.path} %}}x{{% endfor %}}",
    f"{{% for _ in {TABLE.path} %}}x{{% endfor %}}",
    f"{{% for a in {TABLE.path} if token %}}x{{% endfor %}}",
    f"{{% for a in {TABLE.path} recursive %}}x{{% endfor %}}",
    f"{{% for a in {TABLE.path} %}}x{{% else %}}y{{% endfor %}}",
    f"{{% for a in {TABLE.path} %}}{{% for b in {TABLE.path} %}}x{{% endfor %}}{{% endfor %}}",
    f"{{% for a in {TABLE.path} %}}{{{{ loop.cycle('a', 'b') }}}}{{% endfor %}}",
    f"{{% for a in {TABLE.path} %}}{{{{ loop.__class__ }}}}{{% endfor %}}",
    f"{{% for a in {TABLE.path} %}}{{{{ loop }}}}{{% endfor %}}",
    f"{{% for a in {TABLE.path} %}}{{{{ a.real }}}}{{% endfor %}}",
    f"{{{{ {TABLE.path} }}}}",
    # statements
    "{% set x = 1 %}",
    "{% set x %}a{% endset %}",
    "{% macro m() %}x{% endmacro %}",
    "{% call token() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% import 'x' as x %}",
    "{% from 'x' import y %}",
    "{% include 'x' %}",
    "{% extends 'x' %}",
    "{% block x %}{% endblock %}",
    "{% with %}x{% endwith %}",
    "{% autoescape false %}x{% endautoescape %}",
    "{% raw %}{{ token }}{% endraw %}",
    "{% do token.upper() %}",
    "{% trans %}x{% endtrans %}",
    "{% debug %}",
    "{% break %}",
    "{%p set x = 1 %}",
    "{%- set x = 1 -%}",
    "{% colspan cycler %}",
    "{% cellbg cycler %}",
    "{% vm %}",
    "{% hm %}",
    "{{r cycler }}",
    # what is no whole tag
    "{# hei #}",
    "{#p hei #}",
    "{{ token",
    "token }}",
    "{% if token",
    "%}",
    "{{ }}",
    "{{ token token }}",
    "{{ 'token }}",
    "{{ '{{ token }}' }}",
    "{{{ token }}}",
    "{% endfor %}",
    "{% endif %}",
    # what is no text, or no end
    r"{{ '\x00' }}",
    r"{{ '\ud800' }}",
    f"{{{{ {'9' * 5000} }}}}",
    f"{{{{ {'(' * 200}token{')' * 200} }}}}",
    f"{{{{ {'not ' * 100}token }}}}",
    f"{{{{ token{' or token' * 50} }}}}",
    f"{{{{ token{' ' * LONGEST} }}}}",
    "{% if token %}" * 60 + "x" + "{% endif %}" * 60,
]


@pytest.mark.parametrize("line", ATTACKS)
def test_what_is_on_no_list_is_refused_by_the_check_and_by_generate(line: str, refuse: Callable[[bytes], str]) -> None:
    problem = refuse(with_line(line))
    named = re.fullmatch(r"Pohjassa on kenttä, jota lomakkeella ei ole: ([\w.]+)\.", problem)
    if named:
        assert named[1] in line
    else:
        assert problem.startswith("Pohjassa ei voi käyttää tätä (teksti): ")
        assert "case_id" in problem, "it says what may be used"
        shown = problem.partition("): ")[2].partition(". Kenttien lisäksi")[0]
        assert shown
        assert shown.replace(" ", "") in line.replace(" ", "")


def test_a_loop_without_its_end_is_told(refuse: Callable[[bytes], str]) -> None:
    line = f"{{% for a in {TABLE.path} %}}x"
    assert refuse(with_line(line)) == "Pohjasta puuttuu endfor tai endif (teksti)."


BOX = (
    '<w:p><w:r><mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
    '<mc:Fallback><w:pict><v:textbox xmlns:v="urn:schemas-microsoft-com:vml"><w:txbxContent>'
    f"{paragraph(HIDDEN)}</w:txbxContent></v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>"
)
CONTROL = (
    '<w:sdt><w:sdtPr><w:tag w:val="fg:token"/></w:sdtPr><w:sdtContent><w:r><w:t>'
    f"{HIDDEN}</w:t></w:r></w:sdtContent></w:sdt>"
)
ROW = (
    "<w:tbl>"
    + "".join(
        f"<w:tr><w:tc>{paragraph(text)}</w:tc></w:tr>"
        for text in (f"{{%tr for row in {TABLE.path} %}}", HIDDEN, "{%tr endfor %}")
    )
    + "</w:tbl>"
)
SAYS = '{{ _("Sivu") }}'
PLACES = {
    "split between braces": (in_body(paragraph("{", f"{{ {RUNS} }}", "}")), "teksti"),
    "split in names": (in_body(paragraph("{{ cyc", "ler", f"{RUNS[6:]} }}}}")), "teksti"),
    "split over paragraphs": (in_body(paragraph("{{ cycler") + paragraph(f"{RUNS[6:]} }}}}")), "teksti"),
    "split by a comment": (in_body(paragraph(f"{{<!-- x -->{{ {RUNS} }}}}")), "teksti"),
    "split by an instruction": (in_body(paragraph(f"{{<?x y?>{{ {RUNS} }}}}")), "teksti"),
    "split statement": (in_body(paragraph("{% s", "et x = 1 %}")), "teksti"),
    "as characters by number": (in_body(paragraph(f"&#123;&#x7B; {RUNS} &#125;}}")), "teksti"),
    "as raw characters": (in_body(paragraph(f"<![CDATA[{HIDDEN}]]>")), "teksti"),
    "in another quote": (in_body(paragraph(HIDDEN.replace("'", "’"))), "teksti"),
    "in the row of a table": (in_body(ROW), "teksti"),
    "in place of a row": (in_body(ROW.replace(HIDDEN, f"{{%tr if {RUNS} %}}")), "teksti"),
    "in place of a paragraph": (in_body(paragraph(f"{{{{p {RUNS} }}}}")), "teksti"),
    "in a control": (in_body(f"<w:p>{CONTROL}</w:p>"), "teksti"),
    "in a text box": (in_body(BOX), "teksti"),
    "in an attribute": (in_body(f'<w:p w:rsidR="{HIDDEN}"/>'), "teksti"),
    "in hidden text": (in_body(f"<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>{HIDDEN}</w:t></w:r></w:p>"), "teksti"),
    "in removed text": (in_body(f"<w:p><w:del><w:r><w:delText>{HIDDEN}</w:delText></w:r></w:del></w:p>"), "teksti"),
    "outside the body": (with_part(BODY, "</w:document>", f"{HIDDEN}</w:document>"), "teksti"),
    "in the header": (with_part(HEAD, "{{ organiser }}", HIDDEN), "ylätunniste"),
    "in the footer": (with_part(FOOT, SAYS, HIDDEN), "alatunniste"),
    "in the prompts": (with_part(PROMPTS, "{{ ", f"{{{{ {RUNS} }}}}{{{{ "), "kenttien kehotteet"),
}


@pytest.mark.parametrize("place", PLACES)
def test_what_is_on_no_list_is_refused_wherever_it_stands(place: str, refuse: Callable[[bytes], str]) -> None:
    data, part = PLACES[place]
    assert refuse(data).startswith(f"Pohjassa ei voi käyttää tätä ({part}): ")


def test_a_part_in_another_encoding_is_checked_as_it_is_read(refuse: Callable[[bytes], str]) -> None:
    source = re.sub(r"^<\?xml.*?\?>\s*", "", PARTS[HEAD].decode()).replace("{{ organiser }}", HIDDEN)
    head = f'<?xml version="1.0" encoding="UTF-16"?>{source}'.encode("utf-16")
    assert "(ylätunniste)" in refuse(packed({**PARTS, HEAD: head}))


def test_what_a_tag_hides_from_the_text_is_found_in_what_is_rendered() -> None:
    line = f"{{{{ token <!-- }}}} {{{{ --> and {RUNS} }}}}"
    (problem,) = told(with_line(line))
    assert problem.startswith("Pohjassa ei voi käyttää tätä (teksti): {{ token and cycler")


def test_all_that_is_refused_is_told_at_once(workspace: WorkspaceFolder, run: Run) -> None:
    data = packed(
        {
            **PARTS,
            BODY: PARTS[BODY].replace(b"{{ token }}", b"{{ token }} {{ 1 + 1 }} {{ cycler() }} {{ shoe_size }}"),
            HEAD: PARTS[HEAD].replace(b"{{ organiser }}", b"{{ organiser|safe }}"),
        }
    )
    assert [re.sub(r"\. Kentt.*", "", problem) for problem in told(data)] == [
        "Pohjassa ei voi käyttää tätä (teksti): {{ 1 + 1 }}",
        "Pohjassa ei voi käyttää tätä (teksti): {{ cycler() }}",
        "Pohjassa on kenttä, jota lomakkeella ei ole: shoe_size.",
        "Pohjassa ei voi käyttää tätä (ylätunniste): {{ organiser|safe }}",
    ]


@pytest.mark.parametrize(("language", "said"), [("sv", "sidhuvudet"), ("en", "header")])
def test_a_refusal_is_told_in_the_language_asked_for(
    language: str, said: str, workspace: WorkspaceFolder, run: Run
) -> None:
    file = workspace.root / "templates" / "forms" / "referral.docx"
    file.write_bytes(PLACES["in the header"][0])
    answer = run("--lang", language, "templates", "check", str(file), at=workspace.root)
    assert (answer.code, said in answer.out, "cycler" in answer.out, "Pohjassa" in answer.out) == (1, True, True, False)


def test_what_is_not_rendered_stays_as_it_is() -> None:
    notes = '<?xml version="1.0"?><w:comments xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"/>'
    hidden = {"word/comments.xml": f"{notes}<!-- {HIDDEN} -->".encode(), "customXml/item1.xml": HIDDEN.encode()}
    core = PARTS[CORE].replace(
        b"</cp:coreProperties>", f"<cp:contentStatus>{HIDDEN}</cp:contentStatus></cp:coreProperties>".encode()
    )
    assert core != PARTS[CORE]
    data = packed({**PARTS, **hidden, CORE: core})
    assert told(data) == []
    made = members(docx.Template(data, QUESTIONS).render(Extraction({}), words(FORM)))
    assert {name: made[name] for name in hidden} == hidden
    assert HIDDEN in etree.fromstring(made[CORE]).findtext("{*}contentStatus")


# --- what is carried --------------------------------------------------------------------------

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
EVIL = "https://evil.example/x"
SETTINGS_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
)


def with_relation(kind: str, target: str, mode: str = "External", parts: Mapping[str, bytes] | None = None) -> bytes:
    """Return the packaged template with a relation of its body besides, and the parts."""
    name = "word/_rels/document.xml.rels"
    mode = f' TargetMode="{mode}"' if mode else ""
    kind = kind if "/" in kind else f"{OFFICE}/{kind}"
    relation = f'<Relationship Id="rX" Type="{kind}" Target="{target}"{mode}/>'
    rels = PARTS[name].replace(b"</Relationships>", f"{relation}</Relationships>".encode())
    return packed({**PARTS, name: rels, **(parts or {})})


def with_type(listed: str, parts: Mapping[str, bytes]) -> bytes:
    """Return the packaged template with parts of a type that is listed besides."""
    types = PARTS["[Content_Types].xml"].replace(b"</Types>", f"{listed}</Types>".encode())
    return packed({**PARTS, "[Content_Types].xml": types, **parts})


def coded(*pieces: str, sign: str = "instrText") -> str:
    """Return a paragraph that is a field whose code is split over runs."""
    runs = "".join(f'<w:r><w:{sign} xml:space="preserve">{piece}</w:{sign}></w:r>' for piece in pieces)
    begin, middle, end = (f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>' for kind in ("begin", "separate", "end"))
    return f"<w:p>{begin}{runs}{middle}<w:r><w:t>1</w:t></w:r>{end}</w:p>"


INNER = coded(" TITLE ").removeprefix("<w:p>").removesuffix("</w:p>")
FOOTNOTES = f'<w:footnotes xmlns:w="{w("p")[1:-2]}"><w:footnote w:id="1">{{}}</w:footnote></w:footnotes>'
PICTURE = (
    '<w:p><w:r><w:pict><v:shape xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:'
    'office"><v:imagedata {}/></v:shape></w:pict></w:r></w:p>'
)
DRAGGED_IN = {
    **{
        f"{kind} from elsewhere": (with_relation(kind, EVIL), f"external:{kind}")
        for kind in ("image", "oleObject", "frame", "subDocument", "header", "attachedTemplate", "mailMergeSource")
    },
    "picture without the word external": (with_relation("image", EVIL, ""), "external:image"),
    "attached template": (
        packed(
            {
                **PARTS,
                "word/_rels/settings.xml.rels": SETTINGS_RELATIONS.format(
                    f'<Relationship Id="r1" Type="{OFFICE}/attachedTemplate" Target="{EVIL}" TargetMode="External"/>'
                ).encode(),
            }
        ),
        "external:attachedTemplate",
    ),
    "macros": (packed({**PARTS, "word/vbaProject.bin": b"x"}), "macros"),
    "macros by another name": (
        with_relation("http://schemas.microsoft.com/office/2006/relationships/vbaProject", "x.bin", ""),
        "vbaProject",
    ),
    "object": (with_relation("oleObject", "embeddings/x.exe", "", {"word/embeddings/x.exe": b"MZ"}), "embedded"),
    "object in another place": (with_relation("oleObject", "x.exe", "", {"word/x.exe": b"MZ"}), "oleObject"),
    "control": (with_relation("control", "activeX/x.xml", "", {"word/activeX/x.xml": b"<x/>"}), "embedded"),
    "foreign chunk": (with_relation("aFChunk", "x.html", "", {"word/x.html": b"<p/>"}), "altChunk"),
    "web extension": (
        with_relation("http://schemas.microsoft.com/office/2011/relationships/webextensiontaskpanes", "x.xml", ""),
        "webextensiontaskpanes",
    ),
    "old drawing": (in_body(PICTURE.format(f'src="{EVIL}"')), EVIL),
    "old drawing by its origin": (in_body(PICTURE.format(f'o:href="{EVIL}"')), EVIL),
    "DDEAUTO": (in_body(coded(' DDEAUTO c:\\cmd.exe "/k calc" ')), "DDEAUTO"),
    "DDE in small letters": (in_body(coded(" dde c:\\cmd.exe ")), "dde"),
    "split over runs": (in_body(coded(" DDE", "AUTO x")), "DDEAUTO"),
    "as removed text": (in_body(coded(" DDEAUTO x", sign="delInstrText")), "DDEAUTO"),
    "as text": (in_body(coded(" DDEAUTO x", sign="t")), "DDEAUTO"),
    "INCLUDEPICTURE": (in_body(coded(f' INCLUDEPICTURE "{EVIL}" \\d ')), "INCLUDEPICTURE"),
    "INCLUDETEXT": (in_body(coded(f' INCLUDETEXT "{EVIL}" ')), "INCLUDETEXT"),
    "MACROBUTTON": (in_body(coded(" MACROBUTTON x y ")), "MACROBUTTON"),
    "calculation": (in_body(coded(" = 1 + 1 ")), "= 1 + 1"),
    "simple field": (in_body('<w:p><w:fldSimple w:instr="DDE x"><w:r/></w:fldSimple></w:p>'), "DDE x"),
    "code without a field": (in_body("<w:p><w:r><w:instrText>DDE x</w:instrText></w:r></w:p>"), "DDE x"),
    "field without an end": (
        in_body('<w:p><w:r><w:fldChar w:fldCharType="begin"/><w:instrText>DDE x</w:instrText></w:r></w:p>'),
        "DDE x",
    ),
    "code that another field says": (
        in_body(coded(" x").replace('"begin"/></w:r>', f'"begin"/></w:r>{INNER}', 1)),
        "x",
    ),
    "link with an answer": (in_body(coded(f' HYPERLINK "{EVIL}?', "{{ token }}", '" ')), "HYPERLINK"),
    "in a footnote": (
        with_type(
            '<Override PartName="/WORD/notes.bin" ContentType="application/vnd.openxmlformats-officedocument.'
            'wordprocessingml.footnotes+xml"/>',
            {"word/notes.bin": FOOTNOTES.format(coded(" DDE x ")).encode()},
        ),
        "DDE x",
    ),
    "in a part that its ending tells of": (
        with_type(
            '<Default Extension="foo" ContentType="application/vnd.openxmlformats-officedocument.'
            'wordprocessingml.footnotes+xml"/>',
            {"word/notes.FOO": FOOTNOTES.format(coded(" DDE x ")).encode("utf-16")},
        ),
        "DDE x",
    ),
    "in the header": (with_part(HEAD, "</w:hdr>", f"{coded(' DDE x ')}</w:hdr>"), "DDE x"),
}


@pytest.mark.parametrize("what", DRAGGED_IN)
def test_what_runs_or_is_fetched_is_refused_by_the_check_and_by_generate(
    what: str, refuse: Callable[[bytes], str]
) -> None:
    data, named = DRAGGED_IN[what]
    problem = refuse(data)
    assert problem.startswith(("Pohja ei saa viitata muualle", "Pohjassa ei voi käyttää kenttäkoodia"))
    assert named in problem


def test_an_expression_in_the_code_of_a_field_is_refused_as_both() -> None:
    code, expression = told(in_body(coded(f" PAGE {HIDDEN} ")))
    assert code.startswith("Pohjassa ei voi käyttää kenttäkoodia PAGE {{")
    assert expression.startswith("Pohjassa ei voi käyttää tätä (teksti): ")


@pytest.mark.parametrize("code", carried.CODES)
def test_a_field_code_that_is_on_the_list_stays(code: str) -> None:
    assert told(in_body(coded(f" {code.lower()} x "))) == []


def test_a_link_to_click_on_stays() -> None:
    assert told(with_relation("hyperlink", "https://www.kela.fi/")) == []


# --- what is allowed --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "comes_out"),
    [
        ("{{ case_id }}", "PK-1"),
        ('{{ _("Asia") }}', "Asia"),
        ("{{ _(“Asia”) }}", "Asia"),
        ("{% if case_id %}a{% else %}b{% endif %}", "a"),
        ('{% if case_id == "PK-2" %}a{% elif case_id != "" and not about %}b{% else %}c{% endif %}', "c"),
        ('{% if "PK" in case_id or case_id > "Q" %}a{% endif %}', "a"),
        ("{{ case_id if case_id else token }}", "PK-1"),
        ('{{ guidance or "ei ohjetta" }}', "Neuvo"),
        ("{{ case_id|lower|title }} {{ guidance|upper|length }} {{ guidance|trim }}", "Pk-1 5 Neuvo"),
        ('{{ ""|default("tyhjä", true) }}', "tyhjä"),
        ("# set x = 1", "# set x = 1"),
        ("{{ '<w:p/> & \"' }}", '<w:p/> & "'),
        (
            f"{{% for item in {TABLE.path} %}}{{{{ loop.index }}}}/{{{{ loop.length }}}} {{% endfor %}}",
            "1/4 2/4 3/4 4/4 ",
        ),
        (
            f"{{% for a in {TABLE.path} %}}{{% if loop.first or loop.index is even %}}x{{% endif %}}{{% endfor %}}",
            "xxx",
        ),
        (
            f"{{% for a in {TABLE.path} %}}{{{{ loop.revindex0 is divisibleby 2 }}}} {{% endfor %}}",
            "False True False True ",
        ),
    ],
)
def test_what_is_on_the_lists_comes_out(line: str, comes_out: str) -> None:
    sheet = Extraction({f"{TABLE.path}.1.{TABLE.columns[0].path}": Answer("x")})
    data = with_line(f"[{line}]")
    assert told(data) == []
    said = drawn(data, sheet, case_id="PK-1", guidance="Neuvo", about="asia")
    assert f"[{comes_out}]" in said


def test_rows_paragraphs_and_runs_may_depend_on_what_is_said() -> None:
    row = "".join(
        f"<w:tr><w:tc>{paragraph(text)}</w:tc></w:tr>" for text in ("{%tr if case_id %}", "rivi", "{%tr endif %}")
    )
    lines = "".join(map(paragraph, ("{%p if case_id %}", "kappale", "{%p endif %}")))
    data = in_body(f"<w:tbl>{row}</w:tbl>{lines}")
    assert told(data) == []
    with_case, without = drawn(data, case_id="PK-1"), drawn(data, case_id="")
    assert ("rivi" in with_case, "kappale" in with_case) == (True, True)
    assert ("rivi" in without, "kappale" in without) == (False, False)


# --- the lists --------------------------------------------------------------------------------

ALLOWED = {
    *("Template", "TemplateData", "Output", "If", "For", "CondExpr", "And", "Or", "Not", "Compare", "Operand"),
    *("Const", "Name", "Getattr", "Call", "Filter", "Test"),
}


def classes(of: type[nodes.Node]) -> Iterator[type[nodes.Node]]:
    """Yield a class of nodes and all that are derived from it."""
    yield of
    for child in of.__subclasses__():
        yield from classes(child)


NODES = sorted({found for found in classes(nodes.Node) if not found.abstract}, key=lambda found: found.__name__)


def test_every_node_of_jinja_is_known_here() -> None:
    assert len(NODES) > 50
    assert {found.__name__ for found in NODES} >= ALLOWED
    assert {found.__name__ for found in syntax.ALLOWED} == ALLOWED


@pytest.mark.parametrize("kind", [found for found in NODES if found.__name__ not in ALLOWED])
def test_a_node_that_is_on_no_list_is_refused(kind: type[nodes.Node]) -> None:
    node = object.__new__(kind)  # InternalName is not made otherwise
    tree = nodes.Template([node])
    assert list(syntax.find_refused_nodes(tree, {TABLE.path})) == [node]


def allowed(source: str) -> bool:
    """Tell whether nothing in a source is refused."""
    tree = syntax.parse_part(source, "teksti")
    return not list(syntax.find_refusals(tree, source, {TABLE.path}, "teksti"))


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_a_filter_is_on_the_list_or_refused(name: str) -> None:
    listed = name in {"capitalize", "default", "length", "lower", "title", "trim", "upper"}
    assert allowed(f"{{{{ token|{name} }}}}") == listed
    assert (name in syntax.ENVIRONMENT.filters) == listed


@pytest.mark.parametrize("name", sorted(name for name in TESTS if name.isidentifier()))
def test_a_test_is_on_the_list_or_refused(name: str) -> None:
    listed = name in {"divisibleby", "even", "odd"}
    assert allowed(f"{{{{ 4 is {name}(2) }}}}") == listed
    assert (name in syntax.ENVIRONMENT.tests) == listed


def test_the_sandbox_knows_nothing_else() -> None:
    assert syntax.ENVIRONMENT.globals == {}
    assert set(syntax.ENVIRONMENT.filters) == set(syntax.FILTERS)
    assert set(syntax.ENVIRONMENT.tests) == set(syntax.TESTS)
    with pytest.raises(UsageError):
        syntax.render_part(syntax.ENVIRONMENT.from_string("{{ ''.__class__.__mro__ }}"), {})


def test_the_guide_names_all_that_is_on_the_lists() -> None:
    guide = (REPOSITORY / "docs" / "ohje.md").read_text(encoding="utf-8")
    assert {name for name in (*syntax.FILTERS, *syntax.TESTS) if f"`{name}`" not in guide} == set()


PIECES = [
    *("{{", "}}", "{%", "%}", "{#", "#}", " ", " ", " ", "{%p ", "{%tr ", "{{r ", "-%}", "{%-"),
    *("for", "in", "endfor", "if", "elif", "else", "endif", "raw", "endraw", "set", "macro", "and", "or", "not", "is"),
    *("token", "case_id", "row", "loop", "_", "self", "cycler", "range", TABLE.path, ASKED.path),
    *(".", "|", "(", ")", "[", "]", "{", "}", ",", "=", "==", "~", "*", "+", "-", "%", "<", ">", ":", '"', "'", "\\"),
    *("__class__", "first", "index", "upper", "attr", "even", "1", "2", "x", "\n", "\\x00"),
]


@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(alphabet="{}%# ab\"'().|", max_size=40))
def test_no_line_ends_in_anything_but_a_document_or_a_sentence(line: str) -> None:
    source = f"<w:p>{escaped(line)}</w:p>"
    context = {**dict.fromkeys(syntax.WORDS, "a"), TABLE.path: range(3), "_": str}
    with suppress(UsageError):
        syntax.check_text(source, "teksti")
        tree = syntax.parse_part(line, "teksti")
        if not list(syntax.find_refusals(tree, line, {TABLE.path}, "teksti")):
            syntax.render_part(syntax.ENVIRONMENT.from_string(tree), context)


# --- the bounds -------------------------------------------------------------------------------

TOO_LARGE = "Lomakepohja on liian suuri tai siinä on liian monta kohtaa."
STYLED = f"<w:p><w:r><w:rPr>{'<w:b/>' * 5000}</w:rPr><w:t>{f'{{{{ {ASKED.path} }}}} ' * 1000}</w:t></w:r></w:p>"


def rows(cells: str) -> str:
    """Return a table that has so much in each of its rows."""
    return ROW.replace(paragraph(HIDDEN), cells)


@pytest.mark.parametrize(
    ("xml", "problem"),
    [
        (paragraph("x" * TEMPLATE_BYTES), "Tiedosto on liian suuri luettavaksi."),
        (paragraph("{{ token }}" * syntax.MOST_TAGS), TOO_LARGE),
        (paragraph("{%p if token %}") * syntax.MOST_OF_ELEMENTS, TOO_LARGE),
        (STYLED, TOO_LARGE),
        (rows(paragraph("x" * (DOCUMENT_BYTES // 8))), TOO_LARGE),
    ],
    ids=["bytes", "tags", "tags of elements", "copies of a style", "rows"],
)
def test_a_template_that_would_take_long_or_fill_memory_is_refused(xml: str, problem: str) -> None:
    data = in_body(xml)
    many = Extraction({f"{TABLE.path}.{number}.{TABLE.columns[0].path}": Answer("x") for number in range(20)})
    with pytest.raises(UsageError, match=re.escape(problem)):
        docx.Template(data, QUESTIONS).render(many, words(FORM))
    if xml != rows(paragraph("x" * (DOCUMENT_BYTES // 8))):
        assert told(data)[-1].endswith(problem)


def test_a_document_whose_fields_would_fill_memory_is_not_drawn() -> None:
    made = docx.Template(in_body(rows(paragraph(f"{{{{ row.{TABLE.columns[0].path} }}}} " * 1000))), QUESTIONS)
    many = Extraction({f"{TABLE.path}.{number}.{TABLE.columns[0].path}": Answer("x") for number in range(20)})
    with pytest.raises(UsageError, match=re.escape(TOO_LARGE)):
        made.render(many, words(FORM))


@pytest.mark.parametrize(
    "line", ["{% if case_id > 5 %}x{% endif %}", "{{ case_id is even }}", "{{ 4 is divisibleby 0 }}"]
)
def test_what_cannot_be_worked_out_is_told_by_the_check(line: str, refuse: Callable[[bytes], str]) -> None:
    assert refuse(with_line(line)).startswith("Lomakepohjassa on virhe: ")

"""The typeface of the PDF forms: cut down to what may be typed, and as PDF fonts.

Roboto from the package font-roboto: a sans-serif close to the Arial of the Word documents, with
the letters of every Sámi language, under Apache 2.0, which allows embedding. Whole text is laid
out with it, and one file serves two fonts of the fields: a simple one with WinAnsi codes, which
every viewer can type with, and a composite one that draws the letters outside of those.
"""

from __future__ import annotations

import io
import zlib
from functools import cache
from itertools import groupby

import pikepdf
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream

from formgen.formats.font_metrics import FILE, load_font_metrics

TYPED, SIMPLE, COMPOSITE = "/LoSa", "/LoSaW", "/LoSaX"
POSTSCRIPT = "Roboto-Regular"

SAMI = {
    "Č": "Ccaron", "č": "ccaron", "Đ": "Dcroat", "đ": "dcroat", "Ŋ": "Eng", "ŋ": "eng", "Ŧ": "Tbar", "ŧ": "tbar",
    "Ǥ": "Gstroke", "ǥ": "gstroke", "Ǧ": "Gcaron", "ǧ": "gcaron", "Ǩ": "Kcaron", "ǩ": "kcaron",
    "Ʒ": "Ezh", "ʒ": "ezh", "Ǯ": "Ezhcaron", "ǯ": "ezhcaron",
}  # fmt: skip
FIRST = 32 - len(SAMI)


def render_text(text: str, size: float) -> bytes:
    """Render the operators that draw a cleaned text where the cursor is."""
    parts, glyphs = [], load_font_metrics().glyphs
    for plain, letters in groupby(text, key=is_simple_character):
        run = "".join(letters)
        if plain:
            code = run.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
            parts.append(b"%s %g Tf (%s) Tj" % (SIMPLE.encode(), size, code))
        else:
            code = "".join(f"{glyphs[letter]:04X}" for letter in run).encode()
            parts.append(b"%s %g Tf <%s> Tj" % (COMPOSITE.encode(), size, code))
    return b" ".join(parts)


@cache
def is_simple_character(letter: str) -> bool:
    """Tell whether the simple font has the character."""
    try:
        letter.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


@cache
def subset_font() -> bytes:
    """Return the font file with the letters that may be typed, every glyph keeping its number."""
    options = Options()
    options.retain_gids, options.notdef_outline, options.hinting = True, True, False
    options.layout_features, options.drop_tables = [], [*options.drop_tables, "GSUB", "GPOS", "GDEF"]
    options.name_IDs, options.recalc_timestamp = [1, 2, 3, 4, 5, 6], False
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=[ord(letter) for letter in load_font_metrics().glyphs])
    out = io.BytesIO()
    with TTFont(FILE, recalcTimestamp=False) as font:
        subsetter.subset(font)
        font.save(out)
    return out.getvalue()


def make_compressed_stream(pdf: Pdf, data: bytes) -> Stream:
    """Return a stream of the data, compressed where that is safe.

    What ends in a carriage return seems to some to end before it.
    """
    small = zlib.compress(data, 9)
    return pdf.make_stream(data) if small.endswith(b"\r") else pdf.make_stream(small, Filter=Name.FlateDecode)


def embed_fonts(pdf: Pdf) -> tuple[Dictionary, Dictionary]:
    """Return the fonts that a viewer types with and those that we draw with, their one file put into the PDF.

    For typing, letters of the Sámi languages have codes of their own: most viewers draw them so.
    """
    measured, file = load_font_metrics(), subset_font()
    held = make_compressed_stream(pdf, file)
    held.Length1 = len(file)
    descriptor = pdf.make_indirect(
        Dictionary(
            Type=Name.FontDescriptor,
            FontName=Name(f"/{POSTSCRIPT}"),
            Flags=32,
            FontBBox=Array(measured.box),
            ItalicAngle=0,
            Ascent=measured.ascent,
            Descent=measured.descent,
            CapHeight=measured.height,
            StemV=80,
            FontFile2=held,
        )
    )
    letters = [bytes([code]).decode("cp1252", "replace") for code in range(32, 256)]
    names = Array([FIRST, *(Name(f"/{name}") for name in SAMI.values())])
    encoding = Dictionary(Type=Name.Encoding, BaseEncoding=Name.WinAnsiEncoding, Differences=names)
    typed = make_simple_font(pdf, descriptor, [*SAMI, *letters], encoding)
    drawn = make_simple_font(pdf, descriptor, letters, Name.WinAnsiEncoding)
    return (
        Dictionary({TYPED: typed}),
        Dictionary({SIMPLE: drawn, COMPOSITE: make_composite_font(pdf, descriptor)}),
    )


def make_simple_font(pdf: Pdf, descriptor: Object, letters: list[str], encoding: Object) -> Object:
    """Return the font whose last codes are the letters.

    The map to characters is for programs that write the font anew and forget its encoding.
    """
    codes = [(code, letter) for code, letter in enumerate(letters, 256 - len(letters)) if letter != "\ufffd"]
    return pdf.make_indirect(
        Dictionary(
            Type=Name.Font,
            Subtype=Name.TrueType,
            BaseFont=Name(f"/{POSTSCRIPT}"),
            FirstChar=256 - len(letters),
            LastChar=255,
            Widths=Array([load_font_metrics().widths.get(letter, 0) for letter in letters]),
            Encoding=encoding,
            FontDescriptor=descriptor,
            ToUnicode=make_compressed_stream(pdf, build_unicode_map(codes, digits=2)),
        )
    )


def make_composite_font(pdf: Pdf, descriptor: Object) -> Object:
    """Return the font whose codes are the numbers of glyphs."""
    measured = load_font_metrics()
    others = sorted(
        {measured.glyphs[letter]: letter for letter in measured.glyphs if not is_simple_character(letter)}.items()
    )
    below = Dictionary(
        Type=Name.Font,
        Subtype=Name.CIDFontType2,
        BaseFont=Name(f"/{POSTSCRIPT}"),
        CIDSystemInfo=Dictionary(Registry=pikepdf.String("Adobe"), Ordering=pikepdf.String("Identity"), Supplement=0),
        FontDescriptor=descriptor,
        CIDToGIDMap=Name.Identity,
        DW=1000,
        W=Array([item for glyph, letter in others for item in (glyph, Array([measured.widths[letter]]))]),
    )
    return pdf.make_indirect(
        Dictionary(
            Type=Name.Font,
            Subtype=Name.Type0,
            BaseFont=Name(f"/{POSTSCRIPT}"),
            Encoding=Name("/Identity-H"),
            DescendantFonts=Array([pdf.make_indirect(below)]),
            ToUnicode=make_compressed_stream(pdf, build_unicode_map(others)),
        )
    )


def build_unicode_map(glyphs: list[tuple[int, str]], digits: int = 4) -> bytes:
    """Return the map from numbers of glyphs, or codes of so many digits, to characters."""
    lines = [f"<{glyph:0{digits}X}> <{letter.encode('utf-16-be').hex().upper()}>" for glyph, letter in glyphs]
    blocks = [lines[start : start + 100] for start in range(0, len(lines), 100)]
    body = "\n".join("\n".join([f"{len(block)} beginbfchar", *block, "endbfchar"]) for block in blocks)
    return (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
        f"1 begincodespacerange\n<{'0' * digits}> <{'F' * digits}>\nendcodespacerange\n"
        f"{body}\nendcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
    ).encode()

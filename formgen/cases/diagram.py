"""The process as a table and as a picture, and what is wrong with it as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import NamedTuple

from formgen.cases.workflow import Move
from formgen.forms.form import Form
from formgen.i18n import translate
from formgen.process import CLOSED

WIDTH, HEIGHT, GAP = 150, 56, 70
TOP, MARGIN = 120, 40
LANE = 16
INK, PAPER, LINE = "#12355b", "#eef3f8", "#5c7a99"


class Line(NamedTuple):
    """One line of the table: a move, the phases it leads from and to, and the form that makes it."""

    move: str
    source: str | None
    target: str
    form: str


def list_moves(forms: Iterable[type[Form]]) -> list[Line]:
    """Return every move of the forms, in the order of the catalogue."""
    lines = [Line(move.id, move.source, move.target, form.id) for form in forms for move in form.moves]
    return sorted(lines, key=lambda line: (line.move, line.source or "", line.target))


def find_faults(forms: Iterable[type[Form]], phases: Iterable[str]) -> Iterator[str]:
    """Find problems of the moves as a whole.

    A phase that no move leads to, a phase other than the end that none leads out of, and two
    moves of one form that are for the same phase without a condition to tell them apart.
    """
    every, phases = list(forms), list(phases)
    lines = list_moves(every)
    reached = {line.target for line in lines}
    left = {line.source for line in lines if line.source != line.target}
    yield from (f"{phase} is never reached" for phase in phases if phase not in reached)
    yield from (f"{phase} is a dead end" for phase in phases if phase in reached - left - {CLOSED})
    for form in every:
        plain: dict[str | None, Move] = {}
        for move in form.moves:
            if move.is_unconditional and move.source in plain:
                yield f"{plain[move.source].id} and {move.id} of {form.id} overlap in {move.source}"
            if move.is_unconditional:
                plain[move.source] = move


def render_svg(forms: Iterable[type[Form]], phases: Mapping[str, str], language: str = "fi") -> str:
    """Return the phases and the moves between them as a picture that a screen reader can tell."""
    arrows: dict[tuple[str | None, str], list[str]] = {}
    for line in list_moves(forms):
        arrows.setdefault((line.source, line.target), []).append(line.move)
    places = {phase: MARGIN + 60 + number * (WIDTH + GAP) for number, phase in enumerate(phases)}
    forward = sum(1 for source, target in arrows if source and places[source] < places[target])
    backward = sum(1 for source, target in arrows if source and places[source] > places[target])
    top = TOP + forward * LANE
    width = MARGIN + max(places.values()) + WIDTH
    height = top + HEIGHT + backward * LANE + TOP
    title = translate("Asian vaiheet ja siirtymät", language)
    told = "; ".join(
        f"{source or '–'} → {target}: {', '.join(dict.fromkeys(moves))}" for (source, target), moves in arrows.items()
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-labelledby="title desc" font-family="Arial, sans-serif" font-size="11">',
        f'<title id="title">{escape(title)}</title><desc id="desc">{escape(told)}</desc>',
        f'<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="{LINE}"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    parts += [
        render_phase(places[phase], top, "" if phase == CLOSED else f"P{number}", translate(name, language))
        for number, (phase, name) in enumerate(phases.items(), start=1)
    ]
    above, below = 0, 0
    for (source, target), moves in sorted(arrows.items(), key=lambda item: measure_arrow(item[0], places)):
        label = escape(" ".join(dict.fromkeys(moves)))
        end = places[target]
        if source is None:
            parts.append(
                render_arrow(
                    f"M{MARGIN - 20} {top + HEIGHT / 2}H{end}", MARGIN - 18, top + HEIGHT / 2 - 6, label, "start"
                )
            )
        elif source == target:
            parts.append(render_text(end + WIDTH / 2, top + HEIGHT + 14, f"↻ {label}"))
        elif places[source] < end:
            above += 1
            y = top - 14 - above * LANE
            start = places[source] + WIDTH * 0.75 - above
            parts.append(
                render_arrow(f"M{start} {top}V{y}H{end + 20 + above * 4}V{top}", start + 6, y - 3, label, "start")
            )
        else:
            below += 1
            y = top + HEIGHT + 26 + below * LANE
            start = places[source] + WIDTH * 0.25 + below * 4
            parts.append(
                render_arrow(
                    f"M{start} {top + HEIGHT}V{y}H{end + WIDTH * 0.75}V{top + HEIGHT}", start - 6, y - 3, label, "end"
                )
            )
    return "".join([*parts, "</svg>\n"])


def render_phase(x: int, y: int, mark: str, name: str) -> str:
    """Draw a phase: its mark and its name."""
    frame = f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="8" fill="{PAPER}" stroke="{INK}"/>'
    return frame + render_text(x + WIDTH / 2, y + 24, mark) + render_text(x + WIDTH / 2, y + 40, escape(name))


def render_text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    """Draw a text at a place."""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{INK}">{text}</text>'


def measure_arrow(ends: tuple[str | None, str], places: dict[str, int]) -> tuple[int, int]:
    """Return the length of an arrow and the place of its end: short ones are drawn nearest to the phases."""
    source, target = ends
    return (abs(places[target] - places[source]) if source else 0, places[target])


def render_arrow(path: str, x: float, y: float, label: str, anchor: str) -> str:
    """Draw a line with a tip and its label."""
    line = f'<path d="{path}" fill="none" stroke="{LINE}" marker-end="url(#tip)"/>'
    return line + render_text(x, y, label, anchor)

"""A picture of the races with the largest documents: how many a second each way does, on a scale of powers of ten."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape

from benchmarks.contest import quartiles
from benchmarks.documents import OURS, Race

LEFT, WIDTH, BAR, GAP = 190, 560, 18, 34
INK, OWN, OTHER, LINE = "#12355b", "#12355b", "#9db4cc", "#d5dee8"
TASKS = {
    "generate docx": "Making a Word form",
    "generate pdf": "Making a PDF form",
    "fill pdf": "Filling a PDF form",
    "read docx": "Reading a Word form",
    "read pdf": "Reading a PDF form",
}
TITLE = "Documents a second on one core (a scale of powers of ten)"


def svg(races: Iterable[Race], machine: str) -> str:
    """Return the picture."""
    rates = {race: {way: 1000 / quartiles(times)[1] for way, times in race.times.items()} for race in races}
    every = [math.log10(rate) for found in rates.values() for rate in found.values()]
    least, most = min(0, math.floor(min(every))), math.ceil(max(every))
    step = WIDTH / (most - least)
    parts, y = [], 50
    for race, found in rates.items():
        y += GAP
        parts.append(text(10, y - 8, f"{TASKS[race.task]} ({race.form}, {race.size // 1000} kB)", "b"))
        for way, rate in sorted(found.items(), key=lambda item: -item[1]):
            long = step * (math.log10(rate) - least)
            color = OWN if way == OURS else OTHER
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{long:.0f}" height="{BAR - 3}" fill="{color}"/>')
            parts.append(text(LEFT - 8, y + 12, way, end=True))
            parts.append(text(LEFT + long + 6, y + 12, number(rate)))
            y += BAR
    lines = [
        f'<path d="M{x:.0f} 50V{y + 6}" stroke="{LINE}"/>{text(x - 4, y + 20, number(10**power))}'
        for power in range(least, most + 1)
        for x in [LEFT + step * (power - least)]
    ]
    told = "; ".join(
        f"{TASKS[race.task]}: " + ", ".join(f"{way} {number(rate)}" for way, rate in found.items())
        for race, found in rates.items()
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 70} {y + 50}" role="img" '
        f'aria-labelledby="title desc" font-family="Arial, sans-serif" font-size="12">'
        f'<title id="title">{TITLE}</title><desc id="desc">{escape(told)}</desc>'
        f'<rect width="100%" height="100%" fill="#fff"/>'
    )
    foot = text(10, y + 40, machine)
    return "".join([head, text(10, 28, TITLE, "b"), *lines, *parts, foot, "</svg>\n"])


def number(rate: float) -> str:
    """Return a rate with as many digits as mean anything."""
    return f"{rate:.0f}" if rate >= 20 else f"{rate:.2g}"


def text(x: float, y: float, said: str, style: str = "", end: bool = False) -> str:
    """Return a text at a place, bold when told so."""
    bold = ' font-weight="bold"' if style else ""
    side = ' text-anchor="end"' if end else ""
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{INK}"{bold}{side}>{escape(said)}</text>'

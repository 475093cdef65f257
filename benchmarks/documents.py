"""Making, filling and reading a document of every form, beside the peers and the floors in the same rounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import floors, peers
from benchmarks.contest import Way, paced, quartiles, raced, ratio
from benchmarks.samples import Sample
from formgen import formats

OURS = "formgen"


@dataclass(frozen=True, eq=False)
class Race:
    """One task with a document of one form: the milliseconds of each way in each round, and the ways that failed."""

    task: str
    form: str
    size: int
    times: Mapping[str, list[float]]
    failed: Mapping[str, str]

    @property
    def median(self) -> float:
        """Return the median of our own milliseconds."""
        return quartiles(self.times[OURS])[1]

    @property
    def ratios(self) -> dict[str, float]:
        """Return how many times as long as ours every other way takes."""
        own = self.times[OURS]
        return {way: ratio(times, own) for way, times in self.times.items() if way != OURS}

    def json(self) -> dict[str, Any]:
        """Return the race as it is written down."""
        ways = {
            way: {"median_ms": middle, "quartiles_ms": [low, high], "rounds_ms": times}
            for way, times in self.times.items()
            for low, middle, high in [quartiles(times)]
        }
        told = {"task": self.task, "form": self.form, "bytes": self.size}
        return {**told, "ways": ways, "times_as_long_as_ours": self.ratios, "failed": dict(self.failed)}


def races(sample: Sample, rounds: int, papers: Mapping[tuple[str, str], Any]) -> Iterator[Race]:
    """Yield the races with the documents of one form; ``papers`` are what a reader looks for."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        word, pdf = (sample.drawn(kind, sample.answers) for kind in ("docx", "pdf"))
        empty, texts = sample.empty("pdf"), sample.texts
        verdict = partial(sample.judged, papers=papers)
        tasks: dict[str, tuple[bytes, Callable[[], object], dict[str, Callable[[], Way]]]] = {
            "generate docx": (
                word,
                partial(sample.drawn, "docx", sample.answers),
                {
                    "docxtpl": partial(peers.docxtpl, sample),
                    "docx-mailmerge2": partial(peers.mailmerge, sample),
                    "docxtemplater": partial(peers.docxtemplater, sample, folder),
                    "deflate alone": partial(floors.packing, word),
                    "fsync alone": partial(floors.writing, word, folder),
                },
            ),
            "generate pdf": (
                pdf,
                partial(sample.drawn, "pdf", sample.answers),
                {"fsync alone": partial(floors.writing, pdf, folder)},
            ),
            "fill pdf": (
                empty,
                partial(formats.load_formats()["pdf"].fill_document, empty, texts),
                {
                    "pypdf": partial(peers.pypdf_fill, empty, texts),
                    "pikepdf": partial(peers.pikepdf_fill, empty, texts),
                },
            ),
            "read docx": (
                word,
                partial(formats.read_document, word, papers),
                {
                    "python-docx": partial(peers.python_docx, word),
                    "docx2python": partial(peers.docx2python, word),
                },
            ),
            "read pdf": (pdf, partial(formats.read_document, pdf, papers), {"pypdf": partial(peers.pypdf_read, pdf)}),
            "read and judge docx": (word, partial(verdict, word), {}),
            "read and judge pdf": (pdf, partial(verdict, pdf), {}),
        }
        for task, (data, own, others) in tasks.items():
            yield race(task, sample.form.id, len(data), own, others, rounds)


def race(
    task: str, form: str, size: int, own: Callable[[], object], others: Mapping[str, Callable[[], Way]], rounds: int
) -> Race:
    """Return a race against the others that are there; each of ours and theirs has run once before it."""
    ways: dict[str, Way] = {OURS: partial(paced, own)}
    failed = {}
    own()
    for name, prepare in others.items():
        try:
            ways[name] = prepare()
            ways[name]()
        except Exception as error:  # noqa: BLE001 - what a peer cannot do is a result
            failed[name] = f"{type(error).__name__}: {error}"
            ways.pop(name, None)
    try:
        times = raced(ways, rounds)
    finally:
        for way in ways.values():
            if isinstance(way, peers.Node):
                way.end()
    return Race(task, form, size, times, failed)

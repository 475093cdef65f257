"""How long somebody waits for an answer: from the drop of a file to the record, and to the reply.

Run as ``python -m benchmarks.latency [ROUNDS]``. A real daemon watches a workspace whose quiet time
is nothing, so what is measured comes on top of that time. Files are dropped one at a time, by
turns a referral that is right and one that is wrong, as Word document and as PDF; an answer is
there when its line stands in the feed, after the files that it names.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

from uuid_utils.compat import uuid7

from benchmarks.contest import circumstances
from formgen import demo, formats
from formgen.forms import registry
from formgen.intake.watcher import is_daemon_alive
from formgen.issuing.issue import issue_document
from formgen.settings import PACKAGED, WorkspaceFolder
from formgen.storage.journal import Journal
from formgen.storage.moments import to_local_date

ROUNDS, GOAL = 40, 250
SOON = 60.0


def filled(workspace: WorkspaceFolder, journal: Journal, format_name: str, right: bool) -> bytes:
    """Return a referral as somebody has filled it in, with one fault in it when it is not right."""
    now = demo.datetime.now(demo.UTC)
    form = registry.load_forms(workspace).find_latest_version("referral")
    made = issue_document(
        workspace, journal, registry.load_forms(workspace), form, now=now, instance=uuid7(), format_name=format_name
    )
    answers = json.loads((PACKAGED / "demo" / "cases.json").read_text(encoding="utf-8"))[0]["submissions"][0]["answers"]
    typed = {path: demo.resolve_dates(text, to_local_date(now)) for path, text in answers.items()}
    document: bytes = formats.load_formats()[format_name].fill_document(
        Path(made.path).read_bytes(), typed if right else {**typed, "client_hetu": "010101-900A"}
    )
    return document


def answered(workspace: WorkspaceFolder, name: str, data: bytes) -> tuple[float, str]:
    """Return the milliseconds from the drop of a file to its line in the feed, and the event of that line."""
    feed = workspace.outbox / "feed.ndjson"
    before = feed.stat().st_size if feed.exists() else 0
    work = workspace.inbox / f"{name}.part"
    work.write_bytes(data)
    start = time.perf_counter()
    work.rename(workspace.inbox / name)
    while not feed.exists() or feed.stat().st_size == before:
        if time.perf_counter() - start > SOON:
            raise SystemExit(f"{name} has had no answer")
        time.sleep(0.001)
    waited = (time.perf_counter() - start) * 1000
    return waited, json.loads(feed.read_text(encoding="utf-8").splitlines()[-1])["event"]


def waits(rounds: int) -> dict[tuple[str, str], list[float]]:
    """Return the milliseconds of every drop by format and event."""
    times: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "formgen.toml").write_text("[intake]\nquiet = 0.0\n", encoding="utf-8")
        workspace = WorkspaceFolder(root).make_folders()
        journal = Journal.open_or_create(workspace.var)
        command = [sys.executable, "-m", "formgen", "--workspace", folder, "watch"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:  # noqa: S603
            while not is_daemon_alive(workspace):
                time.sleep(0.05)
            for number, (format_name, right) in product(range(rounds + 2), product(("docx", "pdf"), (True, False))):
                data = filled(workspace, journal, format_name, right)
                waited, event = answered(workspace, f"{number}-{right}.{format_name}", data)
                if number >= 2:  # the first ones wait for readers that start
                    times.setdefault((format_name, event), []).append(waited)
            daemon.terminate()
    return times


def within(times: list[float], percent: int) -> float:
    """Return the milliseconds within which that many per cent of the drops were answered."""
    return statistics.quantiles(times, n=100, method="inclusive")[percent - 1]


def main() -> int:
    """Print median and 95th percentile for each kind of answer; return 1 when records take longer than the goal."""
    times = waits(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
    for (format_name, event), found in times.items():
        print(
            f"{format_name:5} {event:16} median {statistics.median(found):6.0f} ms, "
            f"95 % within {within(found, 95):6.0f} ms, {len(found)} drops"
        )
    circumstances("lxml", "pikepdf", "typst")
    slowest = max(within(found, 95) for (_, event), found in times.items() if event == "record.accepted")
    print(f"records  95 % within {slowest:.0f} ms of the quiet time's end (goal {GOAL})")
    return int(slowest > GOAL)


if __name__ == "__main__":
    sys.exit(main())

"""An office that asks for it gets a receipt of every accepted return, the same whenever it is written."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from formgen.formats.docx.package import Package, w
from formgen.publishing import outbox
from formgen.storage.rows import Submission
from tests.conftest import DECISION, JOB, REFERRAL, Bench, tree

At = Callable[[str], Bench]

pytestmark = pytest.mark.usefixtures("unwalled")


def asking(bench: Bench) -> Bench:
    """Return the workspace of an office that wants receipts."""
    settings = bench.root / "formgen.toml"
    settings.write_text(f"receipts = true\n{settings.read_text(encoding='utf-8')}", encoding="utf-8")
    return bench.restarted()


def lines(bench: Bench, row: Submission) -> list[str]:
    """Return the lines of the receipt of a return."""
    package = Package(outbox.get_receipt_path(bench.workspace, "2026-06-01", row.record_id).read_bytes())
    return ["".join(line.itertext(w("t"))) for line in package.parse_member(package.main).iter(w("p"))]


def test_an_office_that_does_not_ask_gets_none(bench: Bench) -> None:
    assert bench.send("referral", REFERRAL).outcome == "accepted"
    assert not (bench.workspace.outbox / "receipts").exists()


def test_a_receipt_says_form_case_phase_and_what_comes_next_and_names_nobody(at: At) -> None:
    bench = asking(at("signed"))
    row = bench.send("job_start", JOB, bench.case().case_id)
    said = lines(bench, row)
    assert "Lomake: Työsuhteen aloittaminen" in said
    assert f"Asia: {row.case_id}" in said
    assert any(line.startswith("Vaihe: ") and "→" in line for line in said)
    assert any("Seuraava lomake: " in line for line in said)
    everything = "\n".join(said)
    assert not [text for text in ("Metsälä", "Onni", "Testipulla", "130485") if text in everything]


def test_a_receipt_of_a_correction_names_what_changed(at: At) -> None:
    bench = asking(at("signed"))
    made = bench.issue("job_start", bench.case().case_id)
    bench.returned(bench.filled(made, JOB))
    row = bench.returned(bench.filled(made, {**JOB, "job_title": "Kokki"}))
    changed = [line for line in lines(bench, row) if "Muuttunut kohta" in line]
    assert [line.partition(". ")[2] for line in changed] == ["Muuttunut kohta: Tehtävänimike"]


def test_receipts_are_written_again_to_the_byte_however_the_case_has_gone_on(bench: Bench) -> None:
    bench = asking(bench)
    bench.send("referral", REFERRAL)
    before = tree(bench.workspace.outbox / "receipts")
    assert len(before) == 1
    bench.clock.pass_days(4)
    assert bench.send("referral", DECISION, bench.case().case_id).outcome == "accepted"
    for name in before:
        (bench.workspace.outbox / "receipts" / name).unlink()
    bench.restarted().intake.recover_from_crash()
    again = tree(bench.workspace.outbox / "receipts")
    assert {name: again[name] for name in before} == before
    assert len(again) == 2

"""A return that comes again is one of five things, and says which: when it is read, sent and shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from formgen.i18n import list_languages, translate
from formgen.intake.duplicates import SENTENCES
from tests.conftest import DECIDED, JOB, REFERRAL, Bench, changed, saved_again
from tests.journeys.test_cli import Run, run

__all__ = ["run"]
At = Callable[[str], Bench]


def same_file(bench: Bench) -> bytes:
    data = job(bench)
    bench.returned(data)
    return data


def same_answers(bench: Bench) -> bytes:
    return saved_again(same_file(bench))


def correction(bench: Bench) -> bytes:
    made = bench.issue("job_start", bench.case().case_id)
    bench.returned(bench.filled(made, JOB))
    return bench.filled(made, {**JOB, "job_title": "Tarjoilija"})


def next_round(bench: Bench) -> bytes:
    bench.returned(job(bench))
    return job(bench, job_title="Tarjoilija")


def other_case(bench: Bench) -> bytes:
    case_id = bench.case().case_id
    return changed(job(bench), lambda _, text: text.replace(case_id, "PK-2026-00099"))


def job(bench: Bench, **other: str) -> bytes:
    """Return a job start of the case, filled."""
    return bench.filled(bench.issue("job_start", bench.case().case_id), {**JOB, **other})


WAYS: Mapping[str, tuple[Callable[[Bench], bytes], str]] = {
    "same_file": (same_file, "duplicate"),
    "same_answers": (same_answers, "duplicate"),
    "correction": (correction, "accepted"),
    "next_round": (next_round, "accepted"),
    "other_case": (other_case, "review"),
}


def test_there_are_five_ways_to_come_again_with_five_sentences_in_every_language() -> None:
    assert list(WAYS) == list(SENTENCES)
    for language in list_languages():
        assert len({translate(sentence, language) for sentence in SENTENCES.values()}) == len(SENTENCES)


@pytest.mark.parametrize("way", WAYS)
def test_a_return_that_comes_again_says_how(way: str, at: At, run: Run) -> None:
    bench = at("signed")
    make, outcome = WAYS[way]
    file = bench.root / "uudelleen.docx"
    file.write_bytes(make(bench))
    for command in ("read", "submit"):
        (answer,) = run(command, str(file), "--json", at=bench.root).json
        assert (answer["outcome"], answer["again"]["kind"]) == (outcome, way), command
        assert answer["again"]["message"] == SENTENCES[way]
    once_more = "same_file" if outcome in ("accepted", "review") else way
    assert SENTENCES[once_more] in run("read", str(file), at=bench.root).out


def test_what_comes_for_the_first_time_says_nothing_of_it(at: At, run: Run, tmp_path: Path) -> None:
    bench = at("signed")
    file = tmp_path / "uusi.docx"
    file.write_bytes(job(bench))
    for command in ("read", "submit"):
        (answer,) = run(command, str(file), "--json", at=bench.root).json
        assert (answer["outcome"], answer["again"]) == ("accepted", None), command


def test_a_file_that_was_accepted_of_one_person_needs_a_look_when_it_comes_of_another(at: At) -> None:
    bench = at("new")
    made = bench.issue("referral")
    assert bench.returned(bench.filled(made, DECIDED)).outcome == "accepted"
    other = bench.returned(bench.filled(made, {**DECIDED, "client_hetu": "130485-903N"}))
    assert (other.outcome, bench.errors(other)) == ("review", [("R89", "client_hetu")])
    assert len(bench.journal.list_case_ids()) == 1


def test_a_rejected_file_that_is_read_again_still_says_what_is_wrong(at: At, run: Run) -> None:
    bench = at("new")
    data = bench.filled(bench.issue("referral"), {**REFERRAL, "client_email": "ei ole"})
    assert bench.returned(data).outcome == "rejected"
    file = bench.root / "uudelleen.docx"
    file.write_bytes(data)
    (answer,) = run("read", str(file), "--json", at=bench.root).json
    assert (answer["outcome"], answer["again"]["kind"]) == ("rejected", "same_file")
    assert [error["field"] for error in answer["reason"]["errors"]] == ["client_email"]

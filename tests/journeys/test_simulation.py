"""The invented year of a unit: it ends as its stories say, and the same seed gives the same year to the byte."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from formgen import demo
from formgen.demo import Clock, Outcome, Stage, Turn
from formgen.errors import UsageError
from formgen.fields import HetuText
from tests.conftest import tree
from tests.journeys.test_cli import Run, run

CLIENTS, COACHES, SEED = 6, 2, 221
__all__ = ["run"]  # the fixture of the command line
pytestmark = pytest.mark.usefixtures("unwalled")


def lived(root: Path, seed: int = SEED) -> tuple[Stage, list[Outcome]]:
    """Return the stage after the year of a small unit, and what became of every turn."""
    stage = demo.create_unit_stage(root, COACHES, seed)
    found = list(demo.play_stories(stage, demo.list_daily_turns(stage, CLIENTS, seed)))
    stage.intake.journal.engine.dispose()
    return stage, found


def test_a_year_ends_as_its_stories_say_and_the_same_seed_gives_the_same_year_to_the_byte(tmp_path: Path) -> None:
    stage, found = lived(tmp_path / "first")
    assert [item.turn for item in found if not item.is_expected] == []
    again, _ = lived(tmp_path / "second")
    first, second = tree(stage.intake.workspace.outbox), tree(again.intake.workspace.outbox)
    assert list(first) == list(second)
    assert [name for name, data in first.items() if second[name] != data] == []
    outcomes = Counter(item.row.outcome for item in found if item.row)
    assert outcomes["accepted"] > 50
    assert set(outcomes) == {"accepted", "waiting", "rejected", "duplicate"}
    assert {json.loads(data)["form"] for name, data in first.items() if name.startswith("records/")} == set(
        stage.intake.registry.ids
    )
    assert {case.split("-")[0] for case in stage.cases.values()} == {"PK"}
    assert len(set(stage.cases.values())) == CLIENTS
    feed = [json.loads(line) for line in first["feed.ndjson"].splitlines()]
    assert {line["at"][:4] for line in feed} == {"2026"}


def test_another_seed_gives_another_year(tmp_path: Path) -> None:
    years = [
        demo.list_daily_turns(demo.create_unit_stage(tmp_path / str(seed), COACHES, seed), CLIENTS, seed)
        for seed in (1, 1, 2)[1:]
    ]
    assert years[0] != years[1]


def test_a_whole_unit_meets_every_form_and_every_kind_of_end(tmp_path: Path) -> None:
    stage = demo.create_unit_stage(tmp_path / "unit", 5, 1)
    turns = [turn for batch in demo.list_daily_turns(stage, 100, 1) for turn in batch]
    assert {turn.form for turn in turns if turn.form} == set(stage.intake.registry.ids)
    assert {turn.step for turn in turns} == {"", "T26", "T27"}
    assert {turn.expect for turn in turns} == {"accepted", "rejected", "waiting", "duplicate"}
    reasons = {turn.answers.get("closing_reason") for turn in turns if turn.form == "closing"}
    assert {"not_started", "client_not_reached_before_start", "moved_area", "employed_support_not_needed"} <= reasons
    consents = {turn.answers.get("consents.0.granted") for turn in turns} - {None}
    assert consents == {"yes", "no"}
    assert any("consents.0.withdrawn_date" in turn.answers for turn in turns)
    opened = {turn.story for turn in turns if turn.form == "referral"}
    assert (len(opened), len({turn.story for turn in turns})) == (100, 101)


def test_nobody_in_a_year_can_be_somebody(tmp_path: Path) -> None:
    stage = demo.create_unit_stage(tmp_path / "unit", 5, 1)
    turns = [turn for batch in demo.list_daily_turns(stage, 100, 1) for turn in batch]
    codes = {turn.answers["client_hetu"] for turn in turns if "client_hetu" in turn.answers}
    assert len(codes) > 90
    for code in codes:
        assert HetuText().read(code, date(2026, 6, 1)).value == code
        assert 900 <= int(code[7:10]) <= 999
    year = demo.load_year_module()
    assert all(any(word in name for word in ("Malli", "Testi", "Esimerkki")) for name in year.COACHES)


def test_a_turn_of_a_story_comes_after_the_one_before_it(tmp_path: Path) -> None:
    stage = demo.create_unit_stage(tmp_path / "unit", 5, 3)
    last: dict[str, datetime] = {}
    for batch in demo.list_daily_turns(stage, 100, 3):
        for turn in batch:
            assert turn.at
            assert turn.story not in last or last[turn.story] < turn.at
            assert turn.story == "yksikkö" or turn.at.weekday() < 5
            last[turn.story] = turn.at


def test_a_year_is_not_played_over_a_workspace(tmp_path: Path) -> None:
    demo.create_unit_stage(tmp_path / "unit", 1, 1)
    with pytest.raises(UsageError, match="jo työtila"):
        demo.create_unit_stage(tmp_path / "unit", 1, 1)


def test_ids_rise_though_the_clock_stands_still() -> None:
    clock = Clock(datetime(2026, 1, 2, tzinfo=UTC))
    made = [demo.build_id_factory(1, clock) for _ in range(2)]
    first, second = ([new() for _ in range(5000)] for new in made)
    assert first == second == sorted(set(first))
    assert {made.version for made in first} == {7}


def test_the_command_plays_a_year_sums_it_up_and_takes_no_folder_twice(tmp_path: Path, run: Run) -> None:
    words = ("simulate", str(tmp_path / "vuosi"), "--clients", "1", "--coaches", "1", "--seed", "15")
    said = run(*words, "--json")
    assert (said.code, said.json["unexpected"]) == (0, [])
    assert said.json["phases"]["closed"] == 1
    assert said.json["forms"]["closing"]["records"] == said.json["forms"]["closing"]["accepted"] == 1
    assert sum(form["records"] for form in said.json["forms"].values()) == said.json["outcomes"]["accepted"]
    assert (tmp_path / "vuosi" / "outbox" / "schemas" / "record.schema.json").exists()
    assert run(*words).code == 2


def test_a_year_that_ends_otherwise_than_told_is_said_and_is_a_failure(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = [Turn("001", "referral", {"client_wants_work": "no"}, at=datetime(2026, 1, 5, 9, tzinfo=UTC))]
    monkeypatch.setattr(demo, "list_daily_turns", lambda *_: [refused])
    said = run("simulate", str(tmp_path / "vuosi"), "--clients", "1")
    assert said.code == 1
    assert "001: referral → rejected" in said.err

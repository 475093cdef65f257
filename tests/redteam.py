"""Attack formgen as each of the people in ``docs/security.md`` would: ``python -m tests.redteam``.

`MODEL` names the attacks of each by test, patterns as in a shell. The program plays them, says how
many each has tried and what got through, and ends with 1 when anything did. The full run of the tests
leaves them out where this has played them before: ``-m "not redteam"``.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping
from fnmatch import fnmatchcase

import pytest

MODEL: Mapping[str, tuple[str, ...]] = {
    "An outsider with a blank form": (
        "test_strangers.py::test_no_claim_lets_a_blank_into_a_case_or_tells_of_one[*-docx]",
        "test_strangers.py::test_no_claim_lets_a_blank_into_a_case_or_tells_of_one[referral-pdf]",
        "test_strangers.py::test_a_journal_that_has_lost_a_document_believes_no_claim*",
        "test_person.py::*",
    ),
    "An outsider with somebody's form or token": (
        "test_keys.py::test_no_token_and_no_code_that_was_not_signed_is_taken_for_one",
        "test_strangers.py::test_a_token_on_another_paper_brings_nothing_back[*-docx]",
        "test_strangers.py::test_a_token_on_another_paper_brings_nothing_back[job_start-pdf]",
        "test_strangers.py::test_a_token_alone_is_no_answer*",
        "test_strangers.py::test_who_guesses_the_case_*[*-docx]",
        "test_strangers.py::test_who_guesses_whose_*[job_start-docx]",
        "test_strangers.py::test_what_a_paper_has_lost_looks_the_same_*",
        "test_strangers.py::test_a_whole_form_of_another_*[*-job_start-docx]",
        "test_reply_untold.py::test_a_reply_to_a_reply_tells_no_more[docx]",
    ),
    "A client": (
        "test_contradictions.py::test_both_documents_are_accepted_and_the_coach_is_asked*",
        "test_reply.py::test_what_is_locked_is_repeated_as_it_came_and_looked_at_when_it_comes_again",
    ),
    "A colleague who may write `inbox/`": (
        "test_swaps.py::*",
        "test_hostile_names.py::*",
        "test_trouble.py::test_what_is_written_into_a_file_after_it_was_copied_*",
        "test_trouble.py::test_no_file_is_looked_at_for_long_*",
        "test_watch.py::test_folders_in_each_other_*",
        "test_trouble.py::test_whatever_goes_wrong_with_one_return_the_others_of_its_batch_go_on*",
    ),
    "A colleague who may edit templates": (
        "test_templates.py::test_what_is_on_no_list_is_refused_wherever_it_stands*",
        "test_templates.py::test_what_runs_or_is_fetched_is_refused_*",
        "test_templates.py::test_a_template_that_would_take_long_or_fill_memory_is_refused*",
        "test_access.py::test_code_and_settings_that_*",
    ),
    "A system that reads `outbox/`": (
        "test_outbox.py::test_a_reader_never_sees_half_a_file*",
        "test_outbox.py::test_no_path_outside_var_names_a_person_except_as_the_sender_named_the_file",
    ),
    "Another user of the machine": (
        "test_access.py::test_a_new_inbox_*",
        "test_cli.py::test_the_reason_of_a_hold_*",
        "test_access.py::test_a_root_of_trust_*",
        "test_access.py::test_the_log_of_a_daemon_tells_no_name_of_a_file_and_no_value",
        "test_cage.py::test_nobody_else_can_ask_a_reader_for_anything",
        "test_cage.py::test_libreoffice_has_a_temporary_folder_that_nobody_else_sees",
    ),
    "A reader that a file has taken over": (
        "test_cage.py::test_*",
        "test_wall.py::test_every_sentence_*",
        "test_wall.py::test_the_child_has_limits_that_it_cannot_raise",
        "test_wall.py::test_a_reading_that_*",
    ),
    "A thief of the disk or a backup": ("test_vault.py::test_a_*",),
    "Who can write `var/`": (
        "test_ledger.py::test_a_row_that_is_*",
        "test_ledger.py::test_a_record_that_is_moved_*",
        "test_ledger.py::test_a_log_that_*",
        "test_ledger.py::test_a_sealed_workspace_*",
        "test_ledger.py::test_nobody_can_write_the_log_of_a_sealed_workspace_without_its_key",
        "test_access.py::test_a_line_that_is_tampered_with_*",
        "test_access.py::test_every_file_that_is_not_as_it_was_written_is_named*",
        "test_access.py::test_a_record_that_nobody_has_written_down_*",
        "test_access.py::test_a_pipe_in_the_place_of_any_file_*",
        "test_keys.py::test_with_a_key_that_is_not_as_it_was_made_*",
    ),
    "The administrator": (
        "test_access.py::test_every_command_that_shows_or_changes_a_case_stands_in_the_access_log",
        "test_access.py::test_whatever_name_somebody_gives_the_access_log_prints_it_as_text*",
        "test_keys.py::test_what_is_done_to_keys_stands_in_the_access_log",
    ),
}


def find_attack(test: str) -> tuple[str, str] | None:
    """Return who makes the attack that a test plays, and its pattern; None for a test that plays none."""
    name = test.removeprefix("tests/")
    return next(
        (
            (who, pattern)
            for who, patterns in MODEL.items()
            for pattern in patterns
            if fnmatchcase(name, pattern.replace("[", "[[]"))
        ),
        None,
    )


class Score:
    """Counts what has been tried, by attacker and pattern, and keeps what got through."""

    def __init__(self) -> None:
        """Begin with nothing tried."""
        self.tried: Counter[tuple[str, str]] = Counter()
        self.through: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test that has been played."""
        attack = find_attack(report.nodeid)
        if attack and report.when == "call":
            self.tried[attack] += 1
        if report.outcome != "passed":
            self.through.append(report.nodeid)


def main() -> int:
    """Play all attacks; return the exit code."""
    begun, score = time.monotonic(), Score()
    files = sorted({f"tests/{pattern.partition('::')[0]}" for patterns in MODEL.values() for pattern in patterns})
    ended = pytest.main(["-m", "redteam", "-n", "3", "--dist", "worksteal", *sys.argv[1:], *files], [score])
    print()
    for who, patterns in MODEL.items():
        print(f"{sum(score.tried[who, pattern] for pattern in patterns):5}  {who}")
    untried = [pattern for who, patterns in MODEL.items() for pattern in patterns if not score.tried[who, pattern]]
    print(f"{score.tried.total():5}  attacks in {time.monotonic() - begun:.0f} s")
    print(*(f"got through: {name}" for name in score.through), *(f"not tried: {name}" for name in untried), sep="\n")
    return int(ended) or len(untried)


if __name__ == "__main__":
    sys.exit(main())

"""Attack formgen as each of the people in ``docs/security.md`` would: ``python -m tests.support.redteam``.

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
        "faults/test_strangers.py::test_no_claim_lets_a_blank_into_a_case_or_tells_of_one[*-docx]",
        "faults/test_strangers.py::test_no_claim_lets_a_blank_into_a_case_or_tells_of_one[referral-pdf]",
        "faults/test_strangers.py::test_a_journal_that_has_lost_a_document_believes_no_claim*",
        "journeys/test_other_person.py::*",
    ),
    "An outsider with somebody's form or token": (
        "faults/test_signing_keys.py::test_no_token_and_no_code_that_was_not_signed_is_taken_for_one",
        "faults/test_strangers.py::test_a_token_on_another_paper_brings_nothing_back[*-docx]",
        "faults/test_strangers.py::test_a_token_on_another_paper_brings_nothing_back[job_start-pdf]",
        "faults/test_strangers.py::test_a_token_alone_is_no_answer*",
        "faults/test_strangers.py::test_who_guesses_the_case_*[*-docx]",
        "faults/test_strangers.py::test_who_guesses_whose_*[job_start-docx]",
        "faults/test_strangers.py::test_what_a_paper_has_lost_looks_the_same_*",
        "faults/test_strangers.py::test_a_whole_form_of_another_*[*-job_start-docx]",
        "faults/test_correction_disclosure.py::test_a_reply_to_a_reply_tells_no_more[docx]",
    ),
    "A client": (
        "journeys/test_contradictions.py::test_both_documents_are_accepted_and_the_coach_is_asked*",
        "journeys/test_correction.py::test_what_is_locked_is_repeated_as_it_came_and_looked_at_when_it_comes_again",
    ),
    "A colleague who may write `inbox/`": (
        "faults/test_inbox_swaps.py::*",
        "faults/test_hostile_names.py::*",
        "faults/test_failed_submissions.py::test_what_is_written_into_a_file_after_it_was_copied_*",
        "faults/test_failed_submissions.py::test_no_file_is_looked_at_for_long_*",
        "journeys/test_watcher.py::test_folders_in_each_other_*",
        "faults/test_failed_submissions.py::test_whatever_goes_wrong_with_one_return_the_others_of_its_batch_go_on*",
    ),
    "A colleague who may edit templates": (
        "formats/test_templates.py::test_what_is_on_no_list_is_refused_wherever_it_stands*",
        "formats/test_templates.py::test_what_runs_or_is_fetched_is_refused_*",
        "formats/test_templates.py::test_a_template_that_would_take_long_or_fill_memory_is_refused*",
        "faults/test_access.py::test_code_and_settings_that_*",
    ),
    "A system that reads `outbox/`": (
        "journeys/test_outbox.py::test_a_reader_never_sees_half_a_file*",
        "journeys/test_outbox.py::test_no_path_outside_var_names_a_person_except_as_the_sender_named_the_file",
    ),
    "Another user of the machine": (
        "faults/test_access.py::test_a_new_inbox_*",
        "journeys/test_cli.py::test_the_reason_of_a_hold_*",
        "faults/test_access.py::test_a_root_of_trust_*",
        "faults/test_access.py::test_the_log_of_a_daemon_tells_no_name_of_a_file_and_no_value",
        "faults/test_confine.py::test_nobody_else_can_ask_a_reader_for_anything",
        "faults/test_confine.py::test_libreoffice_has_a_temporary_folder_that_nobody_else_sees",
    ),
    "A reader that a file has taken over": (
        "faults/test_confine.py::test_*",
        "faults/test_reader_pool.py::test_every_sentence_*",
        "faults/test_reader_pool.py::test_the_child_has_limits_that_it_cannot_raise",
        "faults/test_reader_pool.py::test_a_reading_that_*",
    ),
    "A thief of the disk or a backup": ("unit/test_encryption.py::test_a_*",),
    "Who can write `var/`": (
        "faults/test_ledger.py::test_a_row_that_is_*",
        "faults/test_ledger.py::test_a_record_that_is_moved_*",
        "faults/test_ledger.py::test_a_log_that_*",
        "faults/test_ledger.py::test_a_sealed_workspace_*",
        "faults/test_ledger.py::test_nobody_can_write_the_log_of_a_sealed_workspace_without_its_key",
        "faults/test_access.py::test_a_line_that_is_tampered_with_*",
        "faults/test_access.py::test_every_file_that_is_not_as_it_was_written_is_named*",
        "faults/test_access.py::test_a_record_that_nobody_has_written_down_*",
        "faults/test_access.py::test_a_pipe_in_the_place_of_any_file_*",
        "faults/test_signing_keys.py::test_with_a_key_that_is_not_as_it_was_made_*",
    ),
    "The administrator": (
        "faults/test_access.py::test_every_command_that_shows_or_changes_a_case_stands_in_the_access_log",
        "faults/test_access.py::test_whatever_name_somebody_gives_the_access_log_prints_it_as_text*",
        "faults/test_signing_keys.py::test_what_is_done_to_keys_stands_in_the_access_log",
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

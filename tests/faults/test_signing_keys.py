"""Who signs is written down, a key is exactly what it was made as, and what a revoked one signed needs a person."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import random
import re
import shlex
import shutil
import sqlite3
import stat
import string
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from formgen import formats
from formgen.documents.extraction import Identity, Keyring
from formgen.errors import OutOfReach
from formgen.intake.identify import REVOKED
from formgen.storage.signing_keys import compute_fingerprint, generate_key, name_key, write_key
from tests.conftest import AGREEMENT, JOB, NOON, REFERRAL, Bench, changed, tree
from tests.journeys.test_cli import Run, run
from tests.journeys.test_intake import carriers_changed
from tests.support.foreign import FLATTENERS
from tests.support.replies import reply

__all__ = ["run"]  # the fixture of the command line
pytestmark = pytest.mark.usefixtures("unwalled")


def folder(bench: Bench) -> Path:
    """Return where the keys lie."""
    return bench.workspace.var / "keys"


# --- which one signs ------------------------------------------------------------------------------


def test_a_rotated_key_signs_what_is_made_next_and_the_old_one_still_verifies(bench: Bench, run: Run) -> None:
    old = bench.filled(bench.issue("referral"), REFERRAL)
    (first,) = run("keys", "list", "--json", at=bench.root).json
    new = run("keys", "rotate", "--json", at=bench.root).json["key"]
    listed = run("keys", "list", "--json", at=bench.root).json
    assert [(row["key"], row["state"], row["signs"]) for row in listed] == [
        (first["key"], "good", False),
        (new, "signing", True),
    ]
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder(bench).iterdir()} == {0o600}
    assert bench.journal.find_issued_document(bench.issue("referral").instance_id).key == new
    assert bench.returned(old).outcome == "accepted"


def test_a_daemon_that_is_running_signs_with_and_knows_the_key_that_was_made_meanwhile(bench: Bench, run: Run) -> None:
    assert bench.journal.ensure_signing_keys(NOON).current
    new = run("keys", "rotate", "--json", at=bench.root).json["key"]
    other = bench.restarted()
    assert bench.returned(other.filled(other.issue("referral"), REFERRAL)).outcome == "accepted"
    assert bench.journal.keys.current == new


def test_the_time_of_a_file_says_nothing_of_which_key_signs(bench: Bench) -> None:
    first = bench.journal.ensure_signing_keys(NOON).current
    second = bench.journal.rotate_key(NOON)
    for name, time in ((first, 4 * 10**9), (second, 10**9)):
        os.utime(folder(bench) / f"{name}.key", (time, time))
    assert bench.restarted().journal.keys.current == second


def test_a_key_is_told_by_a_digest_that_tells_nothing_of_it(bench: Bench, run: Run) -> None:
    bench.issue("referral")
    (row,) = run("keys", "list", "--json", at=bench.root).json
    (file,) = folder(bench).iterdir()
    key = file.read_bytes()
    assert len(key) == 32
    assert row["fingerprint"] == compute_fingerprint(key) != hashlib.sha256(key).hexdigest()
    assert (row["key"], row["made_at"][:4]) == (file.stem, str(NOON.year))
    said = run("--lang", "en", "keys", "list", at=bench.root).out
    assert row["fingerprint"] in said
    assert "signs" in said


def test_two_processes_that_begin_a_workspace_make_one_key(bench: Bench) -> None:
    other = bench.restarted()
    with bench.journal.begin_transaction():
        bench.journal.ensure_signing_keys(NOON)
    other.issue("referral")
    assert len(list(folder(bench).iterdir())) == len(bench.journal.list_signing_keys()) == 1


def test_a_key_that_could_not_be_written_down_does_not_lie_there(bench: Bench) -> None:
    bench.issue("referral")
    before = tree(folder(bench))
    bench.journal.head_file.file.write_text("7:" + "a" * 64, encoding="ascii")
    with pytest.raises(OutOfReach):
        bench.journal.rotate_key(NOON)
    assert tree(folder(bench)) == before


def test_what_is_done_to_keys_stands_in_the_access_log(bench: Bench, run: Run) -> None:
    bench.issue("referral")
    first = bench.journal.keys.current
    second = run("keys", "rotate", "--by", "Joku Toinen", "--json", at=bench.root).json["key"]
    assert run("keys", "revoke", first, "--by", "Testi Tarkastaja", at=bench.root).code == 0
    lines = run("access", "list", "--json", at=bench.root).json
    told = [(line["command"], line["written"]) for line in lines if "signing_keys" in (line["written"] or "")]
    assert told == [
        ("", f"signing_keys:{first}"),
        ("keys rotate", f"signing_keys:{first}"),
        ("keys rotate", f"signing_keys:{second}"),
        ("keys revoke", f"signing_keys:{first}"),
    ]
    assert ["Testi" in line["actor"] for line in lines[-3:]] == [False, False, True]
    assert ["Joku Toinen" in line["actor"] for line in lines[-3:]] == [True, True, False]
    assert f"signing_keys:{first}" in run("access", "list", at=bench.root).out.replace("\n", "")


# --- what is no key -------------------------------------------------------------------------------


def other_size(file: Path, size: int) -> None:
    """Put a key of another size in the place of one, under its own name too."""
    key = b"k" * size
    file.write_bytes(key)
    shutil.copy(file, file.with_name(f"{name_key(key)}.key"))


WRONG: dict[str, Callable[[Path], Any]] = {
    "empty": lambda file: file.write_bytes(b""),
    "a byte short": lambda file: file.write_bytes(file.read_bytes()[:-1]),
    "a byte long": lambda file: file.write_bytes(file.read_bytes() + b"\n"),
    "another key": lambda file: file.write_bytes(generate_key()),
    "a link": lambda file: (file.rename(file.parent.parent / "elsewhere"), file.symlink_to("../elsewhere")),
    "a link to nowhere": lambda file: (file.unlink(), file.symlink_to("nowhere")),
    "a pipe": lambda file: (file.unlink(), os.mkfifo(file)),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
    "gone": lambda file: file.unlink(),
    "all gone": lambda file: shutil.rmtree(file.parent),
    "read by others": lambda file: file.chmod(0o604),
    "written by a group": lambda file: file.chmod(0o620),
    "in a folder that others write": lambda file: file.parent.chmod(0o777),
    "in a folder that is a link": lambda file: (
        file.parent.rename(file.parent.parent / "elsewhere"),
        file.parent.symlink_to("elsewhere"),
    ),
    "beside an empty one": lambda file: write(file.with_name("e3b0c442.key"), b""),
    "beside one of another name": lambda file: write(file.with_name("00000000.key"), generate_key()),
    "beside a link": lambda file: file.with_name("00000000.key").symlink_to(file.name),
}


def write(file: Path, data: bytes) -> None:
    """Write a private file."""
    file.write_bytes(data)
    file.chmod(0o600)


@pytest.mark.parametrize("what", WRONG)
def test_with_a_key_that_is_not_as_it_was_made_nothing_is_signed_nothing_read_and_no_other_made(
    what: str, bench: Bench, run: Run
) -> None:
    made = bench.filled(bench.issue("referral"), REFERRAL)
    bench.journal.rotate_key(NOON)
    again = bench.filled(bench.issue("referral"), REFERRAL)
    (bench.root / "lähete.docx").write_bytes(made)
    file = folder(bench) / f"{bench.journal.keys.current}.key"
    key = file.read_bytes()
    WRONG[what](file)
    rows = bench.journal.list_signing_keys()
    kept = tree(bench.root / "outbox")
    for words in (("generate", "referral"), ("read", "lähete.docx")):
        said = run(*words, at=bench.root)
        assert (said.code, said.out) == (5, ""), words
        assert re.search(r"var/keys|chmod|chown|palaut|Palaut", said.err), said.err
        assert key.hex() not in said.err
    assert tree(bench.root / "outbox") == kept
    assert bench.journal.list_signing_keys() == rows
    dropped = bench.drop(again)
    for _ in range(bench.workspace.office.intake.attempts + 2):
        bench.intake.arrivals.receive_file(dropped, "folder")
        with pytest.raises(OutOfReach):
            bench.intake.process_submission(bench.journal.find_submissions()[-1].submission_id)
    (row,) = bench.journal.find_submissions()
    assert (row.outcome, row.attempts) == (None, 0), "the form is not blamed"
    assert run("status", at=bench.root).code == 1
    said = run("verify", "--json", at=bench.root)
    assert (said.code, len(said.json["problems"]) >= 1) == (1, True)


def test_a_key_that_others_may_read_is_used_again_when_it_is_mended_as_told(bench: Bench, run: Run) -> None:
    bench.issue("referral")
    for place in (next(folder(bench).iterdir()), folder(bench)):
        place.chmod(0o777)
        said = run("generate", "referral", at=bench.root)
        mended = re.search(r"chmod .*", said.err)
        assert mended
        subprocess.run(shlex.split(mended[0].strip()), check=True)
    assert run("generate", "referral", at=bench.root).code == 0


def test_a_well_made_key_that_was_not_written_down_signs_and_recognises_nothing(bench: Bench, run: Run) -> None:
    made = bench.issue("referral")
    stranger = generate_key()
    write_key(folder(bench), stranger)
    future = 4 * 10**9
    os.utime(folder(bench) / f"{name_key(stranger)}.key", (future, future))
    identity = Identity(made.form, made.version, UUID(made.instance_id))
    forged = identity.sign_token(Keyring({name_key(stranger): stranger}, name_key(stranger)))
    ours = identity.sign_token(bench.journal.keys)
    data = changed(bench.filled(made, REFERRAL), lambda _, text: text.replace(ours, forged))
    assert bench.returned(data).code == "bad_identity"
    assert bench.journal.find_issued_document(bench.issue("referral").instance_id).key != name_key(stranger)
    problems = run("verify", "--json", at=bench.root).json["problems"]
    assert [problem for problem in problems if name_key(stranger) in problem] == problems != []


def test_keys_of_which_nothing_is_written_down_any_more_are_not_made_anew(bench: Bench, run: Run) -> None:
    bench.issue("referral")
    with closing(sqlite3.connect(bench.workspace.var / "formgen.db", isolation_level=None)) as raw:
        raw.execute("DELETE FROM signing_keys")
    said = run("generate", "referral", at=bench.root)
    assert (said.code, "var/keys" in said.err) == (5, True)
    assert len(list(folder(bench).iterdir())) == 1


def test_a_workspace_whose_key_is_lost_for_good_goes_on_with_a_new_one_when_a_person_says_so(
    bench: Bench, run: Run
) -> None:
    made = bench.filled(bench.issue("referral"), REFERRAL)
    old = bench.journal.keys.current
    (folder(bench) / f"{old}.key").unlink()
    assert run("generate", "referral", at=bench.root).code == 5
    assert run("keys", "rotate", at=bench.root).code == 0
    assert run("generate", "referral", at=bench.root).code == 5
    assert run("keys", "revoke", old, "--reason", "levy rikki", at=bench.root).code == 0
    assert run("generate", "referral", at=bench.root).code == 0
    assert bench.returned(made).code == "bad_identity"
    assert old in str(run("verify", "--json", at=bench.root).json["problems"])


def test_a_new_workspace_does_not_take_up_a_key_that_somebody_has_laid_there(bench: Bench) -> None:
    bench.journal.engine.dispose()
    for file in bench.workspace.var.glob("formgen.db*"):
        file.unlink()
    write_key(folder(bench), b"k" * 32)
    assert bench.restarted().journal.ensure_signing_keys(NOON).current != name_key(b"k" * 32)


# --- revoked --------------------------------------------------------------------------------------


def revoked(bench: Bench, run: Run) -> str:
    """Return the key that has signed until now, which is revoked."""
    old = bench.journal.keys.current
    assert run("keys", "rotate", at=bench.root).code == 0
    assert run("keys", "revoke", old, "--reason", "varmuuskopio hukassa", at=bench.root).code == 0
    return old


@pytest.mark.parametrize("format_name", ["docx", "pdf"])
def test_what_a_revoked_key_has_signed_is_recognised_and_needs_a_person(
    format_name: str, bench: Bench, run: Run
) -> None:
    made = bench.issue("referral", format_name=format_name)
    data = bench.filled(made, REFERRAL)
    old = revoked(bench, run)
    row = bench.returned(data, f"lähete.{format_name}")
    assert (row.outcome, row.form, row.instance_id) == ("review", "referral", made.instance_id)
    assert [error["message"] for error in json.loads(row.reason)["errors"]] == [REVOKED.format(key=old)]
    assert run("review", "accept", row.submission_id, at=bench.root).code == 0
    assert bench.row(row.submission_id).outcome == "accepted"
    assert bench.send("referral", {**REFERRAL, "client_last_name": "Toinen"}).outcome == "accepted"


def test_the_code_on_a_page_by_a_revoked_key_needs_a_person(bench: Bench, run: Run) -> None:
    data = bench.filled(bench.issue("referral", format_name="pdf"), REFERRAL)
    old = revoked(bench, run)
    sheet = bench.intake.decision_engine.reader.read_document(FLATTENERS["pdftocairo"](data, bench.root))
    assert set(sheet.tokens) == {"qr"}
    about = bench.intake.decision_engine.identifier.identify(sheet, NOON)
    assert [found.values for found in about.doubts if found.message == REVOKED] == [{"key": old}]
    assert about.key == old


def test_a_document_without_tokens_stands_on_the_key_that_it_was_issued_with(bench: Bench, run: Run) -> None:
    made = bench.issue("referral")
    data = carriers_changed(bench.filled(made, REFERRAL), lambda *_: "")
    old = revoked(bench, run)
    row = bench.returned(data)
    assert row.instance_id == made.instance_id
    assert REVOKED.format(key=old) in row.reason


def test_a_reply_to_what_a_revoked_key_has_signed_makes_it_no_better(bench: Bench, run: Run) -> None:
    before = bench.returned(bench.filled(bench.issue("referral"), {**REFERRAL, "client_hetu": "010101-123X"}))
    late = bench.filled(bench.issue("referral"), {**REFERRAL, "client_hetu": "010101-123X"})
    old = revoked(bench, run)
    after = bench.returned(late)
    for row in (before, after):
        assert row.outcome == "rejected"
        data = formats.load_formats()["docx"].fill_document(reply(bench, row), {"client_hetu": REFERRAL["client_hetu"]})
        mended = bench.returned(data)
        assert mended.outcome == "review"
        assert REVOKED.format(key=old) in mended.reason


def test_what_waits_by_a_revoked_key_is_not_accepted_when_its_time_comes(at: Callable[[str], Bench], run: Run) -> None:
    bench = at("decided")
    case_id = bench.case().case_id
    waiting = bench.send("job_start", JOB, case_id)
    assert waiting.outcome == "waiting"
    old = revoked(bench, run)
    assert bench.send("cooperation_agreement", AGREEMENT, case_id).outcome == "accepted"
    row = bench.row(waiting.submission_id)
    assert (row.outcome, REVOKED.format(key=old) in row.reason) == ("review", True)


def test_the_key_that_signs_cannot_be_revoked_nor_one_that_is_not_there_nor_one_twice(bench: Bench, run: Run) -> None:
    bench.issue("referral")
    old = bench.journal.keys.current
    for name in (old, "00000000", ""):
        assert run("keys", "revoke", name, at=bench.root).code == 2
    assert bench.journal.keys.revoked == frozenset()
    revoked(bench, run)
    assert run("keys", "revoke", old, at=bench.root).code == 2
    (row, _) = run("keys", "list", "--json", at=bench.root).json
    assert (row["state"], row["reason"], bool(row["revoked_at"])) == ("revoked", "varmuuskopio hukassa", True)
    assert "varmuuskopio hukassa" in run("keys", "list", at=bench.root).out


# --- forged ---------------------------------------------------------------------------------------

RING = Keyring({name: hashlib.sha256(name.encode()).digest() for name in ("0badcafe", "3f9a1c07")}, "0badcafe")
REST = RING._replace(current="3f9a1c07")
SIGNS = string.ascii_letters + string.digits + ":./-_ \n\0é"
IDENTITIES = [
    Identity(form, version, UUID(int=number))
    for form, version, number in itertools.product(("referral", "job_start"), ("2026.1", "2027.1"), (1, 2**127 + 1))
]


def signed() -> list[str]:
    """Return tokens and codes of pages, of several documents by two keys."""
    both = list(itertools.product(IDENTITIES, (RING, REST)))
    marks = [identity.sign_page_mark(ring, page, 2, "0badcafe") for identity, ring in both for page in (1, 2)]
    return [identity.sign_token(ring) for identity, ring in both] + marks


def mutated(true: list[str], chance: random.Random) -> Iterator[str]:
    """Yield what somebody may make of tokens without a key: every change of one sign, cuts, parts of two together."""
    for token in true[::7]:
        for place, sign in itertools.product(range(len(token) + 1), SIGNS):
            yield token[:place] + sign + token[place + 1 :]
            yield token[:place] + sign + token[place:]
        for place in range(len(token)):
            yield from (token[:place], token[place:], token[:place] + token[place + 1 :])
            yield token[:place] + token[place:].swapcase()
    for one, two in itertools.permutations(true, 2):
        parts, others = one.split(":"), two.split(":")
        for number in range(min(len(parts), len(others))):
            yield ":".join([*parts[:number], others[number], *parts[number + 1 :]])
            yield ":".join([*parts[:number], *others[number:]])
    for token in true * 100:
        signs = list(token)
        for _ in range(chance.randint(1, 4)):
            signs[chance.randrange(len(signs))] = chance.choice(SIGNS)
        yield "".join(signs)


def test_no_token_and_no_code_that_was_not_signed_is_taken_for_one() -> None:
    true = signed()
    assert all(RING.verify_identity(token) for token in true)
    forged = set(mutated(true, random.Random(1))) - set(true)
    assert len(forged) > 100_000
    assert [token for token in forged if RING.verify_identity(token)] == []
    assert [token for token in true if RING._replace(keys={"0badcafe": b"x" * 32}).verify_identity(token)] == []

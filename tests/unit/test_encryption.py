"""What is kept can be sealed: with the key it is as before, without it nothing can be read and nothing is changed."""

from __future__ import annotations

import io
import json
import sqlite3
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from formgen.encryption import CHUNK, NO_ENCRYPTION, SALT, TAG, Encryptor, build_encryptor, load_encryptor
from formgen.errors import OutOfReach, UsageError
from formgen.reports import integrity
from formgen.settings import WorkspaceFolder
from formgen.storage import rekey
from formgen.storage.access_log import Actor
from tests.conftest import AGREEMENT, JOB, NOON, REFERRAL, SETTINGS, Bench, saved_again, tree
from tests.journeys.test_cli import COMMANDS, Run, run

__all__ = ["run"]  # the fixture of the command line
At = Callable[[str], Bench]
ONE, OTHER = Encryptor(b"1" * 32), Encryptor(b"2" * 32)
HOLD = {"reason": "sairausloma", "start": "2026-06-01", "next_contact": "2026-06-09"}
SECRETS = ("Metsälä", "sairausloma", JOB["employer_name"], REFERRAL["client_hetu"])
pytestmark = pytest.mark.usefixtures("unwalled")


def key_file(folder: Path, encryptor: Encryptor) -> Path:
    """Return a file that holds a key and is its owner's."""
    file = folder / f"{encryptor.name}.key"
    file.write_bytes(b64encode(encryptor.key) + b"\n")
    file.chmod(0o600)
    return file


def keyed(root: Path, encryptor: Encryptor) -> Path:
    """Return a workspace whose settings name a key, or none."""
    root.mkdir(exist_ok=True)
    setting = f'[encryption]\nkey_file = "{key_file(root.parent, encryptor)}"\n' if encryptor.key else ""
    (root / "formgen.toml").write_text(f"{SETTINGS}{setting}", encoding="utf-8")
    return root


def walked(bench: Bench) -> Bench:
    """Return a workspace in which a case has come far, with one return of every outcome."""
    case_id = bench.returned(bench.filled(bench.issue("referral"), REFERRAL), "Metsälä.docx").case_id
    early = bench.send("job_start", JOB, case_id)
    assert early.outcome == "rejected" or early.waits_for
    bench.journal.add_manual_step(bench.case(), "T26", HOLD, NOON)
    assert bench.returned(b"no form").outcome == "rejected"
    return bench


# --- sealing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 7])
def test_a_sealed_file_opens_to_what_it_was_and_any_other_bytes_do_not(tmp_path: Path, size: int) -> None:
    import hashlib

    data = bytes(range(251)) * (size // 251 + 1)
    data = data[:size]
    digest = hashlib.sha256(data).hexdigest()
    out = io.BytesIO()
    with ONE.encrypt_stream(out) as stream:
        for start in range(0, size, 777_777):
            stream.write(data[start : start + 777_777])
    sealed, file = out.getvalue(), ONE.locate_file(tmp_path, digest)
    file.write_bytes(sealed)
    assert ONE.read_file(tmp_path, digest) == data
    assert data[:1000] not in sealed or size < 20
    piece = CHUNK + TAG
    pieces = [sealed[start : start + piece] for start in range(SALT, len(sealed), piece)]
    damaged = [
        sealed[:-1],
        sealed + b"x",
        sealed[:SALT],
        bytes([sealed[0] ^ 1]) + sealed[1:],
        sealed[:-1] + bytes([sealed[-1] ^ 1]),
        *([sealed[:SALT] + b"".join(pieces[:-1])] if len(pieces) > 1 else []),
        *([sealed[:SALT] + b"".join([*pieces[1::-1], *pieces[2:]])] if len(pieces) > 1 else []),
    ]
    for bad in damaged:
        file.write_bytes(bad)
        with pytest.raises(OutOfReach):
            ONE.read_file(tmp_path, digest)


def test_a_sealed_text_opens_in_its_own_place_with_its_own_key_only() -> None:
    sealed = ONE.encrypt_text("payload:1", "Metsälä")
    assert ONE.decrypt_text("payload:1", sealed) == "Metsälä"
    assert sealed != ONE.encrypt_text("payload:1", "Metsälä")
    for encryptor, name, text in (
        (ONE, "payload:2", sealed),
        (OTHER, "payload:1", sealed),
        (ONE, "payload:1", "plain"),
    ):
        with pytest.raises(OutOfReach) as told:
            encryptor.decrypt_text(name, text)
        assert "Metsälä" not in str(told.value)
    assert "1111" not in repr(ONE)
    assert (
        NO_ENCRYPTION.encrypt_text("a", "b"),
        NO_ENCRYPTION.decrypt_text("a", "b"),
        NO_ENCRYPTION.compute_digest("b"),
    ) == ("b", "b", "b")


# --- the key ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "abc", b64encode(b"1" * 31).decode(), "ä" * 44, b64encode(b"1" * 33).decode()])
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UsageError) as told:
        build_encryptor(text)
    assert not text or text not in str(told.value)


def test_a_key_is_written_in_either_base64() -> None:
    key = bytes(range(224, 256))
    assert (
        build_encryptor(b64encode(key).decode())
        == build_encryptor(b64encode(key, b"-_").decode() + "\n")
        == Encryptor(key)
    )


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o620, 0o602])
def test_a_key_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    file = key_file(tmp_path, ONE)
    assert load_encryptor(file, tmp_path / "työtila") == ONE
    file.chmod(mode)
    with pytest.raises(UsageError, match="chmod 600"):
        load_encryptor(file, tmp_path / "työtila")


def test_a_key_in_the_workspace_is_refused_wherever_it_lies(workspace: WorkspaceFolder, run: Run) -> None:
    (workspace.root / "linkki").symlink_to(workspace.root.parent)
    for setting in (
        f'key_file = "{key_file(workspace.var, ONE)}"',
        f'key_file = "{key_file(workspace.var, ONE).relative_to(workspace.root)}"',
        f'key_file = "linkki/työtila/var/{ONE.name}.key"',
        f'key = "{b64encode(ONE.key).decode()}"',
    ):
        (workspace.root / "formgen.toml").write_text(f"[encryption]\n{setting}\n", encoding="utf-8")
        said = run("status", at=workspace.root)
        assert (said.code, said.out) == (2, "")
        assert b64encode(ONE.key).decode() not in said.err


def test_a_key_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORMGEN_ENCRYPTION__KEY", b64encode(ONE.key).decode())
    assert WorkspaceFolder(tmp_path).encryptor == ONE


def test_a_key_file_that_is_gone_is_out_of_reach(tmp_path: Path, run: Run) -> None:
    root = keyed(tmp_path / "työtila", ONE)
    key_file(tmp_path, ONE).unlink()
    said = run("status", at=root)
    assert (said.code, said.out) == (5, "")


# --- a sealed workspace -------------------------------------------------------------------------


def leaks(root: Path) -> list[tuple[str, str]]:
    """Return the files of the private folder in which something of a person can be read, and what."""
    files = tree(root / "var")
    return [(name, secret) for name, data in files.items() for secret in SECRETS if secret.encode() in data]


def test_a_sealed_workspace_does_all_that_a_plain_one_does_and_keeps_nothing_readable(tmp_path: Path, run: Run) -> None:
    root = keyed(tmp_path / "työtila", ONE)
    bench = walked(Bench(root))
    referral = bench.journal.find_submissions()[0]
    original = bench.intake.read_original(referral)
    assert bench.returned(original).outcome == "duplicate"
    assert bench.returned(saved_again(original)).outcome == "duplicate"
    assert bench.send("cooperation_agreement", AGREEMENT, referral.case_id).outcome in ("accepted", "rejected")
    assert run("verify", at=root).code == 0
    assert leaks(root) == []
    assert {file.suffix for file in bench.workspace.originals.iterdir()} == {f".{ONE.name}"}
    with sqlite3.connect(root / "var" / "formgen.db") as raw:
        names = {name for (name,) in raw.execute("SELECT file_name FROM submissions")}
    assert not any(name.endswith(".docx") for name in names)


def test_what_was_sealed_and_tampered_with_is_told(tmp_path: Path, run: Run) -> None:
    bench = walked(Bench(keyed(tmp_path / "työtila", ONE)))
    file = sorted(bench.workspace.originals.iterdir())[0]
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    said = run("verify", "--json", at=bench.root)
    assert said.code == 1
    assert [problem for problem in said.json["problems"] if file.name in problem]


LACKING = {("--help",)} | {
    (name, *rest)
    for name, *rest in COMMANDS
    if name in ("forms", "templates", "process", "schemas", "demo", "simulate", "errors")
}
GIVEN = {
    "cases show": ["PK-2026-00001"],
    "cases hold": ["PK-2026-00001", "--start", "1.6.2026", "--next-contact", "9.6.2026"],
    "cases resume": ["PK-2026-00001", "--end", "9.6.2026"],
    "cases accept": ["PK-2026-00001"],
    "generate": ["referral"],
    "archive": ["01980000-0000-7000-8000-000000000001"],
    "read": ["../palautus.docx"],
    "submit": ["../palautus.docx"],
    "watch": ["--once"],
    "review show": ["x"],
    "review accept": ["x"],
    "review reject": ["x"],
    "keys revoke": ["x"],
    "init": ["."],
}


@pytest.mark.parametrize("lost", [NO_ENCRYPTION, OTHER], ids=["lost", "wrong"])
def test_without_the_key_every_command_says_so_and_changes_nothing(lost: Encryptor, tmp_path: Path, run: Run) -> None:
    root = keyed(tmp_path / "työtila", ONE)
    bench = walked(Bench(root))
    (tmp_path / "palautus.docx").write_bytes(bench.filled(bench.issue("referral"), REFERRAL))
    bench.drop(b"lies there")
    bench.journal.engine.dispose()
    keyed(root, lost)
    before = tree(root)
    for words in COMMANDS:
        if words in LACKING:
            continue
        said = run(*words, *GIVEN.get(" ".join(words), []), at=root)
        assert (said.code, said.out) == (5, ""), (words, said)
        assert ONE.name in said.err, words
    after = tree(root)
    gone = {"var/formgen.db-wal", "var/formgen.db-shm", "var/intake.lock"}
    assert {name: data for name, data in after.items() if name not in gone} == {
        name: data for name, data in before.items() if name not in gone
    }
    keyed(root, ONE)
    assert run("verify", at=root).code == 0


# --- on, off, and to another key ----------------------------------------------------------------


def test_a_plain_workspace_with_a_key_in_its_settings_is_to_be_sealed_first(at: At, run: Run) -> None:
    bench = at("referred")
    bench.journal.engine.dispose()
    before = tree(bench.root / "outbox")
    keyed(bench.root, ONE)
    said = run("status", at=bench.root)
    assert (said.code, "formgen encrypt" in said.err) == (5, True)
    assert tree(bench.root / "outbox") == before


def test_encryption_is_turned_on_changed_and_turned_off(tmp_path: Path, run: Run) -> None:
    root = keyed(tmp_path / "työtila", NO_ENCRYPTION)
    bench = walked(Bench(root))
    bench.journal.engine.dispose()
    assert leaks(root)
    before = tree(root / "outbox")
    old: list[str] = []
    for encryptor in (ONE, OTHER, NO_ENCRYPTION):
        keyed(root, encryptor)
        said = run("encrypt", *old, "--json", at=root)
        assert (said.code, said.json) == (0, {"key": encryptor.name if encryptor.key else None})
        assert run("encrypt", "--json", at=root).code == 0
        assert (leaks(root) == []) is bool(encryptor.key)
        assert run("verify", at=root).code == 0
        again = Bench(root)
        first = again.journal.find_submissions()[0]
        assert first.file_name.endswith(".docx")
        assert again.returned(saved_again(again.intake.read_original(first))).outcome == "duplicate"
        again.journal.engine.dispose()
        old = ["--old-key", str(key_file(tmp_path, encryptor))] if encryptor.key else []
    after = tree(root / "outbox")
    assert {name: data for name, data in after.items() if name in before and name != "feed.ndjson"} == {
        name: data for name, data in before.items() if name != "feed.ndjson"
    }
    assert after["feed.ndjson"].startswith(before["feed.ndjson"])


def test_why_a_key_was_revoked_is_sealed_and_read_back(tmp_path: Path, run: Run) -> None:
    root, remark = keyed(tmp_path / "työtila", NO_ENCRYPTION), "Testaaja Metsälän kone varastettiin"
    bench = Bench(root)
    bench.issue("referral")
    (first,) = bench.journal.list_signing_keys()
    bench.journal.rotate_key(NOON)
    bench.journal.revoke_key(first.name, remark, NOON)
    bench.journal.engine.dispose()
    for encryptor in (ONE, NO_ENCRYPTION):
        keyed(root, encryptor)
        old = [] if encryptor.key else ["--old-key", str(key_file(tmp_path, ONE))]
        assert run("encrypt", *old, at=root).code == 0
        assert (remark.encode() in (root / "var" / "formgen.db").read_bytes()) is not bool(encryptor.key)
        again = Bench(root)
        assert {key.remark for key in again.journal.list_signing_keys()} == {None, remark}
        assert first.name in again.journal.keys.revoked
        again.journal.engine.dispose()
        assert run("verify", at=root).code == 0


def test_a_wrong_old_key_changes_nothing(tmp_path: Path, run: Run) -> None:
    root = keyed(tmp_path / "työtila", ONE)
    walked(Bench(root)).journal.engine.dispose()
    third = Encryptor(b"3" * 32)
    keyed(root, OTHER)
    before = tree(root / "var" / "originals")
    assert run("encrypt", "--old-key", str(key_file(tmp_path, third)), at=root).code == 5
    assert run("encrypt", at=root).code == 5
    assert tree(root / "var" / "originals") == before
    keyed(root, ONE)
    assert run("verify", at=root).code == 0


@pytest.mark.parametrize("stop", ["digests", "sealed_anew", "after"])
def test_a_crash_as_encryption_is_turned_on_loses_nothing(
    tmp_path: Path, stop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = keyed(tmp_path / "työtila", NO_ENCRYPTION)
    walked(Bench(root)).journal.engine.dispose()
    keyed(root, ONE)
    workspace = WorkspaceFolder(root)

    class Killed(BaseException):
        """The process is gone."""

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as crash:
        if stop == "digests":
            crash.setattr(rekey.files, "sync_stream", die)
        elif stop == "sealed_anew":
            crash.setattr(rekey, "reencrypt_database", die)
        else:
            crash.setattr(Path, "iterdir", die)
        with pytest.raises(Killed):
            rekey.reencrypt_workspace(workspace, NO_ENCRYPTION, Actor("testi"), NOON)
    rekey.reencrypt_workspace(workspace, NO_ENCRYPTION, Actor("testi"), NOON)
    bench = Bench(root)
    assert leaks(root) == []
    assert list(integrity.find_flaws(bench.workspace, bench.journal)) == []


def test_a_process_that_was_at_work_before_the_key_changed_writes_nothing(tmp_path: Path) -> None:
    root = keyed(tmp_path / "työtila", NO_ENCRYPTION)
    bench = walked(Bench(root))
    keyed(root, ONE)
    rekey.reencrypt_workspace(WorkspaceFolder(root), NO_ENCRYPTION, Actor("testi"), NOON)
    with pytest.raises(OutOfReach, match="uudelleen"):
        bench.issue("referral")
    assert json.loads(Bench(root).journal.find_submissions()[0].source and "true")

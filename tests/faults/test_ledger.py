"""What is kept is what was written: whatever is changed, moved, removed or put in behind our back is seen."""

from __future__ import annotations

import importlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from formgen.errors import OutOfReach
from formgen.formats import pdf
from formgen.reports import integrity
from formgen.settings import WorkspaceFolder
from formgen.storage import ledger
from formgen.storage.access_log import (
    Head,
    HeadFile,
    build_row_name,
    compute_row_digest,
    is_valid_line,
    iter_chain_links,
)
from formgen.storage.database import HEAD_FILE_NAME
from formgen.storage.tables import metadata, steps
from tests.conftest import AGREEMENT, DECISION, JOB, NOON, REFERRAL, SETTINGS, WALK, Bench, saved_again, tree
from tests.journeys.test_cli import Run, run
from tests.journeys.test_intake import with_stray
from tests.support.foreign import flattened
from tests.unit.test_encryption import HOLD, NO_ENCRYPTION, ONE, OTHER, key_file, keyed

__all__ = ["run"]  # the fixture of the command line
VAULTS = {"plain": NO_ENCRYPTION, "sealed": ONE}
FLEETING = {("submissions", "attempts")}  # how often a return has been tried says nothing of what became of it
OURS = ("formgen.db", "formgen.db-wal", "formgen.db-shm", HEAD_FILE_NAME)
pytestmark = pytest.mark.usefixtures("unwalled")


def told(bench: Bench) -> None:
    """Let a workspace hold a row of every kind: returns of every outcome, a correction, a reply, a hold."""
    made = bench.issue("referral")
    data = bench.filled(made, REFERRAL)
    case_id = bench.returned(data).case_id
    bench.send(WALK[1]["form"], DECISION, case_id)
    bench.returned(data)
    bench.returned(saved_again(data))
    bench.returned(bench.filled(made, {**REFERRAL, "client_phone": "040 765 4321"}))
    bench.send("job_start", JOB, case_id)
    bench.send("cooperation_agreement", {}, case_id)
    bench.returned(with_stray(bench.filled(bench.issue("cooperation_agreement", case_id), AGREEMENT)))
    bench.returned(b"no form")
    bench.journal.add_manual_step(bench.case(), "T26", HOLD, NOON)
    bench.journal.rotate_key(NOON)
    old = next(row.name for row in bench.journal.list_signing_keys() if row.state == "good")
    bench.journal.revoke_key(old, "koe", NOON)
    bench.journal.log_reads(NOON, {"case_id": case_id}, {"case_id": "*"})
    bench.drop(b"arrived, and no more")
    bench.intake.arrivals.receive_file(next(bench.workspace.inbox.iterdir()))
    bench.journal.engine.dispose()


@pytest.fixture(scope="module")
def walked_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that gives a workspace with a row of every kind, plain or sealed."""
    patched = pytest.MonkeyPatch()
    from formgen import formats
    from formgen.sandbox import reader_pool

    patched.setattr(reader_pool, "read", lambda data, papers, _: formats.read_document(data, papers))
    made = {}
    for name, encryptor in VAULTS.items():
        made[name] = keyed(tmp_path_factory.mktemp(name) / "työtila", encryptor)
        told(Bench(made[name]))
    patched.undo()
    return made.__getitem__


@pytest.fixture(params=list(VAULTS))
def root(request: pytest.FixtureRequest, walked_once: Callable[[str], Path], tmp_path: Path) -> Path:
    """Return a workspace with a row of every kind, plain or sealed."""
    place = tmp_path / "työtila"
    shutil.copytree(walked_once(request.param), place)
    return keyed(place, VAULTS[request.param])


@contextmanager
def opened(root: Path) -> Iterator[Any]:
    """Yield a connection to the database as somebody has it who is not formgen; no trigger is in the way meanwhile."""
    with closing(sqlite3.connect(root / "var" / "formgen.db", isolation_level=None)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
        for name, sql in triggers:
            if name not in there:
                connection.execute(sql)


def columns(root: Path) -> list[tuple[str, str]]:
    """Return every column of every table that holds what was written, not of what rests at the moment."""
    with opened(root) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        mine = [name for name in names if not name.startswith(("alembic", "sqlite", "encryption_state", "problems"))]
        return [(name, row[1]) for name in mine for row in connection.execute(f"PRAGMA table_info({name})")]


def tables(root: Path) -> list[str]:
    """Return every table that holds what was written."""
    return list(dict.fromkeys(table for table, _ in columns(root)))


def every(root: Path, run: Run, statements: dict[str, list[str]]) -> dict[str, int]:
    """Return with what code ``verify`` ends after each kind of tampering, every one done to the same workspace."""
    kept = {name: data for name, data in tree(root / "var").items() if name in OURS}
    ended = {}
    for what, given in statements.items():
        with opened(root) as connection:
            for statement in given:
                assert connection.execute(statement).rowcount, statement
        ended[what] = run("verify", "--json", at=root).code
        for name in OURS:
            (root / "var" / name).unlink(missing_ok=True)
        for name, data in kept.items():
            (root / "var" / name).write_bytes(data)
    return ended


def other(column: str) -> str:
    """Return an expression for another value than a column has."""
    number = f"WHEN typeof({column}) = 'integer' THEN {column} + 1000"
    return f"CASE WHEN {column} IS NULL THEN 'x' {number} ELSE {column} || 'x' END"


# --- rows -----------------------------------------------------------------------------------------


def test_a_row_of_every_kind_is_there_and_all_is_as_it_was_written(root: Path, run: Run) -> None:
    with opened(root) as connection:
        empty = [name for name in tables(root) if not connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]]
        outcomes = {outcome for (outcome,) in connection.execute("SELECT outcome FROM submissions")}
    assert empty == []
    assert outcomes == {"accepted", "duplicate", "rejected", "review", "waiting", None}
    assert run("verify", at=root).code == 0


def test_a_change_of_any_column_of_any_table_is_seen(root: Path, run: Run) -> None:
    statements = {}
    for table, column in columns(root):
        for place in ("ASC", "DESC"):
            where = f"rowid = (SELECT rowid FROM {table} ORDER BY rowid {place} LIMIT 1)"
            statements[f"{table}.{column} {place}"] = [f"UPDATE {table} SET {column} = {other(column)} WHERE {where}"]
    assert len(statements) > 140
    ended = every(root, run, statements)
    unseen = {tuple(what.split()[0].split(".")) for what, code in ended.items() if code == 0}
    assert unseen == FLEETING


def test_a_value_that_is_taken_away_or_put_where_there_was_none_is_seen(root: Path, run: Run) -> None:
    statements = {}
    with opened(root) as connection:
        for table, column in columns(root):
            nullable = not next(r for r in connection.execute(f"PRAGMA table_info({table})") if r[1] == column)[3]
            for value, there in (("NULL", "NOT NULL"), ("''", "NULL")):
                (number,) = connection.execute(f"SELECT count(*) FROM {table} WHERE {column} IS {there}").fetchone()
                if nullable and number and (table, column) not in FLEETING:
                    where = f"rowid = (SELECT max(rowid) FROM {table} WHERE {column} IS {there})"
                    statements[f"{table}.{column} {value}"] = [f"UPDATE {table} SET {column} = {value} WHERE {where}"]
    assert len(statements) > 30
    ended = every(root, run, statements)
    assert [what for what, code in ended.items() if code == 0] == []


def test_a_row_that_is_deleted_doubled_or_put_in_is_seen_in_any_table(root: Path, run: Run) -> None:
    statements = {}
    for table in tables(root):
        for place in ("min", "max"):
            where = f"rowid = (SELECT {place}(rowid) FROM {table})"
            statements[f"{table} deleted {place}"] = [f"DELETE FROM {table} WHERE {where}"]
        statements[f"{table} emptied"] = [f"DELETE FROM {table}"]
        names = [column for name, column in columns(root) if name == table]
        copied = ", ".join(other(name) for name in names)
        statements[f"{table} put in"] = [
            f"INSERT INTO {table} ({', '.join(names)}) SELECT {copied} FROM {table} ORDER BY rowid DESC LIMIT 1"
        ]
        statements[f"{table} doubled"] = [
            f"CREATE TABLE other AS SELECT * FROM {table}",
            f"DROP TABLE {table}",
            f"ALTER TABLE other RENAME TO {table}",
            f"INSERT INTO {table} SELECT * FROM {table} LIMIT 1",
        ]
    ended = every(root, run, statements)
    assert [what for what, code in ended.items() if code == 0] == []


def test_a_record_that_is_moved_to_another_case_with_all_that_goes_with_it_is_seen(root: Path, run: Run) -> None:
    with opened(root) as connection:
        connection.execute("INSERT INTO cases SELECT 'PK-2026-00002', prefix, year, 2, opened_at, previous FROM cases")
        for table in ("records", "submissions", "steps", "access", "issued"):
            connection.execute(f"UPDATE {table} SET case_id = 'PK-2026-00002' WHERE case_id IS NOT NULL")
    (root / "outbox" / "records" / "PK-2026-00001").rename(root / "outbox" / "records" / "PK-2026-00002")
    said = run("verify", "--json", at=root)
    assert said.code == 1
    assert any("records:" in problem for problem in said.json["problems"])


def test_a_row_that_is_removed_and_of_which_the_log_says_so_is_none_that_is_missed(root: Path, run: Run) -> None:
    bench = Bench(root)
    with bench.journal.begin_transaction() as connection:
        (name, row) = next(bench.journal.iter_named_rows(steps))
        connection.execute(steps.delete().where(steps.c.case_id == row["case_id"], steps.c.seq == row["seq"]))
        bench.journal.log_access(connection, "changed", row["at"], case_id=row["case_id"], written=name)
    bench.journal.engine.dispose()
    assert run("verify", at=root).code == 0
    with opened(root) as connection:
        names = ", ".join(row)
        connection.execute(f"INSERT INTO steps ({names}) VALUES ({', '.join('?' * len(row))})", list(row.values()))
    assert run("verify", at=root).code == 1


def test_two_rows_whose_contents_change_places_are_seen(root: Path, run: Run) -> None:
    ended = every(
        root,
        run,
        {
            "outcomes": [
                "CREATE TEMP TABLE kept AS SELECT * FROM submissions",
                "UPDATE submissions SET reason = (SELECT reason FROM kept WHERE outcome = 'review'), "
                "outcome = 'review' WHERE outcome = 'waiting'",
            ],
            "payloads": [
                "CREATE TEMP TABLE kept AS SELECT * FROM records",
                "UPDATE records SET payload = (SELECT payload FROM kept WHERE kept.record_id != records.record_id)",
            ],
        },
    )
    assert set(ended.values()) == {1}


# --- as they are used ------------------------------------------------------------------------------

USED = {  # a row that decides, changed while it is used
    "the case of a document": "UPDATE issued SET case_id = 'PK-2026-00001'",
    "what a document went out with": "UPDATE issued SET omitted = 'client_phone'",
    "a key that is not trusted": "UPDATE signing_keys SET state = 'good' WHERE state = 'revoked'",
    "the line about a document": "UPDATE access SET digest = '0' WHERE written LIKE 'issued:%'",
    "a document and the line about it": (
        "UPDATE issued SET corrects = 'x'; UPDATE access SET actor = 'x' WHERE written LIKE 'issued:%'"
    ),
}


@pytest.mark.parametrize("what", USED)
def test_what_is_not_as_it_was_written_is_not_used(what: str, root: Path) -> None:
    bench = Bench(root)
    made = bench.issue("referral")
    data = bench.filled(made, {**REFERRAL, "client_hetu": "020292-9111", "client_birth_date": "2.2.1992"})
    before = {name: part for name, part in tree(root / "var").items() if name in OURS}
    with opened(root) as connection:
        connection.executescript(USED[what])
    with pytest.raises(OutOfReach) as refused:
        bench.intake.decision_engine.decide_file(data, NOON)
    assert refused.value.remedy == "verify"
    bench.journal.engine.dispose()
    for name in OURS:
        (root / "var" / name).unlink(missing_ok=True)
    for name, part in before.items():
        (root / "var" / name).write_bytes(part)
    assert Bench(root).intake.decision_engine.decide_file(data, NOON).outcome == "accepted"


def test_a_layout_that_is_not_as_it_was_made_is_not_used(root: Path, run: Run) -> None:
    bench = Bench(root)
    made = bench.issue("referral", format_name="pdf")
    (file,) = (root / "var" / "layouts").glob("*.pdf")
    good = file.read_bytes()
    assert run("verify", at=root).code == 0
    file.write_bytes(good + b"% altered")
    said = run("verify", "--json", at=root)
    assert (said.code, [file.name in problem for problem in said.json["problems"]]) == (1, [True])
    with pytest.raises(OutOfReach, match=file.name):
        bench.intake.decision_engine.reader.read_document(flattened(Path(made.path).read_bytes()))
    importlib.import_module(
        "formgen.formats.pdf.layout"
    ).find_or_build_layout.cache_clear()  # the name is the function's too
    bench.issue("referral", format_name="pdf")
    assert b"% altered" not in file.read_bytes()
    assert run("verify", at=root).code == 0
    file.rename(file.with_name("0badcafe.pdf"))
    assert pdf.load_layout("0badcafe", file.parent, bench.journal) is None
    assert run("verify", at=root).code == 1


# --- what is in the database besides rows ----------------------------------------------------------


def strange_parts() -> dict[str, str]:
    """Return what somebody may put into the database so that formgen itself writes or sees what is not true."""
    found = {
        f"a trigger {when} {change} {table}": (
            f"CREATE TRIGGER x {when} {change} ON {table} BEGIN DELETE FROM problems; END"
        )
        for table in metadata.tables
        for when in ("BEFORE", "AFTER")
        for change in ("INSERT", "UPDATE", "DELETE")
    }
    return found | {
        "a table": "CREATE TABLE x (y TEXT)",
        "a view": "CREATE VIEW x AS SELECT * FROM records",
        "an index": "CREATE UNIQUE INDEX x ON submissions (code)",
        "a column": "ALTER TABLE issued ADD COLUMN x TEXT DEFAULT 'y'",
        "a table's other name": "ALTER TABLE problems RENAME TO x",
        "a trigger of ours less": "DROP TRIGGER access_no_update",
        "an index of ours less": "DROP INDEX ix_signing_keys_signing",
        "a trigger with a name of the system's": (
            "PRAGMA writable_schema = ON; "
            "INSERT INTO sqlite_master SELECT type, 'sqlite_x', tbl_name, rootpage, replace(sql, name, 'sqlite_x') "
            "FROM sqlite_master WHERE name = 'access_no_update'"
        ),
    }


@pytest.mark.parametrize("what", strange_parts())
def test_a_database_that_holds_another_part_than_ours_is_not_opened(tmp_path: Path, what: str, run: Run) -> None:
    bench = Bench(keyed(tmp_path / "työtila", NO_ENCRYPTION))
    assert run("verify", at=bench.root).code == 0
    with closing(sqlite3.connect(bench.workspace.var / "formgen.db", isolation_level=None)) as connection:
        connection.executescript(strange_parts()[what])
    said = run("verify", at=bench.root)
    assert (said.code, "formgen ei ole tehnyt" in said.err) == (5, True)
    with pytest.raises(OutOfReach), bench.journal.begin_transaction():
        pytest.fail("a process that was at work before writes nothing either")
    bench.journal.engine.dispose()


# --- the log and its end --------------------------------------------------------------------------


def rewritten(root: Path, key: bytes = b"") -> None:
    """Write the whole log anew so that it fits what is there, as somebody does who knows how, and note its end."""
    with opened(root) as connection:
        connection.row_factory = sqlite3.Row
        lines = [dict(line) for line in connection.execute("SELECT * FROM access ORDER BY seq")]
        newest = {line["written"]: line["seq"] for line in lines}
        stored = {}
        for table in tables(root):
            names = [row["name"] for row in connection.execute(f"PRAGMA table_info({table})") if row["pk"]]
            for row in connection.execute(f"SELECT * FROM {table}"):
                stored[build_row_name(table, *(row[name] for name in names))] = compute_row_digest(dict(row))
        for line in lines:
            if line["written"] and newest[line["written"]] == line["seq"]:
                line["digest"] = stored.get(line["written"], line["digest"])
        for line, link in zip(lines, list(iter_chain_links(lines, key)), strict=True):
            change = {**link, "digest": line["digest"]}
            connection.execute(
                "UPDATE access SET prev = :prev, hash = :hash, digest = :digest WHERE seq = :seq", change
            )
        end = Head(link["seq"], link["hash"])
    (root / "var" / HEAD_FILE_NAME).write_text(f"{end}\n", encoding="ascii")


def test_who_can_write_all_of_a_plain_workspace_can_write_another_but_not_past_an_end_noted_elsewhere(
    walked_once: Callable[[str], Path], tmp_path: Path, run: Run
) -> None:
    root = tmp_path / "työtila"
    shutil.copytree(walked_once("plain"), root)
    head = run("verify", "--json", at=root).json["head"]
    with opened(root) as connection:
        connection.execute("UPDATE steps SET coach = 'Joku Muu'")
    assert run("verify", at=root).code == 1
    rewritten(root)
    assert run("verify", at=root).code == 0
    assert run("verify", "--head", head, at=root).code == 1


def test_nobody_can_write_the_log_of_a_sealed_workspace_without_its_key(
    walked_once: Callable[[str], Path], tmp_path: Path, run: Run
) -> None:
    root = tmp_path / "työtila"
    shutil.copytree(walked_once("sealed"), root)
    keyed(root, ONE)
    with opened(root) as connection:
        connection.execute("UPDATE steps SET coach = 'Joku Muu'")
    for key in (b"", OTHER.chain_key):
        rewritten(root, key)
        assert run("verify", at=root).code == 1
    rewritten(root, ONE.chain_key)
    assert run("verify", at=root).code == 0, "the test knows how a log is written"


def test_a_log_that_is_emptied_is_seen_with_and_without_its_end(root: Path, run: Run) -> None:
    with opened(root) as connection:
        connection.execute("DELETE FROM access")
    cut = run("verify", "--json", at=root)
    (root / "var" / HEAD_FILE_NAME).unlink()
    gone = run("verify", "--json", at=root)
    assert (cut.code, gone.code) == (1, 1)
    assert gone.json["problems"]


def test_a_log_that_was_cut_off_is_not_written_on_so_that_the_cut_stays_to_be_seen(root: Path, run: Run) -> None:
    bench = Bench(root)
    head = bench.journal.head_file.file.read_bytes()
    with opened(root) as connection:
        (last,) = connection.execute("SELECT max(seq) FROM access WHERE written IS NULL").fetchone()
        connection.execute("DELETE FROM access WHERE seq >= ?", (last,))
    for words in (("cases", "list"), ("generate", "referral")):
        said = run(*words, at=root)
        assert (said.code, "formgen verify" in said.err) == (5, True)
    assert run("verify", at=root).code == 1
    said = run("status", "--json", at=root)
    assert said.out, said.err
    assert "formgen verify" in "".join(said.json["problems"])
    assert bench.journal.head_file.file.read_bytes() == head
    bench.journal.head_file.file.unlink()
    assert run("cases", "list", at=root).code == 5
    assert not bench.journal.head_file.file.exists()
    # what has been looked into is written down by hand
    bench.journal.head_file.file.write_text(run("verify", "--json", at=root).json["head"], encoding="ascii")
    assert run("cases", "list", at=root).code == 0
    bench.journal.engine.dispose()


def test_the_end_of_the_log_is_noted_where_the_settings_say(tmp_path: Path, run: Run) -> None:
    root, head = tmp_path / "työtila", tmp_path / "muualla" / "formgen.head"
    root.mkdir()
    (root / "formgen.toml").write_text(f'{SETTINGS}\n[access]\nhead_file = "{head}"\n', encoding="utf-8")
    assert run("generate", "referral", at=root).code == 5, "its folder is not made: a disk may not be there"
    head.parent.mkdir()
    assert run("generate", "referral", at=root).code == 0
    assert run("generate", "referral", at=root).code == 0
    end = run("verify", "--json", at=root).json
    assert (end["ok"], head.read_text(encoding="ascii").split()) == (True, [end["head"]] * 2)
    assert not (root / "var" / HEAD_FILE_NAME).exists()
    earlier = tmp_path / "earlier"
    shutil.copytree(root, earlier)
    assert run("generate", "referral", at=root).code == 0
    assert run("verify", at=root).code == 0
    shutil.rmtree(root)
    earlier.rename(root)
    assert run("verify", at=root).code == 1, "an older copy of everything has been brought back"
    assert run("generate", "referral", at=root).code == 5


def test_a_link_in_the_place_of_the_noted_end_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"something")
    (tmp_path / HEAD_FILE_NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutOfReach), HeadFile(tmp_path / HEAD_FILE_NAME).advance_head(Head(), Head(1, "1" * 64)):
        pass
    assert (tmp_path / "elsewhere").read_bytes() == b"something"


def test_the_noted_end_keeps_its_length_so_that_no_power_cut_mixes_two(tmp_path: Path) -> None:
    end, before = HeadFile(tmp_path / HEAD_FILE_NAME), Head()
    sizes = set()
    for number in (1, 9, 10, 99, 100, 10**12):
        after = Head(number, "a" * 64)
        with end.advance_head(before, after):
            sizes.add(end.file.stat().st_size)
        sizes.add(end.file.stat().st_size)
        before = after
    assert len(sizes) == 1


def test_what_is_written_while_somebody_looks_is_no_flaw(root: Path) -> None:
    bench, other = Bench(root), Bench(root)
    looking = integrity.find_flaws(bench.workspace, bench.journal)
    with bench.journal.open_snapshot() as ends:
        other.journal.log_reads(NOON, {"case_id": "*"})
        other.issue("referral")
        assert list(ledger.find_flaws(bench.journal, ends)) == []
    assert list(looking) == []
    bench.journal.engine.dispose()
    other.journal.engine.dispose()


# --- sealed or plain ------------------------------------------------------------------------------


@pytest.fixture
def sealed(walked_once: Callable[[str], Path], tmp_path: Path) -> Path:
    """Return a sealed workspace with a row of every kind."""
    shutil.copytree(walked_once("sealed"), tmp_path / "työtila")
    return keyed(tmp_path / "työtila", ONE)


def planted(table: str, *given: str) -> list[str]:
    """Return statements that put a row with certain values before and one after all others of a table."""
    columns = metadata.tables[table].columns
    key, values = next(iter(metadata.tables[table].primary_key.columns)).name, dict(pair.split("=") for pair in given)
    named = [column for column in columns if not column.nullable or column.name in values]
    rows = [
        ", ".join(f"'{row}'" if one.name in (key, "submission_id") else values.get(one.name, "1") for one in named)
        for row in ("0", "z")
    ]
    names = ", ".join(one.name for one in named)
    return [f"INSERT INTO {table} ({names}) VALUES ({row})" for row in rows]


LOST = {
    "its mark": ["DELETE FROM encryption_state"],
    "its mark, and plain rows have come before and after its own": [
        "DELETE FROM encryption_state",
        *planted("submissions"),
        *planted("issued", "answers='{}'"),
        *planted("records", "payload='{}'", "answers_key=hex(randomblob(9))"),
    ],
    "its mark and its oldest rows": [
        "DELETE FROM encryption_state",
        *(f"DELETE FROM {t} WHERE rowid = 1" for t in ("records", "issued", "submissions")),
    ],
    "its mark and its kept documents": ["DELETE FROM encryption_state", "DELETE FROM records", "DELETE FROM issued"],
    "everything": [
        "DELETE FROM encryption_state",
        *(f"DELETE FROM {t}" for t in ("records", "issued", "submissions", "steps", "cases", "access")),
    ],
}


@pytest.mark.parametrize("lost", LOST)
def test_a_sealed_workspace_never_opens_as_a_plain_one_whatever_it_has_lost(lost: str, sealed: Path, run: Run) -> None:
    with opened(sealed) as connection:
        for statement in LOST[lost]:
            connection.execute(statement)
    if "plain rows" in lost:
        for file in [*(sealed / "var" / "originals").iterdir()]:
            file.with_suffix("").touch()
    keyed(sealed, NO_ENCRYPTION)
    before = tree(sealed)
    for words in (("status",), ("generate", "referral"), ("watch", "--once"), ("encrypt",), ("verify",)):
        said = run(*words, at=sealed)
        assert (said.code, said.out, ONE.name in said.err) == (5, "", True), words
    keyed(sealed, OTHER)
    assert run("generate", "referral", at=sealed).code == 5
    keyed(sealed, NO_ENCRYPTION)
    gone = {"var/formgen.db-wal", "var/formgen.db-shm", "var/intake.lock", "var/formgen.db"}
    assert {name: data for name, data in tree(sealed).items() if name not in gone} == {
        name: data for name, data in before.items() if name not in gone
    }


def test_a_plain_folder_in_the_place_of_a_sealed_one_is_not_sealed(
    sealed: Path, walked_once: Callable[[str], Path], tmp_path: Path, run: Run
) -> None:
    forged = tmp_path / "toinen"
    shutil.copytree(walked_once("plain") / "var", forged)
    shutil.rmtree(sealed / "var")
    forged.rename(sealed / "var")
    before = tree(sealed / "var" / "originals")
    assert run("cases", "list", at=sealed).code == 5
    for _ in range(2):
        said = run("encrypt", at=sealed)
        assert (said.code, "formgen verify" in said.err) == (5, True)
    assert tree(sealed / "var" / "originals") == before


def test_a_sealed_workspace_whose_database_is_gone_is_no_new_one(sealed: Path, run: Run) -> None:
    for name in OURS:
        (sealed / "var" / name).unlink(missing_ok=True)
    keyed(sealed, NO_ENCRYPTION)
    said = run("generate", "referral", at=sealed)
    assert (said.code, ONE.name in said.err) == (5, True)


def test_with_its_key_a_sealed_workspace_that_has_lost_its_mark_is_marked_again(sealed: Path, run: Run) -> None:
    with opened(sealed) as connection:
        connection.execute("DELETE FROM encryption_state")
    assert run("verify", at=sealed).code == 0
    keyed(sealed, NO_ENCRYPTION)
    assert run("verify", at=sealed).code == 5


def test_a_sealed_value_is_never_read_without_its_key_nor_a_plain_one_with_it(sealed: Path) -> None:
    text = ONE.encrypt_text("payload:1", "Metsälä")
    with pytest.raises(OutOfReach, match=ONE.name):
        NO_ENCRYPTION.decrypt_text("payload:1", text)
    with pytest.raises(OutOfReach):
        ONE.decrypt_text("payload:1", text.partition(":")[2])
    assert not text[0].isprintable(), "no name of a file that comes looks like it"


def test_a_plain_workspace_is_not_sealed_by_a_setting_and_a_row(
    walked_once: Callable[[str], Path], tmp_path: Path, run: Run
) -> None:
    root = tmp_path / "työtila"
    shutil.copytree(walked_once("plain"), root)
    with opened(root) as connection:
        for table in ("submissions", "issued", "cases", "records", "steps", "events"):
            connection.execute(f"DELETE FROM {table}")
    keyed(root, ONE)
    said = run("generate", "referral", at=root)
    assert (said.code, "formgen encrypt" in said.err) == (5, True), "its log is that of a plain one"


@pytest.mark.parametrize("name", list(VAULTS))
def test_nothing_that_was_tampered_with_is_sealed_anew(
    name: str, walked_once: Callable[[str], Path], tmp_path: Path, run: Run
) -> None:
    root = tmp_path / "työtila"
    shutil.copytree(walked_once(name), root)
    with opened(root) as connection:
        connection.execute("UPDATE steps SET coach = 'Joku Muu'")
    old = ["--old-key", str(key_file(tmp_path, ONE))] if name == "sealed" else []
    keyed(root, OTHER)
    said = run("encrypt", *old, at=root)
    assert (said.code, "formgen verify" in said.err) == (5, True)
    keyed(root, VAULTS[name])
    assert run("verify", at=root).code == 1


def test_the_log_is_chained_with_the_key_that_a_workspace_is_sealed_with_whenever_it_changes(
    root: Path, tmp_path: Path, run: Run
) -> None:
    first = ONE if WorkspaceFolder(root).encryptor.key else NO_ENCRYPTION
    old = ["--old-key", str(key_file(tmp_path, first))] if first.key else []
    for encryptor in (OTHER, NO_ENCRYPTION, ONE):
        keyed(root, encryptor)
        assert run("encrypt", *old, at=root).code == 0
        assert run("verify", at=root).code == 0
        bench = Bench(root)
        lines = list(bench.journal.iter_log_lines())
        assert is_valid_line(lines[0], Head(), encryptor.chain_key)
        assert not any(
            is_valid_line(lines[0], Head(), other.chain_key) for other in {NO_ENCRYPTION, ONE, OTHER} - {encryptor}
        )
        with pytest.raises(IntegrityError, match="only added to"), bench.journal.engine.begin() as connection:
            connection.execute(text("DELETE FROM access"))
        bench.journal.engine.dispose()
        old = ["--old-key", str(key_file(tmp_path, encryptor))] if encryptor.key else []

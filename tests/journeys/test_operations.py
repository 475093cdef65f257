"""Who runs formgen sees whether it works, can count what it does, and can stop it at any moment."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from formgen.intake import health, metrics, watcher
from formgen.intake.inbox import STATUS, iter_candidate_files
from formgen.intake.watcher import Watch
from formgen.settings import WorkspaceFolder
from tests.conftest import JOB, SETTINGS, Bench
from tests.journeys.test_cli import COMMANDS, ISOLATED, Run, run
from tests.journeys.test_watcher import LONGEST, until

__all__ = ["run"]  # the fixture of the command line
At = Callable[[str], Bench]
DEPLOY = Path(__file__).parents[2] / "deploy"
pytestmark = pytest.mark.usefixtures("unwalled")


# --- status -------------------------------------------------------------------------------------


def problems(bench: Bench, now: float = 0) -> list[str]:
    """Return the messages of what is wrong with a workspace."""
    found = health.check_health(bench.workspace, bench.journal, now or time.time())
    return [problem.message for problem in found.problems]


def test_a_workspace_at_work_has_no_problems(at: At) -> None:
    bench = at("signed")
    bench.returned(b"no form")
    bench.drop(b"lies there")
    assert problems(bench) == []


def test_files_that_wait_for_a_daemon_that_is_not_there_are_a_problem(bench: Bench) -> None:
    bench.drop(b"lies there")
    (found,) = problems(bench, time.time() + health.UNWATCHED + 1)
    assert "kansiota ei vahdita" in found
    with watcher.hold_workspace_lock(bench.workspace):
        assert problems(bench, time.time() + health.UNWATCHED + 1) == []
        (found,) = problems(bench, time.time() + health.FORGOTTEN + 1)
    assert "tuntiin" in found


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE submissions SET outcome = 'lost' WHERE outcome = 'accepted'",
        "UPDATE submissions SET outcome = NULL",
        "DELETE FROM events WHERE seq = 1",
    ],
)
def test_returns_that_do_not_add_up_are_a_problem(statement: str, at: At, run: Run) -> None:
    bench = at("decided")
    with bench.journal.engine.begin() as connection:
        connection.execute(text(statement))
    said = run("status", "--json", at=bench.root)
    assert (said.code, said.json["ok"]) == (1, False)
    assert any(re.search(r"Palautuksia on|Tuloksia on", problem) for problem in said.json["problems"])


def test_what_could_not_be_published_is_a_problem(at: At) -> None:
    bench = at("decided")
    (bench.workspace.outbox / "feed.ndjson").unlink()
    assert problems(bench) == ["Kirjoittamatta outbox-kansioon: {number}"]


def test_a_disk_that_fills_up_is_a_problem(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health.shutil, "disk_usage", lambda _: SimpleNamespace(free=health.MIN_FREE_BYTES - 1))
    assert problems(bench) == ["Levytila on loppumassa."]


# --- numbers ------------------------------------------------------------------------------------


def samples(told: str) -> dict[str, float]:
    """Return the numbers that are told, by name and label."""
    return {
        " ".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(told)
        for sample in family.samples
    }


def test_the_numbers_are_those_of_the_status_and_name_nobody(at: At, run: Run) -> None:
    bench = at("decided")
    bench.send("job_start", JOB, bench.case().case_id)
    bench.returned(b"no form")
    bench.drop(b"lies there")
    status = run("status", "--json", at=bench.root).json
    told = run("status", "--prometheus", at=bench.root)
    found = samples(told.out)
    assert told.code == 0
    for outcome in health.OUTCOMES:
        assert found[f"formgen_returns {outcome}"] == status[outcome]
    assert found["formgen_returns_received"] == status["received"] == sum(status[name] for name in health.OUTCOMES)
    assert (found["formgen_inbox_files"], found["formgen_watcher_alive"], found["formgen_problems"]) == (1, 0, 0)
    assert not any(secret in told.out for secret in ("Metsälä", bench.case().case_id, "palautus-"))


def test_the_daemon_tells_how_long_each_return_took(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    served = {}
    monkeypatch.setattr(metrics, "start_http_server", lambda port, **how: served.update(port=port, **how))
    daemon = Watch(bench.intake)
    daemon.observe = metrics.serve_metrics(bench.workspace, bench.journal, 9464).observe
    bench.drop(b"no form")
    daemon.run(once=True)
    found = samples(generate_latest(served["registry"]).decode())
    assert (served["port"], served["addr"]) == (9464, "127.0.0.1")
    assert (found["formgen_return_seconds_count"], found["formgen_return_seconds_sum"]) == (1, 0)
    assert found["formgen_returns rejected"] == 1


def test_a_port_that_is_taken_is_out_of_reach(workspace: WorkspaceFolder, run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = run("watch", "--once", "--metrics", str(taken.getsockname()[1]), at=workspace.root)
    assert (said.code, said.out) == (5, "")


# --- the file in the share ----------------------------------------------------------------------


def signing(bench: Bench) -> Watch:
    """Return a daemon of an office that wants to see in the share whether it is at work."""
    office = bench.workspace.office
    limits = office.intake.model_copy(update={"status_file": True})
    bench.workspace.__dict__["office"] = office.model_copy(update={"intake": limits})
    return Watch(bench.intake)


def test_the_share_tells_until_when_it_is_certain_that_the_daemon_is_at_work(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(watcher, "time", SimpleNamespace(monotonic=lambda: moment.now))
    daemon, file = signing(bench), bench.workspace.inbox / STATUS
    daemon.write_status_file()
    until_when = (bench.clock() + watcher.SIGNED_FOR).astimezone()
    first = file.read_text(encoding="utf-8")
    assert f"{until_when:%-d.%-m.%Y %H.%M} asti" in first
    assert "formgen ei ole käynnissä" in first
    bench.clock.now += timedelta(minutes=1)
    moment.now += 59
    daemon.write_status_file()
    assert file.read_text(encoding="utf-8") == first
    moment.now += 1
    daemon.write_status_file()
    assert file.read_text(encoding="utf-8") != first
    daemon.write_status_file(ending=True)
    assert "pysäytetty" in file.read_text(encoding="utf-8")


def test_the_file_in_the_share_is_never_a_return(bench: Bench) -> None:
    daemon = signing(bench)
    daemon.write_status_file()
    assert list(iter_candidate_files(bench.workspace.inbox)) == []
    daemon.run(once=True)
    assert bench.journal.find_submissions() == []


def test_there_is_no_file_in_the_share_unless_it_is_wanted(bench: Bench) -> None:
    bench.returned(b"no form")
    assert not (bench.workspace.inbox / STATUS).exists()


# --- the end ------------------------------------------------------------------------------------


def test_a_daemon_that_is_told_to_stop_finishes_what_has_begun_and_leaves_the_rest_as_it_is(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        assert bench.intake.arrivals.receive_file(bench.drop(f"no form {number}".encode()))
    daemon = Watch(bench.intake)
    begin = type(bench.intake).open_submission

    def told_to_stop(*about: object) -> object:
        daemon.request_stop()
        return begin(*about)

    monkeypatch.setattr(watcher, "BATCH", 2)
    monkeypatch.setattr(type(bench.intake), "open_submission", told_to_stop)
    daemon.process_submissions()
    rows = bench.journal.find_submissions()
    assert [(row.outcome, row.attempts) for row in rows] == [("rejected", 1)] * 2 + [(None, 0)] * 3
    bench.restarted().watch()
    assert {row.outcome for row in bench.journal.find_submissions()} == {"rejected"}


def test_the_program_ends_well_when_the_system_asks_it_to(bench: Bench) -> None:
    (bench.root / "formgen.toml").write_text(f"{SETTINGS}status_file = true\n", encoding="utf-8")
    file = bench.workspace.inbox / STATUS
    bench.drop(b"no form")
    program = subprocess.Popen([sys.executable, "-m", "formgen", "watch"], cwd=bench.root, env=ISOLATED, stderr=-1)
    try:
        assert until(lambda: file.exists() and bench.journal.count_submissions().get("rejected"))
        program.send_signal(signal.SIGTERM)
        _, said = program.communicate(timeout=LONGEST)
    finally:
        program.kill()
        program.communicate()
    assert (program.returncode, b"Traceback" in said) == (0, False)
    assert "pysäytetty" in file.read_text(encoding="utf-8")
    assert not watcher.is_daemon_alive(bench.workspace)


# --- what is deployed ---------------------------------------------------------------------------


def test_what_is_deployed_runs_a_command_that_there_is_and_not_as_root() -> None:
    unit = (DEPLOY / "formgen.service").read_text(encoding="utf-8")
    image = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    command = re.search(r"^ExecStart=\S*/formgen (\w+)$", unit, re.MULTILINE)
    assert command
    assert (command[1],) in COMMANDS
    assert re.findall(r"^User=(\w+)$", unit, re.MULTILINE) == ["formgen"]
    assert "UMask=0077" in unit
    (namespaces,) = re.findall(r"^RestrictNamespaces=(.*)$", unit, re.MULTILINE)
    assert set(namespaces.split()) == {"user", "mnt", "net", "ipc", "pid"}, "what the cage takes"
    user = re.findall(r"^USER (\d+):\d+$", image, re.MULTILINE)
    assert user
    assert user != ["0"]

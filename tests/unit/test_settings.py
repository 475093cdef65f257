"""Settings all have a default, say what is wrong with them, and keep their keys to themselves."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from formgen.errors import OutOfReach, UsageError
from formgen.settings import PACKAGED, Coach, Intake, WorkspaceFolder
from formgen.storage.journal import Journal
from tests.conftest import NOON

Office = WorkspaceFolder(PACKAGED).process.office


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no setting come from the environment of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith("FORMGEN_"):
            monkeypatch.delenv(name)


def office(root: Path, text: str) -> Any:
    """Return the settings of a workspace whose file holds the text."""
    (root / "formgen.toml").write_text(text, encoding="utf-8")
    return WorkspaceFolder(root).office


# --- what is set --------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [Office, Intake, type(Office().limits)], ids=lambda model: model.__name__)
def test_every_setting_has_a_default(model: type[BaseModel]) -> None:
    assert [name for name, field in model.model_fields.items() if field.is_required()] == []


def test_a_workspace_without_a_file_has_the_defaults(tmp_path: Path) -> None:
    assert WorkspaceFolder(tmp_path).office.model_dump() == office(tmp_path, "").model_dump()
    assert WorkspaceFolder(tmp_path).office.case_prefix == "PK"


def test_the_file_sets_what_it_names_and_leaves_the_rest(tmp_path: Path) -> None:
    found = office(tmp_path, 'case_prefix = "JNS"\n[intake]\nquiet = 3\n[limits]\nprofile = 45\n')
    assert (found.case_prefix, found.intake.quiet, found.limits.profile) == ("JNS", 3.0, 45)
    assert (found.organiser, found.intake.attempts) == (Office.model_fields["organiser"].default, 3)


def test_coaches_are_found_by_name_and_strangers_have_a_name_only(tmp_path: Path) -> None:
    found = office(tmp_path, '[[coaches]]\nname = "Veera Valmentaja"\nphone = "+358 40 000 0000"\nfte = 0.5\n')
    assert (found.find_coach("Veera Valmentaja").phone, found.find_coach("Veera Valmentaja").fte) == (
        "+358 40 000 0000",
        0.5,
    )
    assert found.find_coach("Joku Muu") == Coach(name="Joku Muu")


@pytest.mark.parametrize(
    ("variable", "value", "setting"),
    [
        ("FORMGEN_ORGANISER", "Toinen", lambda found: found.organiser),
        ("FORMGEN_INTAKE__QUIET", "7.5", lambda found: str(found.intake.quiet)),
        ("FORMGEN_LIMITS__CASELOAD", "12", lambda found: str(found.limits.caseload)),
    ],
)
def test_the_environment_comes_before_the_file(
    tmp_path: Path, variable: str, value: str, setting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = 'organiser = "Eka"\n[intake]\nquiet = 1.0\nattempts = 5\n[limits]\ncaseload = 20\n'
    monkeypatch.setenv(variable, value)
    found = office(tmp_path, text)
    assert setting(found) == value
    assert found.intake.attempts == 5


WRONG = {
    "no such setting": 'organizer = "Väärin"',
    "no such table": "[intakes]\nquiet = 1",
    "another type": '[intake]\nquiet = "hetki"',
    "not TOML": "organiser = ",
    "a coach without a name": '[[coaches]]\nphone = "1"',
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_wrong_settings_are_wrong_usage_told_in_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError) as wrong:
        office(tmp_path, text)
    assert wrong.value.exit_code == 2
    assert str(wrong.value).startswith("Asetustiedosto formgen.toml ei kelpaa: ")
    assert "\n" not in str(wrong.value)


def test_what_is_wrong_with_a_setting_is_told_without_its_value(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as wrong:
        office(tmp_path, 'case_prefix = ["130485-901L"]')
    assert "case_prefix" in str(wrong.value)
    assert "901L" not in str(wrong.value)


def test_a_file_in_another_encoding_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "formgen.toml").write_bytes('organiser = "Esimerkkilän"'.encode("latin-1"))
    with pytest.raises(UsageError):
        _ = WorkspaceFolder(tmp_path).office


def test_a_wrong_variable_of_the_environment_is_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORMGEN_COACHES", "Veera")
    with pytest.raises(UsageError):
        _ = WorkspaceFolder(tmp_path).office


# --- who may read it ----------------------------------------------------------------------------


def mode(path: Path) -> int:
    """Return the permissions of a path."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_private_state_is_for_its_owner_only(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        workspace = WorkspaceFolder(tmp_path / "työtila").make_folders()
        assert Journal.open_or_create(workspace.var).ensure_signing_keys(NOON).current
    finally:
        os.umask(before)
    assert mode(workspace.var) == 0o700
    (key,) = (workspace.var / "keys").iterdir()
    assert mode(key) == 0o600
    assert len(key.read_bytes()) == 32


def test_making_a_workspace_again_changes_nothing_and_closes_what_was_open(tmp_path: Path) -> None:
    workspace = WorkspaceFolder(tmp_path).make_folders()
    key = Journal.open_or_create(workspace.var).ensure_signing_keys(NOON).current
    workspace.var.chmod(0o755)
    assert Journal.open_or_create(WorkspaceFolder(tmp_path).make_folders().var).ensure_signing_keys(NOON).current == key
    assert mode(workspace.var) == 0o700


def test_a_workspace_where_none_can_be_made_is_out_of_reach(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutOfReach) as away:
        WorkspaceFolder(tmp_path / "file" / "työtila").make_folders()
    assert away.value.exit_code == 5

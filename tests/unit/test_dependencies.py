"""What is installed is what the locks name: every dependency is in them, each file by its hash, and none by a guess."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.audit import LOCKS, WEAK, audit

REPOSITORY = Path(__file__).parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
DEPLOY = REPOSITORY / "deploy"
DECLARED = [
    *(("requirements.lock", text) for text in PROJECT["project"]["dependencies"]),
    *(("build.lock", text) for text in PROJECT["build-system"]["requires"]),
    *(("build.lock", text) for text in PROJECT["dependency-groups"]["build"]),
]
PIN = re.compile(
    r"^(?P<pin>[^#\s][^\\]*?) \\\n(?P<hashes>(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)(?:    #.*\n)*", re.M
)


def pinned(lock: str) -> list[Requirement]:
    """Return what a lock names."""
    return [Requirement(match["pin"]) for match in PIN.finditer((DEPLOY / lock).read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("lock", "text"), DECLARED)
def test_a_dependency_is_locked_in_a_version_that_fits(lock: str, text: str) -> None:
    wanted = Requirement(text)
    pins = [pin for pin in pinned(lock) if canonicalize_name(pin.name) == canonicalize_name(wanted.name)]
    assert pins, "sh scripts/lock"
    for pin in pins:
        (version,) = pin.specifier
        assert version.operator == "=="
        assert wanted.specifier.contains(version.version), "sh scripts/lock"
    assert [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]


def test_what_an_extra_asks_for_is_locked() -> None:
    assert {"cryptography"} <= {pin.name for pin in pinned("requirements.lock")}, "pypdf[crypto]"


@pytest.mark.parametrize("lock", [file.name for file in LOCKS])
def test_a_lock_holds_nothing_but_pins_with_hashes(lock: str) -> None:
    text = (DEPLOY / lock).read_text(encoding="utf-8")
    rest = re.sub(r"^#.*\n", "", PIN.sub("", text), flags=re.MULTILINE)
    assert rest == ""
    assert "://" not in text
    assert "--index" not in text
    assert "# via" in text
    assert pinned(lock)


def test_both_locks_are_known_to_the_audit() -> None:
    assert [file.name for file in LOCKS] == ["build.lock", "requirements.lock"]


def test_nothing_says_to_install_by_the_name_of_somebody_else() -> None:
    assert PROJECT["project"]["name"] == "formgen-tyohonvalmennus"
    assert PROJECT["project"]["scripts"] == {"formgen": "formgen.cli:main"}
    said = re.compile(r"(pip3?|pipx|uv|uv tool|uv pip) (install|run)( -\S+)* formgen(?![\w/.-])")
    places = [
        REPOSITORY / "README.md",
        *(file for name in ("deploy", "docs", "scripts") for file in (REPOSITORY / name).iterdir()),
    ]
    assert not [file.name for file in places if said.search(file.read_text(encoding="utf-8", errors="replace"))]
    assert said.search("/opt/formgen/bin/pip install --quiet formgen\n")


def test_what_is_deployed_is_installed_by_hash() -> None:
    script = (DEPLOY / "install").read_text(encoding="utf-8")
    installs = re.findall(r"^install (.*)$", script, re.MULTILINE)
    assert [("--require-hashes" in line, "--no-deps" in line) for line in installs] == [
        (True, False),
        (True, False),
        (False, True),
    ]
    assert all("--no-build-isolation" in line for line in installs[1:])
    for name in ("formgen.service", "Containerfile"):
        said = (DEPLOY / name).read_text(encoding="utf-8")
        assert "deploy/install /opt/formgen" in said
        assert "pip install" not in said


# --- the audit --------------------------------------------------------------------------------

Service = Callable[[str], Path]
ANSWERS = """\
import json, pathlib, sys
given = [pathlib.Path(word).read_text() for before, word in zip(sys.argv, sys.argv[1:]) if before == "-r"]
told = []
for line in "\\n".join(given).splitlines():
    if "==" in line:
        name, _, version = line.split()[0].partition("==")
        told.append({"name": name, "version": version, "vulns": []})
WEAK = [{"id": "PYSEC-1", "fix_versions": []}]
"""
KNOWS = "if told[0]['name'] == 'pyyaml': told[0]['vulns'] = WEAK\n"
PRINT = "print(json.dumps({'dependencies': told}))\nsys.exit(any(found.get('vulns') for found in told))\n"
UNKNOWN = "{'name': 'x', 'skip_reason': 'x is not known'}"


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """Return a function that gives a program that answers as pip-audit does, after a change to what it knows."""

    def service(change: str) -> Path:
        file = tmp_path / "pip-audit"
        file.write_text(f"#!{sys.executable}\n{ANSWERS}{change}{PRINT}", encoding="utf-8")
        file.chmod(0o755)
        return file

    return service


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (KNOWS, 0, "packages audited, no weakness is known."),
        (f"{KNOWS}told[-1]['vulns'] = WEAK\n", 1, ": PYSEC-1"),
        (f"{KNOWS}if len(told) > 1: told[-1] = {UNKNOWN}\n", 1, "x is not known"),
        (f"{KNOWS}if len(told) > 1: sys.exit('the lock is broken')\n", 1, "the lock is broken"),
        ("", 0, "not reachable: not audited"),
        (f"told = [{UNKNOWN}]\n", 0, "not reachable: not audited"),
        ("sys.exit('no way to the service')\n", 0, "not reachable: not audited"),
    ],
    ids=[
        "knows nothing",
        "knows a weakness",
        "does not know one",
        "fails",
        "answers for it",
        "knows none",
        "no service",
    ],
)
def test_a_finding_fails_and_a_service_that_is_not_there_does_not(
    change: str, code: int, said: str, service: Service
) -> None:
    found, told = audit(program=service(change))
    assert (found, said in told) == (code, True)


def test_a_service_that_does_not_answer_is_not_waited_for(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.support.audit.ASK", 0.2)
    assert audit(program=service("import time; time.sleep(600)\n"))[0] == 0


def test_the_audit_is_one_of_the_checks() -> None:
    assert "-m tests.support.audit" in (REPOSITORY / "scripts" / "test").read_text(encoding="utf-8")
    assert any(text.startswith("pip-audit") for text in PROJECT["project"]["optional-dependencies"]["dev"])
    assert canonicalize_name(Requirement(WEAK).name) not in {pin.name for lock in LOCKS for pin in pinned(lock.name)}

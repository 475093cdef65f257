"""What a form says of its answers besides its questions: rules, deadlines and contradictions with other records."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from formgen.errors import Severity

Broken = bool | list[str]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A check over a whole form and its case; the message is the docstring of the method.

    ``check(record, case)`` returns True when the rule holds, False when it does not, or the
    list of paths that break it. ``needs`` names forms that do not exist yet: until they do
    the rule is listed but not asked. ``waits_for`` names the form whose absence is the fault.
    """

    code: str
    severity: Severity
    field: str
    message: str
    name: str
    check: Callable[[Any, Any], Broken]
    needs: tuple[str, ...] = ()
    waits_for: str = ""


def rule(
    code: str,
    *,
    field: str = "",
    severity: Severity = "error",
    needs: Iterable[str] = (),
    waits_for: str = "",
) -> Callable[[Callable[[Any, Any], Broken]], Callable[[Any, Any], Broken]]:
    """Declare a method as a rule with a code of the catalogue."""

    def declare(check: Callable[[Any, Any], Broken]) -> Callable[[Any, Any], Broken]:
        message = " ".join((check.__doc__ or "").split())
        declared = Rule(
            code=code,
            severity=severity,
            field=field,
            message=message,
            name=check.__name__,
            check=check,
            needs=tuple(needs),
            waits_for=waits_for,
        )
        check.__dict__["rules"] = (*check.__dict__.get("rules", ()), declared)
        return check

    return declare


@dataclass(frozen=True, kw_only=True)
class Deadline:
    """Something that a record calls for by a day; the message is the docstring of the method.

    ``since(record, case)`` returns the day from which it is overdue, or None when it is done or
    not called for. ``whom`` says whose task it is (`BY`).
    """

    code: str
    whom: str
    message: str
    name: str
    since: Callable[[Any, Any], date | None]


def deadline(
    code: str, *, whom: str = "coach"
) -> Callable[[Callable[[Any, Any], date | None]], Callable[[Any, Any], Any]]:
    """Declare a method as a task that the clock brings, with a code of the catalogue."""

    def declare(since: Callable[[Any, Any], date | None]) -> Callable[[Any, Any], date | None]:
        message = " ".join((since.__doc__ or "").split())
        declared = Deadline(code=code, whom=whom, message=message, name=since.__name__, since=since)
        since.__dict__["deadlines"] = (*since.__dict__.get("deadlines", ()), declared)
        return since

    return declare


@dataclass(frozen=True, kw_only=True)
class Contradiction:
    """A value that another record of the case may contradict; the message is the docstring of the method.

    ``against(record, case)`` returns the other record, or None when they agree. Which of them is
    right nobody but a person can tell: both are accepted, and the coach is asked.
    """

    code: str
    field: str
    message: str
    name: str
    conflicts_with: Callable[[Any, Any], Any]


def contradiction(code: str, *, field: str) -> Callable[[Callable[[Any, Any], Any]], Callable[[Any, Any], Any]]:
    """Declare a method as a question to the coach about a field that another record contradicts."""

    def declare(against: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        message = " ".join((against.__doc__ or "").split())
        declared = Contradiction(code=code, field=field, message=message, name=against.__name__, conflicts_with=against)
        against.__dict__["contradictions"] = (*against.__dict__.get("contradictions", ()), declared)
        return against

    return declare

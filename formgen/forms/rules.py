"""What a form says of its answers besides its questions: rules, deadlines and contradictions with other records.

The docstring of the method is the message. A number in it is a ``{name}`` to which the method gives the value that it
has judged by, so that a message says what is set and not what is usual:

    >>> class Meeting:
    ...     @rule("R07", field="first_meeting", severity="warning")
    ...     def first_meeting_is_soon(self, case):
    ...         '''Ensimmäinen tapaaminen on yli {limit} päivän päässä.'''
    ...         return check(self.days <= case.limit, limit=case.limit)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from babel.numbers import format_decimal

from formgen.errors import Severity


@dataclass(frozen=True)
class Check:
    """The answer of a rule, a deadline or a contradiction, with the values that its message names."""

    answer: Any
    values: Mapping[str, str] = field(default_factory=dict)


def check(answer: Any, **values: int | Decimal) -> Check:
    """Give an answer with the numbers that the message names: limits and the like, never what stood in a field.

    >>> check(False, least=Decimal("0.5"), most=48).values
    {'least': '0,5', 'most': '48'}
    """
    shown = {name: format_decimal(value, locale="fi", group_separator=False) for name, value in values.items()}
    return Check(answer, shown)


def blank_values(message: str) -> dict[str, str]:
    """Return a blank for every value that a message names: for a list of messages, which are of no document.

    >>> blank_values("Viikkotyöaika on yli {limit} tuntia.")
    {'limit': '…'}
    """
    return dict.fromkeys(re.findall(r"{(\w+)}", message), "…")


Method = Callable[[Any, Any], Any]
CheckMethod = Callable[[Any, Any], Check]


def wrap_answer(method: Method) -> CheckMethod:
    """Let a method of a form answer with a `Check` also where its message names no value."""

    def answer(record: Any, case: Any) -> Check:
        given = method(record, case)
        return given if isinstance(given, Check) else Check(given)

    return answer


def read_message(method: Method) -> str:
    """Return the docstring of a method in one line."""
    return " ".join((method.__doc__ or "").split())


def declare(method: Method, kind: str, declared: Rule | Deadline | Contradiction) -> None:
    """Note on a method what it was declared as, where `Form.iter_declarations` finds it."""
    method.__dict__[kind] = (*method.__dict__.get(kind, ()), declared)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A check over a whole form and its case; the message is the docstring of the method.

    ``check(record, case)`` answers True when the rule holds, False when it does not, or the
    list of paths that break it. ``needs`` names forms that do not exist yet: until they do
    the rule is listed but not asked. ``waits_for`` names the form whose absence is the fault.
    """

    code: str
    severity: Severity
    field: str
    message: str
    name: str
    check: CheckMethod
    needs: tuple[str, ...] = ()
    waits_for: str = ""


def rule(
    code: str,
    *,
    field: str = "",
    severity: Severity = "error",
    needs: Iterable[str] = (),
    waits_for: str = "",
) -> Callable[[Callable[[Any, Any], bool | list[str] | Check]], Method]:
    """Declare a method as a rule with a code of the catalogue."""

    def decorate(method: Method) -> Method:
        declared = Rule(
            code=code,
            severity=severity,
            field=field,
            message=read_message(method),
            name=method.__name__,
            check=wrap_answer(method),
            needs=tuple(needs),
            waits_for=waits_for,
        )
        declare(method, "rules", declared)
        return method

    return decorate


@dataclass(frozen=True, kw_only=True)
class Deadline:
    """Something that a record calls for by a day; the message is the docstring of the method.

    ``since(record, case)`` answers with the day from which it is overdue, or None when it is done or
    not called for. ``whom`` says whose task it is.
    """

    code: str
    whom: str
    message: str
    name: str
    since: CheckMethod


def deadline(code: str, *, whom: str = "coach") -> Callable[[Callable[[Any, Any], date | Check | None]], Method]:
    """Declare a method as a task that the clock brings, with a code of the catalogue."""

    def decorate(method: Method) -> Method:
        declared = Deadline(
            code=code, whom=whom, message=read_message(method), name=method.__name__, since=wrap_answer(method)
        )
        declare(method, "deadlines", declared)
        return method

    return decorate


@dataclass(frozen=True, kw_only=True)
class Contradiction:
    """A value that another record of the case may contradict; the message is the docstring of the method.

    ``conflicts_with(record, case)`` answers with the other record, or None when they agree. Which of them is
    right nobody but a person can tell: both are accepted, and the coach is asked.
    """

    code: str
    field: str
    message: str
    name: str
    conflicts_with: CheckMethod


def contradiction(code: str, *, field: str) -> Callable[[Method], Method]:
    """Declare a method as a question to the coach about a field that another record contradicts."""

    def decorate(method: Method) -> Method:
        declared = Contradiction(
            code=code,
            field=field,
            message=read_message(method),
            name=method.__name__,
            conflicts_with=wrap_answer(method),
        )
        declare(method, "contradictions", declared)
        return method

    return decorate

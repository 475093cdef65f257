"""What a form is written with: the one door through which the files in `schemas/` reach the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal

from formgen.cases.workflow import Case, CaseRecord, Move
from formgen.fields import (
    BusinessId,
    Choice,
    Choices,
    Clock,
    Code,
    CodeList,
    Day,
    Dec,
    Email,
    Euro,
    Hetu,
    Hours,
    Int,
    Line,
    Long,
    Month,
    Municipalities,
    Municipality,
    Name,
    Occupation,
    Phone,
    Postcode,
    Signature,
    YesNo,
    add_months,
    compute_age,
    count_days,
    count_months,
    define_options,
    parse_birth_date,
)
from formgen.forms.declare import Row, ask, ask_table, section
from formgen.forms.form import Form
from formgen.forms.references import FieldReference, FormReference
from formgen.forms.rules import Check, check, contradiction, deadline, rule
from formgen.i18n import N_, normalise_text
from formgen.process import HoldSteps, Process
from formgen.settings import Limits as LimitSettings
from formgen.settings import Office as OfficeSettings

__all__ = [
    "N_",
    "Any",
    "BusinessId",
    "Callable",
    "Case",
    "CaseRecord",
    "Check",
    "Choice",
    "Choices",
    "Clock",
    "Code",
    "CodeList",
    "Day",
    "Dec",
    "Decimal",
    "Email",
    "Euro",
    "FieldReference",
    "Form",
    "FormReference",
    "Hetu",
    "HoldSteps",
    "Hours",
    "Int",
    "Iterable",
    "Iterator",
    "LimitSettings",
    "Line",
    "Literal",
    "Long",
    "Mapping",
    "Month",
    "Move",
    "Municipalities",
    "Municipality",
    "Name",
    "Occupation",
    "OfficeSettings",
    "Phone",
    "Postcode",
    "Process",
    "Row",
    "Sequence",
    "Signature",
    "YesNo",
    "add_months",
    "ask",
    "ask_table",
    "check",
    "compute_age",
    "contradiction",
    "count_days",
    "count_months",
    "date",
    "datetime",
    "deadline",
    "define_options",
    "normalise_text",
    "parse_birth_date",
    "rule",
    "section",
    "time",
    "timedelta",
]

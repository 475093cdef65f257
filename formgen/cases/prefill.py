"""What is already known: the values that a new document of a case starts from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from formgen.cases.workflow import Case
from formgen.forms.declare import Field
from formgen.forms.form import Form


def collect_known_values(form: type[Form], case: Case) -> dict[str, Any]:
    """Return the values for a form by field name, from the case's records and the settings.

    A document that goes on from a record starts from all that it says, but of its own day unless
    it is the only one of the case; any other field starts from where its ``prefill`` points.
    What is not known is left out.
    """
    values: dict[str, Any] = {}
    if earlier := form.continues_from(case):
        anew = () if form.single else (form.date_field,)
        kept = (asked.name for asked in form.fields if not asked.fill and asked.name not in anew)
        values = {name: getattr(earlier.record, name) for name in kept}
    for asked in form.fields:
        if asked.prefill is None or values.get(asked.name) not in (None, ()):
            continue
        found = read_source(asked, case)
        if found not in (None, "", ()):
            values[asked.name] = found
    return values


def read_source(asked: Field, case: Case) -> Any:
    """Read the value of a field's source, a function of the case or ``form.field``."""
    if callable(asked.prefill):
        return asked.prefill(case)
    form, _, name = (asked.prefill or "").partition(".")
    record = case.find_latest_record(form)
    value = getattr(record, name, None) if record else None
    if asked.columns:
        return tuple(build_row(asked, row) for row in value or () if row)
    return value


def build_row(asked: Field, row: Any) -> Mapping[str, Any]:
    """Return one row of a source table as a row of this one: the columns that both have."""
    return {column.name: getattr(row, column.name) for column in asked.columns if hasattr(row, column.name)}


def find_sources(form: type[Form], case: Case) -> dict[str, dict[str, str]]:
    """Return for each field that a record of the case prefills the record's id and the field ``form.field``."""
    found: dict[str, dict[str, str]] = {}
    earlier = form.continues_from(case)
    for asked in form.fields:
        name = asked.prefill if isinstance(asked.prefill, str) else ""
        if earlier:
            name = f"{form.id}.{asked.name}"
        records = (earlier,) if earlier else case.list_current_records(name.partition(".")[0]) if name else ()
        if records:
            found[asked.name] = {"record_id": records[-1].record_id, "field": name}
    return found


def get_source_name(asked: Field) -> str | None:
    """Return the name of a field's source as the published contract shows it, or None."""
    return asked.prefill.__name__ if callable(asked.prefill) else asked.prefill

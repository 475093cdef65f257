"""Fills PDF forms as Evince and Okular do, by poppler: jobs are read from standard input.

Run by the system's Python, which has the bindings: ``/usr/bin/python3 tests/support/poppler_fill.py``.
A job is ``{source, target, fields, options}``; ``options`` are the codes of each list in order.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import gi

gi.require_version("Poppler", "0.18")
from gi.repository import Poppler  # type: ignore[import-untyped]  # noqa: E402

for job in json.load(sys.stdin):
    document = Poppler.Document.new_from_file(Path(job["source"]).as_uri(), None)
    for number in range(document.get_n_pages()):
        page = document.get_page(number)
        for mapping in page.get_form_field_mapping():
            field = mapping.field
            name = field.get_name()
            if name not in job["fields"] or field.is_read_only():
                continue
            value = job["fields"][name]
            kind = field.get_field_type()
            if kind == Poppler.FormFieldType.BUTTON:
                field.button_set_state(value)
            elif kind == Poppler.FormFieldType.TEXT:
                field.text_set_text(value)
            elif kind == Poppler.FormFieldType.CHOICE:
                field.choice_unselect_all()
                field.choice_select_item(job["options"][name].index(value or "-"))
    document.save(Path(job["target"]).as_uri())

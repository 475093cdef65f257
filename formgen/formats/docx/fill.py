"""Fill a document as a person does in a word processor: into the controls that stand in it.

Knows nothing of templates: it takes the document as it went out. The demo and the tests use it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from lxml import etree

from formgen.formats.docx.controls import CHECKED, DATE, UNCHECKED, format_tag, render_text
from formgen.formats.docx.package import W14, Package, W, deflate_member, pack_members, w

Element = Any


def fill_document(data: bytes, answers: Mapping[str, str]) -> bytes:
    """Return the document with the answers in its fields; raise `LookupError` for one it lacks.

    ``answers`` maps paths to what is typed; ticks are codes joined by a space, a list's answer
    is a code. Rows that a table lacks are added as a word processor does: as a copy of the last.
    """
    package = Package(data)
    root = package.parse_member(package.main)
    for path in answers:
        add_missing_rows(root, path)
    controls = {read_tag(control): control for control in root.iter(w("sdt"))}
    for path, text in answers.items():
        control = controls.get(format_tag(path))
        boxes = {name: item for name, item in controls.items() if name.startswith(f"fg:{path}.") and is_checkbox(item)}
        if control is not None:
            fill_control(control, text)
        elif boxes:
            for name, item in boxes.items():
                set_checkbox(item, any(name == format_tag(f"{path}.{code}") for code in text.split()))
        else:
            raise LookupError(path)
    body = etree.tostring(root, encoding="UTF-8", xml_declaration=True, standalone=True)
    return pack_members(
        deflate_member(name, body if name == package.main else package.read_member(name)) for name in package.names
    )


def read_tag(control: Element) -> str:
    """Return a control's tag."""
    found = control.find(f"{w('sdtPr')}/{w('tag')}")
    return found.get(w("val"), "") if found is not None else ""


def is_checkbox(control: Element) -> bool:
    """Tell whether a control is a check box."""
    return control.find(f"{w('sdtPr')}/{{{W14}}}checkbox") is not None


def set_checkbox(control: Element, ticked: bool) -> None:
    """Set a box and the sign that shows it."""
    control.find(f"{w('sdtPr')}/{{{W14}}}checkbox/{{{W14}}}checked").set(f"{{{W14}}}val", str(int(ticked)))
    next(control.iter(w("t"))).text = CHECKED if ticked else UNCHECKED


def fill_control(control: Element, text: str) -> None:
    """Type text into a control; a date and a list keep their state in step."""
    properties, content = control.find(w("sdtPr")), control.find(w("sdtContent"))
    for prompting in properties.findall(w("showingPlcHdr")):
        properties.remove(prompting)
    day = properties.find(w("date"))
    if day is not None and (match := DATE.fullmatch(text)):
        day.set(w("fullDate"), f"{match[3]}-{match[2]:0>2}-{match[1]:0>2}T00:00:00Z")
    for item in properties.iter(w("listItem")):
        if item.get(w("value")) == text:
            text = item.get(w("displayText"))
            break
    for child in list(content):
        content.remove(child)
    content.append(etree.fromstring(f'<w:r xmlns:w="{W}">{render_text(text)}</w:r>'))


def add_missing_rows(root: Element, path: str) -> None:
    """Add copies of a table's last rows until the row of the path is there."""
    match = re.fullmatch(r"(\w+)\.(\d+)\..+", path)
    while match and not any(read_tag(item).startswith(f"fg:{match[1]}.{match[2]}.") for item in root.iter(w("sdt"))):
        rows = [
            (int(found[1]), control)
            for control in root.iter(w("sdt"))
            if (found := re.match(rf"fg:{match[1]}\.(\d+)\.", read_tag(control)))
        ]
        if not rows:
            raise LookupError(path)
        last = max(index for index, _ in rows)
        source = list(dict.fromkeys(next(control.iterancestors(w("tr"))) for index, control in rows if index == last))
        place = source[-1]
        for row in source:
            copy = deepcopy(row)
            place.addnext(copy)
            place = copy
            for control in copy.iter(w("sdt")):
                name = control.find(f"{w('sdtPr')}/{w('tag')}")
                if name is not None:
                    name.set(
                        w("val"), name.get(w("val")).replace(f"fg:{match[1]}.{last}.", f"fg:{match[1]}.{last + 1}.", 1)
                    )

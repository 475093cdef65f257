"""The JSON Schema that is published of a form."""

from __future__ import annotations

from collections.abc import Iterable

from formgen.fields import Json
from formgen.forms.declare import Field
from formgen.forms.form import Form

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def build_json_schema(form: type[Form]) -> Json:
    """Build the JSON Schema 2020-12 of the form's data, titles in Finnish."""
    return {
        "$schema": DRAFT,
        "$id": f"urn:formgen:schema:{form.id}:{form.version}",
        "title": form.title,
        **build_object_schema(form.fields),
    }


def build_object_schema(fields: Iterable[Field]) -> Json:
    """Build the schema of an object with all of the fields, null where an answer may be empty."""
    properties: Json = {}
    for asked in fields:
        if asked.columns:
            value: Json = {"type": "array", "items": build_object_schema(asked.columns)}
        else:
            assert asked.field_type, "only tables have no field type"
            value = asked.field_type.build_schema()
            if asked.need != "required":
                value = {"anyOf": [value, {"type": "null"}]}
        properties[asked.name] = {"title": asked.label, **value}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }

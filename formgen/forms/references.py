"""References: how one form names another and its fields without importing it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FieldReference:
    """A field of another form, or a column of its row, named as ``form.field``."""

    form: str
    name: str

    def __str__(self) -> str:
        """Return the path ``form.field``."""
        return f"{self.form}.{self.name}"


@dataclass(frozen=True)
class FormReference:
    """Another form by its id, or a row by ``form.table``; its attributes are references to its fields.

    >>> str(FormReference("referral").client_phone)
    'referral.client_phone'
    """

    id: str

    def __getattr__(self, name: str) -> FieldReference:
        """Refer to a field of the form."""
        if name.startswith("_"):
            raise AttributeError(name)
        return FieldReference(self.id, name)

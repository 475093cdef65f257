"""What was read from each file, kept so that nothing later has to open the file again."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import datetime
from functools import cache

from pydantic import TypeAdapter
from sqlalchemy import select

from formgen import __version__
from formgen.documents.extraction import Extraction
from formgen.storage.database import Database, Transaction, dump_json
from formgen.storage.moments import format_timestamp
from formgen.storage.tables import extractions


class ExtractionTable(Database):
    """The extractions of a workspace, one for each submission that could be read."""

    def add_extraction(
        self, connection: Transaction, submission_id: str, found: Extraction, at: datetime, *, with_pictures: bool
    ) -> None:
        """Write down what was read from a file, with the version of the reader.

        The pictures of places in doubt, PNG by path, are kept only ``with_pictures``: for a person who is asked.
        """
        pictures = {path: b64encode(picture).decode() for path, picture in found.pictures.items()}
        row = {
            "submission_id": submission_id,
            "reader_version": __version__,
            "extraction": build_adapter().dump_json(replace(found, pictures={})).decode(),
            "pictures": dump_json(pictures) if with_pictures and pictures else None,
            "read_at": format_timestamp(at),
        }
        self.insert_row(connection, extractions, row, row["read_at"] or "")

    def find_extraction(self, submission_id: str) -> Extraction | None:
        """Find what was read from a file; raise `OutOfReach` when its row is not as it was written."""
        query = select(extractions).where(extractions.c.submission_id == submission_id)
        for row in self.select_unaltered_rows(extractions, query):
            pictures = {path: b64decode(picture) for path, picture in json.loads(row["pictures"] or "{}").items()}
            return replace(build_adapter().validate_json(row["extraction"]), pictures=pictures)
        return None

    def delete_pictures(self, connection: Transaction, submission_id: str, at: datetime) -> None:
        """Keep the pictures of places in doubt no longer: a person has decided."""
        query = select(extractions.c.pictures).where(extractions.c.submission_id == submission_id)
        if connection.execute(query).scalar():
            self.update_row(connection, extractions, submission_id, {"pictures": None}, format_timestamp(at))


@cache
def build_adapter() -> TypeAdapter[Extraction]:
    """Build what writes an extraction as JSON and reads it back."""
    return TypeAdapter(Extraction)

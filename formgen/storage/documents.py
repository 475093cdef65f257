"""Documents that went out, with the answers that they showed."""

from __future__ import annotations

import json

from sqlalchemy import select

from formgen.storage.database import Database, dump_json
from formgen.storage.rows import IssuedDocument
from formgen.storage.tables import issued_documents


class DocumentTable(Database):
    """The issued documents of a workspace."""

    def add_issued_document(self, issued: IssuedDocument) -> None:
        """Write down a document before it leaves; in the access log one of a case has been read."""
        row = {column.name: getattr(issued, column.name) for column in issued_documents.columns}
        row |= {
            "answers": dump_json(issued.answers),
            "sources": dump_json(issued.sources),
            "omitted": " ".join(sorted(issued.omitted)),
        }
        with self.begin_transaction() as connection:
            action = "read" if issued.case_id else "changed"
            self.insert_row(connection, issued_documents, row, issued.issued_at, action)

    def find_issued_document(self, instance_id: str) -> IssuedDocument | None:
        """Find what was issued as an instance; raise `OutOfReach` when its row is not as it was written."""
        query = select(issued_documents).where(issued_documents.c.instance_id == instance_id)
        for row in self.select_unaltered_rows(issued_documents, query):
            first = self.find_issued_document(row["corrects"]) if row["corrects"] else None
            read = {name: json.loads(row[name]) for name in ("answers", "sources")}
            own = None if row["corrects"] else (read["answers"], row["case_id"] or "")
            given, made_for = own or ((first.given, first.made_for) if first else ({}, ""))
            omitted = tuple((row["omitted"] or "").split())
            return IssuedDocument(**{**row, **read, "omitted": omitted, "given": given, "made_for": made_for})
        return None

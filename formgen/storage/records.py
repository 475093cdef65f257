"""Accepted records, which are never changed or deleted."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import select

from formgen.storage.database import Database, Transaction
from formgen.storage.moments import format_timestamp
from formgen.storage.rows import RecordPlace, StoredRecord
from formgen.storage.tables import issued_documents, records


class RecordTable(Database):
    """The records of a workspace."""

    def find_record(self, record_id: str | None) -> StoredRecord | None:
        """Find a record by its id."""
        found = self.fetch(StoredRecord, select(records).where(records.c.record_id == record_id)) if record_id else ()
        return next(iter(found), None)

    def list_record_places(self) -> list[RecordPlace]:
        """List the place of every record, oldest first."""
        query = select(records.c.record_id, records.c.case_id, records.c.form)
        return self.fetch(RecordPlace, query.order_by(records.c.record_id))

    def find_instance_records(self, instance_id: str) -> list[StoredRecord]:
        """Find the records that one document, or one that corrects it, has become, oldest first."""
        again = select(issued_documents.c.instance_id).where(issued_documents.c.corrects == instance_id)
        own = (records.c.instance_id == instance_id) | records.c.instance_id.in_(again)
        return self.fetch(StoredRecord, select(records).where(own).order_by(records.c.record_id))

    def add_record(self, connection: Transaction, record: StoredRecord, at: datetime) -> None:
        """Write an accepted record down for good."""
        self.insert_row(connection, records, asdict(record), format_timestamp(at))

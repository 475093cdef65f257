"""The journal as it began."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "cases",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("prefix", sa.String(length=20), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.String(length=32), nullable=False),
        sa.Column("previous", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("case_id"),
        sa.UniqueConstraint("prefix", "year", "number", name="uq_case_number"),
    )
    op.create_table(
        "returns",
        sa.Column("return_id", sa.String(length=36), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("received_at", sa.String(length=32), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=True),
        sa.Column("code", sa.String(length=40), nullable=True),
        sa.Column("form", sa.String(length=40), nullable=True),
        sa.Column("instance_id", sa.String(length=36), nullable=True),
        sa.Column("case_id", sa.String(length=40), nullable=True),
        sa.Column("record_id", sa.String(length=36), nullable=True),
        sa.Column("first_id", sa.String(length=36), nullable=True),
        sa.Column("waits_for", sa.String(length=40), nullable=True),
        sa.Column("rejected_as", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("language", sa.String(length=12), nullable=True),
        sa.Column("processed_at", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("return_id"),
        sa.UniqueConstraint("rejected_as"),
    )
    op.create_index(op.f("ix_returns_case_id"), "returns", ["case_id"], unique=False)
    op.create_index(op.f("ix_returns_outcome"), "returns", ["outcome"], unique=False)
    op.create_index(op.f("ix_returns_sha256"), "returns", ["sha256"], unique=False)
    op.create_table(
        "events",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("return_id", sa.String(length=36), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["return_id"],
            ["returns.return_id"],
        ),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "issued",
        sa.Column("instance_id", sa.String(length=36), nullable=False),
        sa.Column("form", sa.String(length=40), nullable=False),
        sa.Column("version", sa.String(length=12), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=True),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("format", sa.String(length=12), nullable=False),
        sa.Column("answers", sa.Text(), nullable=False),
        sa.Column("sources", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["cases.case_id"],
        ),
        sa.PrimaryKeyConstraint("instance_id"),
    )
    op.create_table(
        "records",
        sa.Column("record_id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=True),
        sa.Column("form", sa.String(length=40), nullable=False),
        sa.Column("version", sa.String(length=12), nullable=False),
        sa.Column("instance_id", sa.String(length=36), nullable=False),
        sa.Column("answers_key", sa.String(length=64), nullable=False),
        sa.Column("version_no", sa.Integer(), nullable=False),
        sa.Column("supersedes", sa.String(length=36), nullable=True),
        sa.Column("return_id", sa.String(length=36), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["cases.case_id"],
        ),
        sa.ForeignKeyConstraint(
            ["return_id"],
            ["returns.return_id"],
        ),
        sa.PrimaryKeyConstraint("record_id"),
        sa.UniqueConstraint("instance_id", "answers_key", name="uq_instance_answers"),
        sa.UniqueConstraint("return_id"),
        sa.UniqueConstraint("supersedes"),
    )
    op.create_index(op.f("ix_records_case_id"), "records", ["case_id"], unique=False)
    op.create_table(
        "steps",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.String(length=36), nullable=True),
        sa.Column("form", sa.String(length=40), nullable=False),
        sa.Column("transition", sa.String(length=8), nullable=True),
        sa.Column("phase_before", sa.String(length=12), nullable=True),
        sa.Column("phase_after", sa.String(length=12), nullable=True),
        sa.Column("coach", sa.String(length=120), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["cases.case_id"],
        ),
        sa.ForeignKeyConstraint(
            ["record_id"],
            ["records.record_id"],
        ),
        sa.PrimaryKeyConstraint("case_id", "seq"),
    )

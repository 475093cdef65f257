"""By which key the journal is sealed, if it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table of at most one row."""
    op.create_table(
        "seal",
        sa.Column("key", sa.String(length=8), nullable=False),
        sa.Column("canary", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )

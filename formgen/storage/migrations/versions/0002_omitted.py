"""What a document was issued without: fields that it did not ask."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the names of the fields left out, none for what went out before."""
    op.add_column("issued", sa.Column("omitted", sa.Text(), nullable=True))

"""What a rejected return is answered with: the document issued for it, and of which document that is a correction."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add both, none for what came and went before."""
    op.add_column("issued", sa.Column("corrects", sa.String(36), nullable=True))
    op.create_index("ix_issued_corrects", "issued", ["corrects"])
    op.add_column("returns", sa.Column("reply_id", sa.String(36), nullable=True))
    op.create_index("ix_returns_reply_id", "returns", ["reply_id"])

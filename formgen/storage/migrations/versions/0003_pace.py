"""What is asked for every return is found at once, however many returns there are."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the indexes."""
    op.create_index("ix_returns_source", "returns", ["source"])
    op.create_index("ix_steps_coach", "steps", ["coach"])
    op.drop_index("ix_returns_outcome", "returns")
    op.create_index("ix_returns_outcome", "returns", ["outcome", "return_id"])

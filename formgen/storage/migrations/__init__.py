"""How the journal came to its present shape, one file a step (Alembic)."""

from __future__ import annotations

from typing import Any

from alembic import command
from alembic.config import Config


def upgrade(engine: Any) -> None:
    """Bring the database that an engine reaches to the newest shape: all steps of it, or none."""
    config = Config()
    config.set_main_option("script_location", __path__[0])
    config.attributes["engine"] = engine
    command.upgrade(config, "head")

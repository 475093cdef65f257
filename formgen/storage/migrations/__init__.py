"""How the journal came to its present shape, one file a step (Alembic)."""

from __future__ import annotations

from typing import Any

from alembic import command
from alembic.config import Config


def upgrade(engine: Any, **with_what: Any) -> None:
    """Bring the database that an engine reaches to the newest shape: all steps of it, or none.

    ``with_what`` are the private folder ``var``, the ``vault`` that it is sealed with, and the ``end`` where
    that of its log is noted.
    """
    config = Config()
    config.set_main_option("script_location", __path__[0])
    config.attributes.update(engine=engine, **with_what)
    command.upgrade(config, "head")

"""How the journal came to its present shape, one file a step (Alembic)."""

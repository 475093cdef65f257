"""Everything that is kept below ``var/``: the database, the access log, keys."""

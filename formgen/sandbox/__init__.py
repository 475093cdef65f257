"""Foreign bytes are read by processes that are shut in."""

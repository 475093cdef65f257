"""Forms: what they ask, their rules, and the forms there are."""

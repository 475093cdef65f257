"""Moments as they are stored, and the days that people write."""

from __future__ import annotations

from datetime import UTC, date, datetime


def format_timestamp(at: datetime) -> str:
    """Return a moment as it is stored: UTC, milliseconds, Z.

    >>> format_timestamp(datetime(2026, 4, 13, 9, 12, 44, 120000, tzinfo=UTC))
    '2026-04-13T09:12:44.120Z'
    """
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_local_date(at: datetime) -> date:
    """Return the day of a moment as the office's own clock has it: what people write on paper."""
    return at.astimezone().date()

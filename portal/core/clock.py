"""The only clock of the house, so that a test can travel and every promise counts the same time."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, aware and in UTC."""
    return datetime.now(UTC)

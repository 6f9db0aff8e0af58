"""Enum → Django choices."""

from enum import StrEnum


def choices(enum: type[StrEnum]) -> list[tuple[str, str]]:
    """The enum's values with themselves as labels."""
    return [(member.value, member.value) for member in enum]

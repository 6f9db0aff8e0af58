"""Settings from the environment: every NAME also as NAME_FILE, else what `bin/up` left in the var folder."""

import json
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("TALLYROOM_VAR") or ROOT / "var").resolve()


def text(name: str, default: str = "") -> str:
    """Value of NAME, or the content of the file that NAME_FILE points at, or the default."""
    if name in os.environ:
        return os.environ[name]
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text().strip()
    return default


def integer(name: str, default: int) -> int:
    """Like `text`, as an int; a word that is no number is an error at start, not at first use."""
    return int(text(name) or default)


def number(name: str, default: float) -> float:
    """Like `text`, as a float (seconds, ratios)."""
    return float(text(name) or default)


def flag(name: str, default: bool) -> bool:
    """1, true, yes, on are true; anything else is false."""
    value = text(name)
    return default if not value else value.lower() in {"1", "true", "yes", "on"}


def words(name: str) -> list[str]:
    """A comma-separated list, trimmed, without empty entries."""
    return [word.strip() for word in text(name).split(",") if word.strip()]


def mapping(name: str) -> dict[str, str]:
    """A JSON object of texts, `{"claim value": "role"}`; anything else is an error at start."""
    value = json.loads(text(name) or "{}")
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise ValueError(f"{name} must be a JSON object of texts")
    return value


def objects(name: str) -> list[dict]:
    """A JSON list of objects; anything else is an error at start."""
    value = json.loads(text(name) or "[]")
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError(f"{name} must be a JSON list of objects")
    return value


def secret(name: str, file_name: str) -> str:
    """A secret from the environment, else the one generated once in `var/secrets`, else empty."""
    if value := text(name):
        return value
    path = VAR / "secrets" / file_name
    return path.read_text().strip() if path.is_file() else ""


def instance() -> dict:
    """What this installation calls itself: `{"id": "6 hex", …}`, written once by the stack."""
    path = VAR / "instance.json"
    return json.loads(path.read_text()) if path.is_file() else {}

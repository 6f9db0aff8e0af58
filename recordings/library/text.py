"""Folding text for search and tags: case and accents don't count. Pure."""

import unicodedata

# Ids and snapshots that search looks in, beside what people write.
_LABELS = ("node_label", "interface_label", "session_label", "schedule_label", "profile_label")


def fold(text: str) -> str:
    """Lower case without accents: `Über Größe` → `uber grosse`."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()


def tag_key(tag: str) -> str:
    """What two tags must share to be the same one."""
    return unicodedata.normalize("NFC", tag).casefold()


def unique_tags(tags) -> list[str]:
    """`tags` without those that differ from an earlier one by case only."""
    seen, kept = set(), []
    for tag in tags:
        if tag_key(tag) not in seen:
            seen.add(tag_key(tag))
            kept.append(tag)
    return kept


def search_text(recording) -> str:
    """Everything that search looks in, folded, one line per part."""
    parts = [recording.name, recording.folder, *recording.tags, recording.notes, *recording.transcript_snippets]
    parts += [getattr(recording, name) for name in _LABELS]
    return "\n".join(fold(part) for part in parts if part)


def index(recording) -> None:
    """Bring the columns that search and tag filters use in line with what people see."""
    recording.tag_keys = [tag_key(tag) for tag in recording.tags]
    recording.search_text = search_text(recording)

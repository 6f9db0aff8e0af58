"""Markers of a recording: people's own, and those derived from gaps and silence."""

import uuid

from recordings.library.models import Recording

LIMIT = 500


def derived(recording: Recording) -> list[dict]:
    """Marks made from what is known; their ids are stable, so that a delete can be told from an absent one."""
    marks = [
        _mark(
            recording, "gap", index, gap["atSeconds"], f"Gap of {gap['lengthSeconds']:.1f} s ({gap['cause'].replace('_', ' ')})", gap["lengthSeconds"]
        )
        for index, gap in enumerate(recording.gaps)
    ]
    file = recording.primary_file
    for index, span in enumerate(file.silent_spans if file else []):
        length = span["toSeconds"] - span["fromSeconds"]
        marks.append(_mark(recording, "silence", index, span["fromSeconds"], f"Silence for {length:.1f} s", length))
    return marks[:LIMIT]


def _mark(recording: Recording, kind: str, index: int, at: float, label: str, length: float) -> dict:
    return {
        "id": str(uuid.uuid5(recording.pk, f"{kind}:{index}")),
        "atSeconds": at,
        "lengthSeconds": length,
        "label": label,
        "kind": kind,
        "derived": True,
        "createdBy": None,
        "createdAt": None,
    }


def is_derived(recording: Recording, marker_id) -> bool:
    return any(mark["id"] == str(marker_id) for mark in derived(recording))

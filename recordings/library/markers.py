"""Markers of a recording: people's own, and those derived from gaps, silence and clips."""

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
    marks += _clips(recording)
    return marks[:LIMIT]


def _clips(recording: Recording) -> list[dict]:
    """Where its clips lie."""
    from recordings.replay import clips

    begins = (recording.primary_file.capture_start_at if recording.primary_file else None) or recording.recorded_at
    if recording.session_id is None or begins is None:
        return []
    return [
        _mark(recording, "clip", str(clip.pk), (clip.in_at - begins).total_seconds(), clip.name, (clip.out_at - clip.in_at).total_seconds())
        for clip in clips.of_recording(recording.pk)
    ]


def _mark(recording: Recording, kind: str, index: int | str, at: float, label: str, length: float) -> dict:
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

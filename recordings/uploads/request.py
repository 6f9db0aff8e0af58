"""The headers of `/recordings/:rid/cache-file` (06 §8), parsed and judged before a byte of the body is read."""

import math
import re
import unicodedata
from dataclasses import dataclass
from email.message import Message
from uuid import UUID

from config.kernel.errors import ApiError, FieldError
from recordings.library.storage import EXTENSIONS
from recordings.uploads import content_range
from recordings.uploads.content_range import Part

MIB = 1024**2
MAX_PART_BYTES = 16 * MIB
MAX_FILE_BYTES = 64 * 1024**3
MAX_SECONDS = 31 * 86400


@dataclass(frozen=True)
class Track:
    """Which file: of which job, under which claim, which track."""

    job_id: UUID
    claim_epoch: int
    index: int
    final: bool


@dataclass(frozen=True)
class Offer:
    """One PUT: a part of a file and what both must hash to (hex)."""

    track: Track
    part: Part
    part_sha256: str
    file_sha256: str
    mime_type: str
    duration_seconds: float | None
    file_name: str


def track(headers) -> Track:
    """FieldError for a header that is missing or malformed."""
    try:
        job_id = UUID(headers.get("Recording-Job-Id", ""))
    except ValueError as error:
        raise FieldError("Recording-Job-Id", "invalid", "The header must name the job.") from error
    final = headers.get("Track-Final", "true").strip().lower()
    if final not in {"true", "false"}:
        raise FieldError("Track-Final", "invalid", "true or false.")
    return Track(job_id, _number(headers, "Claim-Epoch", None), _number(headers, "Track-Index", "1", least=1), final == "true")


def _number(headers, name: str, default: str | None, least: int = 0) -> int:
    text = (headers.get(name) or default or "").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= least):
        raise FieldError(name, "invalid", f"The header must be a number of at least {least}.")
    return int(text)


def offer(headers, length_text: str) -> Offer:
    """ApiError length_required, file_empty, part_too_large, content_range_invalid, file_too_large, digest_required, duration_invalid, unsupported_media_type."""
    which = track(headers)
    if not (length_text or "").isdigit():
        raise ApiError("length_required")
    length = int(length_text)
    if length == 0:
        raise ApiError("file_empty")
    if length > MAX_PART_BYTES:
        raise ApiError("part_too_large", data={"max_part_bytes": MAX_PART_BYTES})
    try:
        part = content_range.parse(headers.get("Content-Range"), length)
    except content_range.Invalid as error:
        raise ApiError("content_range_invalid", f"Content-Range {error}.") from error
    if part.total > MAX_FILE_BYTES:
        raise ApiError("file_too_large", data={"max_file_bytes": MAX_FILE_BYTES})
    part_sha256 = content_range.sha256_of(headers.get("Content-Digest"))
    file_sha256 = content_range.sha256_of(headers.get("Repr-Digest"))
    if part_sha256 is None or file_sha256 is None:
        raise ApiError("digest_required")
    mime_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if mime_type not in EXTENSIONS:
        raise ApiError("unsupported_media_type")
    return Offer(
        which, part, part_sha256, file_sha256, mime_type, _seconds(headers.get("Media-Duration-Seconds")), label(headers.get("Content-Disposition"))
    )


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and 0 <= value <= MAX_SECONDS):
        raise ApiError("duration_invalid")
    return value


def label(header: str | None) -> str:
    """The file name of a Content-Disposition, as text for people: no path, no control character, ≤ 255."""
    if not header or len(header) > 2000:
        return ""
    message = Message()
    message["Content-Disposition"] = re.sub(r"[\r\n]+", " ", header)
    name = message.get_filename() or ""
    name = "".join(char for char in name if unicodedata.category(char)[0] != "C")
    return re.split(r"[/\\]", name)[-1].strip()[:255]

"""What a person asks of a recording, wherever it is captured, and the row that comes of it."""

from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from uuid import UUID

from recordings.library import text
from recordings.library.models import Recording
from recordings.profiles.models import RecordingProfile


@dataclass(frozen=True)
class Wish:
    """Everything may be left open."""

    name: str = ""
    folder: str = ""
    tags: list[str] = field(default_factory=list)
    duration_seconds: int | None = None
    profile: RecordingProfile | None = None
    upload_policy_id: UUID | None = None
    retention_policy_id: UUID | None = None

    @classmethod
    def of(cls, body: dict) -> "Wish":
        """What a body says of it."""
        return cls(**{one.name: body[one.name] for one in fields(cls) if body.get(one.name) is not None})

    def recording(self, *, at: datetime, profile: RecordingProfile, name: str, **facts) -> Recording:
        """Its row, stored: from `at` on, as long as was asked. `name` where none was asked for; `facts`: the columns of where it comes from."""
        made = Recording(
            name=self.name or name,
            folder=self.folder,
            tags=text.unique_tags(self.tags),
            planned_start_at=at,
            planned_end_at=at + timedelta(seconds=self.duration_seconds) if self.duration_seconds else None,
            sort_at=at,
            profile=profile,
            profile_label=profile.name,
            upload_policy_id=self.upload_policy_id,
            retention_policy_id=self.retention_policy_id,
            **facts,
        )
        text.index(made)
        made.save(force_insert=True)
        return made

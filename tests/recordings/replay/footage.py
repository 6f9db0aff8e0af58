"""Ten seconds of a camera, as the recorder leaves them: made once, laid wherever and whenever a test wants them."""

import asyncio
import json
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

from sessions.media.edge import codecs
from sessions.media.edge.recorder import Recorder
from sessions.media.edge.timeline import Line
from tests.sessions.media.peers import encoded, opus

FRAMES, GOP = 300, 15
SECONDS = FRAMES / 30


@lru_cache(4)
def _made(codec: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="footage-"))
    lines = {"video": Line(90_000), "audio": Line(48_000)}
    recorder = Recorder(folder, "p", lines, lambda: (None, None), lambda: None)
    for index in range(FRAMES):
        for piece in range(index * 50 // 30, (index + 1) * 50 // 30):
            recorder.audio(opus()[piece % 50], lines["audio"].at(piece * 960), piece / 50)
        data = encoded(codec)[index % 45]
        recorder.video(codec, data, lines["video"].at(index * 3000), codecs.is_keyframe(codec, data), index / 30)
    asyncio.run(recorder.close())
    return folder


def lay(folder: Path, name: str, at_ms: int, codec: str = "vp8") -> Path:
    """A publication of ten seconds in `folder`, its first keyframe at this Unix time."""
    folder.mkdir(parents=True, exist_ok=True)
    (note,) = _made(codec).glob("*.json")
    source = note.with_suffix("")
    target = folder / f"{name}.1{source.suffix}"
    shutil.copy(source, target)
    target.with_name(f"{target.name}.json").write_text(json.dumps(json.loads(note.read_text()) | {"startedAtMs": at_ms}))
    return target

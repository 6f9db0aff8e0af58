"""Clips in the background: cut as soon as the recorder has them on disk, and away when their time is over."""

from config.kernel import loops
from config.kernel.tasks import periodic
from recordings.replay import clips, processing


@loops.loop(clips.LOOP, every=0.4, idle_every=5)
def cut_clips() -> dict:
    return processing.run_due()


@periodic("replay.expire", every=600, queue="storage")
def expire() -> dict:
    return {"trashed": clips.expire(), "links": clips.forget_grants()}

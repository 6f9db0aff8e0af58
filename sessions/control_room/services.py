"""The verbs of the production; the only writers of its rows (04 §3). Others call them here; the replay channel's are in `replay_channel`."""

from sessions.control_room.captions import clear as clear_captions
from sessions.control_room.captions import post as post_caption
from sessions.control_room.fallback import source_left
from sessions.control_room.graphics import edit_lower_third, edit_slate, hide_lower_third, show_lower_third
from sessions.control_room.mixing import set_gain, set_mute
from sessions.control_room.switching import cut, preview, take

__all__ = [
    "clear_captions", "cut", "edit_lower_third", "edit_slate", "hide_lower_third", "post_caption", "preview", "set_gain", "set_mute",
    "show_lower_third", "source_left", "take",
]  # fmt: skip

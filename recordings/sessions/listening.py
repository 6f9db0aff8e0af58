"""What recordings hears of media."""

from recordings.sessions import services, starting


def on_media_began(sender, session_id, at, **_kwargs) -> None:
    starting.begin(session_id=session_id, at=at)


def on_recording_settled(sender, session_id, **_kwargs) -> None:
    services.settled(session_id=session_id)


def on_input_gone(sender, session_id, **_kwargs) -> None:
    services.ended(session_id=session_id)

"""What higher apps may want to know of media (recordings make recordings of it)."""

from django.dispatch import Signal

# session_id, at: media flows for the first time; sent in the transaction that makes the session LIVE.
media_began = Signal()
# session_id: the provider records what `media.takes` wants and nothing else; sent in the transaction that notes it.
recording_settled = Signal()
# session_id: the input is gone at the provider, nothing more is recorded; sent in that transaction.
input_gone = Signal()

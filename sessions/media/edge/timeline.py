"""RTP timestamps of one publication on one line of time. Pure."""

_TURN = 1 << 32


class Line:
    """Counts 32-bit timestamps on from the first one, which is 0; units are the codec's clock."""

    def __init__(self, rate: int):
        self.rate = rate
        self.first: int | None = None
        self._last = 0

    def at(self, timestamp: int) -> int:
        """Ticks since the first timestamp; negative for one that is older."""
        if self.first is None:
            self.first = timestamp
        expected = (self.first + self._last) % _TURN
        step = (timestamp - expected + _TURN // 2) % _TURN - _TURN // 2
        position = self._last + step
        self._last = max(self._last, position)
        return position

    def clock_of_first(self, report: tuple[float, int]) -> float:
        """Seconds on the sender's clock at the first timestamp, by its sender report (NTP seconds, RTP timestamp)."""
        ntp_seconds, timestamp = report
        newest = (self.first + self._last) % _TURN
        behind = (newest - timestamp + _TURN // 2) % _TURN - _TURN // 2
        return ntp_seconds - (self._last - behind) / self.rate


def sound_offset(video: Line, audio: Line, video_report, audio_report) -> float | None:
    """Seconds by which the first sound is later than the first picture; None while a report is missing.

    Arrival times would be wrong by tens of milliseconds: a picture is encoded and paced for longer than a sound.
    """
    if video_report is None or audio_report is None or video.first is None or audio.first is None:
        return None
    return audio.clock_of_first(audio_report) - video.clock_of_first(video_report)

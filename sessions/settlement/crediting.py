"""What voided seconds of a bill come to. Pure (05 §10)."""

from sessions.metering.split import Split, split


def credited(clean_seconds: int, seconds: int, rate_micro: int, fee_bps: int) -> Split:
    """What `seconds` of a bill come to: the difference of two splits, so that note and rest add up to the bill."""
    whole, rest = split(clean_seconds, rate_micro, fee_bps), split(clean_seconds - seconds, rate_micro, fee_bps)
    return Split(whole.gross - rest.gross, whole.operator - rest.operator, whole.fee - rest.fee)

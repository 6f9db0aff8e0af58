"""Who gets what of the clean seconds. Pure; all amounts are integer micro-USDC."""

from typing import NamedTuple

BASIS = 10_000


class Split(NamedTuple):
    """`gross = operator + fee`, always."""

    gross: int
    operator: int
    fee: int


def split(clean_seconds: int, rate_micro: int, fee_bps: int) -> Split:
    """The operator's share is floored once, so the fee takes the remainder and no micro is lost. Raises ValueError outside the ranges."""
    if clean_seconds < 0 or rate_micro < 0 or not 0 <= fee_bps <= BASIS:
        raise ValueError("Seconds and rate are not negative, and the fee lies between 0 and 10000 basis points.")
    gross = clean_seconds * rate_micro
    operator = gross * (BASIS - fee_bps) // BASIS
    return Split(gross, operator, gross - operator)

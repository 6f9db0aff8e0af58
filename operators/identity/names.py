"""How identities are written down, so that one person has one spelling."""

import unicodedata


def normal_email(text: str) -> str:
    """NFKC, trimmed, lower case: what is stored and looked up."""
    return unicodedata.normalize("NFKC", text).strip().lower()

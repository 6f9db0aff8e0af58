"""The sentences of the registry: for people, in words of their own."""

from config.kernel.error_codes import CODES


def test_every_sentence_says_more_than_its_code():
    for code, entry in CODES.items():
        words = entry.message.rstrip(".").lower().replace("-", " ").split()
        assert entry.message.endswith(".") and entry.message[0].isupper(), code
        assert "_".join(words) != code and len(words) > 3, code

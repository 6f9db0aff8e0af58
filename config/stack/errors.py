"""The one exception of this package: something a person can put right, said in their words."""


class StackError(Exception):
    """Start-up can't go on; the message says what is wrong and what to do about it."""

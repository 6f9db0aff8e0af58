"""Password hashing: Argon2id with the parameters of 03 §1. Hashes made with others are renewed at the next sign-in."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class TallyArgon2(Argon2PasswordHasher):
    """Argon2id, time 2, memory 19,456 KiB, parallelism 1 (about 20 ms and 19 MiB on a small core)."""

    time_cost = 2
    memory_cost = 19456
    parallelism = 1

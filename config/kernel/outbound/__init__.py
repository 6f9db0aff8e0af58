"""Requests to addresses that people entered (webhooks, notices): `guard` says whether one may be called, `sender` calls it, `signing` proves who called."""

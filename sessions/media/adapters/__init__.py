"""One module for each media server: the contract of `sessions.media.provider` in that server's own words (docs/media.md)."""

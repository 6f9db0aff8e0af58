"""The embedded media server: WHIP in, WHEP out, encoded frames passed on and recorded, never transcoded (docs/media.md)."""

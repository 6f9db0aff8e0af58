"""The export of the library: what an archive needs to check its copies."""

from config.kernel import exports

COLUMNS: exports.Columns = [
    ("id", lambda row: row.pk),
    ("name", lambda row: row.name),
    ("folder", lambda row: row.folder),
    ("tags", lambda row: row.tags),
    ("kind", lambda row: row.kind),
    ("source", lambda row: row.source),
    ("status", lambda row: row.status),
    ("recorded_at", lambda row: row.recorded_at),
    ("ended_at", lambda row: row.ended_at),
    ("duration_seconds", lambda row: row.duration_seconds),
    ("partial", lambda row: row.partial),
    ("node_id", lambda row: row.node_id),
    ("node", lambda row: row.node_label),
    ("track_index", lambda row: row.track_index),
    ("file_name", lambda row: row.primary_file.file_name if row.primary_file else None),
    ("mime_type", lambda row: row.primary_file.mime_type if row.primary_file else None),
    ("size", lambda row: row.primary_file.size if row.primary_file else None),
    ("sha256", lambda row: row.primary_file.sha256 if row.primary_file else None),
    ("cache_state", lambda row: row.cache_state),
    ("copies", lambda row: []),
    ("legal_hold", lambda row: row.legal_hold),
    ("expires_at", lambda row: row.expires_at),
    ("deleted_at", lambda row: row.deleted_at),
    ("created_at", lambda row: row.created_at),
]

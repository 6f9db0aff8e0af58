"""Whether the books agree with themselves and with the sessions; finds and reports, repairs nothing (05 §9)."""

from django.db import connection

from nodes.health.services import clear_event, raise_event
from sessions.settlement import provider

TYPE = "controller.ledger.mismatch"
SHOWN = 50
_OVER = "('ENDED', 'EXPIRED')"

# rule → what it says, and the ids of the rows that break it. Amounts are compared as numeric.
RULES: dict[str, tuple[str, str]] = {
    "transaction_sum": (
        "Entries of a ledger transaction do not sum to zero.",
        "SELECT transaction_id FROM live_sessions_ledgerentry GROUP BY transaction_id HAVING sum(amount) <> 0",
    ),
    "balance": (
        "A balance is not the sum of its entries.",
        """SELECT a.id FROM live_sessions_account a LEFT JOIN live_sessions_ledgerentry e ON e.account_id = a.id
           GROUP BY a.id HAVING a.balance <> coalesce(sum(e.amount), 0) OR a.entries <> count(e.id)""",
    ),
    "held": (
        "A held balance is not the sum of the open holds.",
        """SELECT a.id FROM live_sessions_account a LEFT JOIN (
               SELECT e.account_id, sum(e.amount) AS amount FROM live_sessions_ledgerentry e
               JOIN live_sessions_ledgertransaction t ON t.id = e.transaction_id
               WHERE t.kind = 'HOLD' AND e.amount > 0 AND NOT EXISTS (
                   SELECT 1 FROM live_sessions_ledgertransaction o WHERE o.session_id = t.session_id AND o.kind IN ('SETTLE', 'RELEASE'))
               GROUP BY e.account_id
           ) open ON open.account_id = a.id WHERE a.kind = 'held' AND a.balance <> coalesce(open.amount, 0)""",
    ),
    "hold_of_session": (
        "A hold differs from its session's.",
        """SELECT s.id FROM live_sessions_fieldsession s JOIN live_sessions_ledgertransaction t ON t.session_id = s.id AND t.kind = 'HOLD'
           JOIN live_sessions_ledgerentry e ON e.transaction_id = t.id AND e.amount > 0 WHERE e.amount <> s.hold_micro""",
    ),
    "open_hold_missing": (
        "An open session of the LIVE world holds no money.",
        """SELECT s.id FROM live_sessions_fieldsession s WHERE s.environment = 'LIVE' AND s.hold_micro > 0
           AND s.state IN ('REQUESTED', 'ASSIGNED', 'LIVE')
           AND NOT EXISTS (SELECT 1 FROM live_sessions_ledgertransaction t WHERE t.session_id = s.id AND t.kind = 'HOLD')""",
    ),
    "settlement_missing": (
        "A metered session has no settlement.",
        f"""SELECT s.id FROM live_sessions_fieldsession s LEFT JOIN live_sessions_settlement m ON m.session_id = s.id
            WHERE s.state IN {_OVER} AND s.started_at IS NOT NULL AND m.id IS NULL""",
    ),
    "settlement_amounts": (
        "A settlement differs from its session's meter and rate.",
        f"""SELECT s.id FROM live_sessions_fieldsession s JOIN live_sessions_settlement m ON m.session_id = s.id
            WHERE s.state IN {_OVER} AND s.started_at IS NOT NULL AND (m.gross_micro <> s.clean_seconds * s.rate_micro
            OR m.gross_micro <> m.operator_micro + m.fee_micro OR m.gross_micro <> s.gross_micro
            OR m.operator_micro <> s.operator_micro OR m.fee_micro <> s.fee_micro)""",
    ),
    "settlement_unbooked": (
        "A confirmed settlement was not booked, or for another amount.",
        """SELECT m.session_id FROM live_sessions_settlement m LEFT JOIN (
               SELECT t.session_id, sum(e.amount) FILTER (WHERE e.event = 'EARN') AS earned FROM live_sessions_ledgertransaction t
               JOIN live_sessions_ledgerentry e ON e.transaction_id = t.id WHERE t.kind = 'SETTLE' GROUP BY t.session_id
           ) b ON b.session_id = m.session_id
           WHERE (m.state = 'CONFIRMED' AND m.operator_micro IS DISTINCT FROM b.earned) OR (m.state = 'NONE' AND b.session_id IS NOT NULL)""",
    ),
}


def differences() -> list[dict]:
    """`[{rule, message, ids (≤ 50), count}]`, of one snapshot; empty: everything agrees."""
    found = []
    with connection.cursor() as cursor:
        for rule, (message, query) in RULES.items():
            cursor.execute(f"SELECT id::text, count(*) OVER () FROM ({query}) AS broken (id) ORDER BY 1 LIMIT {SHOWN}")
            rows = cursor.fetchall()
            if rows:
                found.append({"rule": rule, "message": message, "ids": [row[0] for row in rows], "count": rows[0][1]})
    return found + provider.current().check()


def run() -> dict:
    """Check, and raise or clear the health event."""
    found = differences()
    if found:
        message = " ".join(one["message"] for one in found)
        raise_event(type=TYPE, severity="critical", message=message, details={"differences": found})
    else:
        clear_event(type=TYPE)
    return {"differences": len(found)}

"""Row locks of a session in the one order of the house (01): session, device operator, ledger accounts."""

from config.kernel.errors import ApiError
from operators.workspaces.devices.models import DeviceOperator
from sessions.field.models import FieldSession


def locked(session_id, *, share: bool = False) -> FieldSession:
    """The session's row, held to the end of the transaction, with its workspaces and operator; ApiError not_found.

    `share`: FOR SHARE, for writers beside the session (samples) that must be wholly before or after its end.
    """
    if share:
        rows = FieldSession.objects.raw(f"SELECT * FROM {FieldSession._meta.db_table} WHERE id = %s FOR SHARE", [session_id])
        found = next(iter(rows), None)
    else:
        related = ("consumer_workspace", "operator_workspace", "operator")
        found = FieldSession.objects.select_for_update(of=("self",)).select_related(*related).filter(pk=session_id).first()
    if found is None:
        raise ApiError("not_found")
    return found


def operator_locked(operator_id) -> DeviceOperator:
    """The operator's row; after the session's."""
    return DeviceOperator.objects.select_for_update(of=("self",)).get(pk=operator_id)

"""Where an interface's audio comes from: `{"kind", "ref", "options"}`; passwords in a URL are stored encrypted and shown as `***@`."""

from urllib.parse import urlsplit, urlunsplit

from config.kernel.errors import FieldError
from config.kernel.names import FreeForm
from config.kernel.sealing import seal, unseal
from nodes.fleet.models import Interface
from nodes.fleet.states import Backend

_PURPOSE = "interface-source"
_URL_SCHEMES = {"rtsp", "rtsps", "http", "https"}
MASK = "***"


def masked(ref: str) -> str:
    """`rtsp://user:secret@host/…` → `rtsp://***@host/…`; anything else as it is."""
    parts = _split(ref)
    if parts is None or "@" not in parts.netloc:
        return ref
    return urlunsplit(parts._replace(netloc=f"{MASK}@{parts.netloc.rpartition('@')[2]}"))


def _split(ref: str):
    try:
        parts = urlsplit(ref)
    except ValueError:
        return None
    return parts if parts.netloc else None


def check(source: dict, path: str = "source") -> None:
    """FieldError unless the reference fits its kind. What the machine may open is the agent's own decision."""
    if source["kind"] != Backend.URL:
        return
    parts = _split(source["ref"])
    if parts is None or parts.scheme.lower() not in _URL_SCHEMES or not parts.hostname:
        raise FieldError(f"{path}.ref", "invalid", "A url source is rtsp://, rtsps://, http:// or https:// with a host.")


def store(interface: Interface, source: dict | None) -> None:
    """Set the person's source on the row (unsaved). A reference sent back masked keeps the password that is stored, on the same host. FieldError."""
    if source is None:
        interface.source, interface.sealed_ref = None, None
        return
    ref = _with_password(interface, source["ref"])
    shown = masked(ref)
    interface.sealed_ref = seal(ref, _PURPOSE) if shown != ref else None
    interface.source = {"kind": source["kind"], "ref": shown, "options": dict(source.get("options") or {})}


def _with_password(interface: Interface, ref: str) -> str:
    """`ref`, its mask replaced by what is stored for this very host."""
    parts = _split(ref)
    if parts is None or parts.netloc.rpartition("@")[0] != MASK:
        return ref
    stored = _split(unseal(interface.sealed_ref, _PURPOSE) or "") if interface.sealed_ref is not None else None
    host = parts.netloc.rpartition("@")[2]
    if stored is None or stored.netloc.rpartition("@")[2] != host:
        raise FieldError("source.ref", "invalid", "No password is stored for this host. Write it out; it is shown to nobody afterwards.")
    return urlunsplit(parts._replace(netloc=stored.netloc))


def shown(interface: Interface) -> dict:
    """The effective source for people, masked."""
    source = interface.source or {"kind": interface.backend, "ref": masked(interface.system_ref), "options": {}}
    return {"kind": source["kind"], "ref": source["ref"], "options": FreeForm(source.get("options") or {})}


def real(interface: Interface) -> dict:
    """The effective source for the node itself, with its password."""
    if interface.source is None:
        return {"kind": interface.backend, "ref": interface.system_ref, "options": {}}
    ref = unseal(interface.sealed_ref, _PURPOSE) if interface.sealed_ref is not None else None
    return {"kind": interface.source["kind"], "ref": ref or interface.source["ref"], "options": FreeForm(interface.source.get("options") or {})}

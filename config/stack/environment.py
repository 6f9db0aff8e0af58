"""What the programs of one instance are told, by their environment and by files in `var/secrets`.

Passwords go into the files, which the settings read when the environment says nothing: `manage.py` works beside a
running stack, and no secret stands in a process's environment.
"""

from __future__ import annotations

import os
import secrets as random
from dataclasses import dataclass
from urllib.parse import urlsplit

from config.stack import addresses, programs, secrets
from config.stack.caddy import MEDIA_PREFIX
from config.stack.errors import StackError
from config.stack.paths import Instance, free_ports, port_is_free

DEFAULT_PORT = 8000
_INTERNAL = ("postgres", "valkey", "web", "live", "media")


@dataclass(frozen=True)
class Plan:
    """How this start will be reached: decided once, written to `instance.json`, never guessed again."""

    bind: str
    port: int
    origin: str
    names: tuple[str, ...]
    ports: dict[str, int]

    @property
    def tls(self) -> bool:
        """HTTPS with a local authority as soon as other machines can connect: phones open cameras only then."""
        return not addresses.is_loopback(self.bind)

    @property
    def local_url(self) -> str:
        """How programs on this machine reach the edge."""
        host = addresses.LOOPBACK[0] if self.bind in {"0.0.0.0", "::", "localhost"} else self.bind
        return f"{'https' if self.tls else 'http'}://{addresses.bracketed(host)}:{self.port}"


def plan(instance: Instance, *, bind: str, port: int) -> Plan:
    """Choose ports and names. Raises StackError when the public port is taken."""
    if not port_is_free(port, bind if bind != "localhost" else addresses.LOOPBACK[0]):
        raise StackError(
            f"Port {port} on {bind} is taken by another program, or may not be used by this user.\n"
            f"Choose another one: bin/up --port {port + 1 if port < 65535 else DEFAULT_PORT}"
        )
    names = addresses.reachable_names(bind)
    scheme = "http" if addresses.is_loopback(bind) else "https"
    origin = secrets.from_environment("PUBLIC_ORIGIN") or f"{scheme}://{addresses.bracketed(names[0])}:{port}"
    named = urlsplit(origin).hostname
    if not named:
        raise StackError(f"PUBLIC_ORIGIN is {origin!r}; it must look like https://tallyroom.example.org")
    if scheme == "https" and named not in names:
        names = [named, *names]
    return Plan(bind, port, origin.rstrip("/"), tuple(names), _internal_ports(instance, public=port))


def _internal_ports(instance: Instance, *, public: int) -> dict[str, int]:
    """The ports of the last start where they are still free, so that nothing that remembers them goes astray."""
    recorded = instance.read_record().get("ports", {})
    kept = {name: port for name, port in recorded.items() if name in _INTERNAL and isinstance(port, int) and port != public and port_is_free(port)}
    missing = [name for name in _INTERNAL if name not in kept]
    return kept | dict(zip(missing, free_ports(len(missing), avoid=[public, *kept.values()]), strict=True))


def instance_id(instance: Instance) -> str:
    """Six hex digits that tell this installation's cookies from those of another on the same host; made once."""
    known = instance.read_record().get("id")
    return known if isinstance(known, str) and known else random.token_hex(3)


def variables(instance: Instance, chosen: Plan) -> dict[str, str]:
    """The environment of every program, to be laid over the one we were given."""
    proxies = [addresses.LOOPBACK[0], *_words("TRUSTED_PROXIES")]
    hosts = [*_words("ALLOWED_HOSTS"), *(addresses.bracketed(name) for name in chosen.names)]
    result = {
        "TALLYROOM_VAR": str(instance.var),
        "PUBLIC_ORIGIN": chosen.origin,
        "ALLOWED_HOSTS": ",".join(dict.fromkeys(hosts)),
        "TRUSTED_PROXIES": ",".join(dict.fromkeys(proxies)),
        "MEDIA_ROOT": str(instance.media),
        "MEDIA_ACCEL_PREFIX": MEDIA_PREFIX,
        "STATIC_ROOT": str(instance.static),
        "STATIC_MANIFEST": "1",
        "PROMETHEUS_MULTIPROC_DIR": str(instance.metrics),
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": programs.warnings_filter(),
    }
    defaults = {
        "XDG_RUNTIME_DIR": str(instance.run),
        # Threads in several arenas and in a linear algebra that is never used cost megabytes each.
        "MALLOC_ARENA_MAX": "2",
        "OPENBLAS_NUM_THREADS": "1",
    }
    return result | {name: value for name, value in defaults.items() if name not in os.environ}


def serves_media() -> bool:
    """Whether the embedded media server is the provider, as it is unless another is named."""
    return (secrets.from_environment("MEDIA_PROVIDER") or "embedded") == "embedded"


def _words(name: str) -> list[str]:
    return [word.strip() for word in (secrets.from_environment(name) or "").split(",") if word.strip()]


def database_url(instance: Instance) -> str:
    """`DATABASE_URL`, or that of the embedded database."""
    return secrets.from_environment("DATABASE_URL") or secrets.stored(instance.secrets, "database_url")


def redis_url(instance: Instance) -> str:
    """`REDIS_URL`, or that of the embedded broker."""
    return secrets.from_environment("REDIS_URL") or secrets.stored(instance.secrets, "redis_url")

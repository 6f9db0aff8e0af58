"""What the agent is told on its own machine: flags > TALLYROOM_AGENT_* > file > defaults.

What the controller says (interfaces, policies) is in `interfaces.py`; it never widens these limits.
"""

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

PREFIX = "TALLYROOM_AGENT_"
DEFAULT_FILE = Path("/etc/tallyroom/agent.toml")
#: What the controller may ask this machine to open. `file` and `lavfi` must be allowed by hand;
#: what is declared in the agent's own configuration is always allowed.
DEFAULT_ALLOWED_SOURCES = ("alsa", "pulse", "rtsp", "rtsps", "http", "https")


class ConfigError(Exception):
    """The machine's own configuration is unusable (exit 78)."""


@dataclass(frozen=True)
class LocalInterface:
    """An interface that this machine declares: `[[interface]]`, --interface or the environment."""

    source: str
    sample_rate: int = 48000
    channels: int = 2
    alias: str = ""
    sample_format: str = "s16"


@dataclass(frozen=True)
class Timing:
    """Seconds. Each is read from TALLYROOM_AGENT_<NAME> so that tests need not wait."""

    heartbeat_seconds: float = 5.0
    inventory_seconds: float = 60.0
    config_seconds: float = 60.0
    claim_seconds: float = 5.0
    job_heartbeat_seconds: float = 10.0
    unauthorized_seconds: float = 60.0
    backoff_first_seconds: float = 1.0
    backoff_last_seconds: float = 60.0
    upload_backoff_last_seconds: float = 300.0
    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    socket_ping_seconds: float = 20.0
    socket_dead_seconds: float = 60.0
    segment_seconds: float = 60.0
    sync_seconds: float = 2.0
    capture_ram_seconds: float = 10.0
    stall_seconds: float = 10.0
    url_stall_seconds: float = 30.0
    reopen_first_seconds: float = 1.0
    reopen_last_seconds: float = 30.0
    verify_poll_seconds: float = 2.0
    progress_seconds: float = 10.0
    meter_keep_seconds: float = 86400.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Timing":
        values = {}
        for item in fields(cls):
            text = environment.get(PREFIX + item.name.upper())
            if text is not None:
                values[item.name] = _positive(PREFIX + item.name.upper(), text)
        return cls(**values)


@dataclass(frozen=True)
class Settings:
    """Everything the program is told locally."""

    data_dir: Path
    url: str = ""
    node: str = ""
    ca_file: Path | None = None
    insecure: bool = False
    allow_sources: tuple[str, ...] = DEFAULT_ALLOWED_SOURCES
    file_roots: tuple[Path, ...] = ()
    interfaces: tuple[LocalInterface, ...] = ()
    install_command: tuple[str, ...] = ()
    update_command: tuple[str, ...] = ()
    discover: bool = True
    progress: str = "auto"
    log_format: str = "text"
    log_level: str = "info"
    once: bool = False
    timing: Timing = field(default_factory=Timing)

    @property
    def credential_path(self) -> Path:
        return self.data_dir / "credential"

    def require_controller(self) -> None:
        """Raise ConfigError unless there is a controller that may be spoken to."""
        if not self.url or not self.node:
            raise ConfigError("url and node are needed (--url, --node, the file or the environment)")
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"{self.url!r} is no http(s) address")
        if parts.scheme == "http" and not self.insecure and not is_loopback(parts.hostname):
            raise ConfigError("plain http is for loopback only; use https or --insecure")


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def load(flags: Mapping[str, object], environment: Mapping[str, str] = os.environ) -> Settings:
    """Merge the three layers. `flags` holds only what was given on the command line.

    Raises ConfigError for an unreadable file, an unknown key or a value of the wrong kind.
    """
    file = _read_file(flags.get("config") or environment.get(PREFIX + "CONFIG"))

    def pick(name: str, default: object = None) -> object:
        for value in (flags.get(name), environment.get(PREFIX + name.upper()), file.get(name)):
            if value not in (None, ""):
                return value
        return default

    data_dir = pick("data_dir") or environment.get("STATE_DIRECTORY") or "var/agent"
    ca_file = pick("ca_file") or _default_ca(Path(str(data_dir)))
    return Settings(
        data_dir=Path(str(data_dir)).absolute(),
        url=str(pick("url", "")).rstrip("/"),
        node=str(pick("node", "")),
        ca_file=Path(str(ca_file)) if ca_file else None,
        insecure=_boolean(pick("insecure", False)),
        allow_sources=_words("allow_sources", pick("allow_sources", DEFAULT_ALLOWED_SOURCES)),
        file_roots=tuple(Path(word) for word in _words("file_roots", pick("file_roots", ()))),
        interfaces=_interfaces(flags, environment, file),
        install_command=_words("install_command", file.get("install_command", ())),
        update_command=_words("update_command", file.get("update_command", ())),
        discover=_boolean(pick("discover", True)),
        progress=str(pick("progress", "auto")),
        log_format=str(pick("log_format", "text")),
        log_level=str(pick("log_level", "info")),
        once=bool(flags.get("once")),
        timing=Timing.from_environment(environment),
    )


def parse_interface(text: str) -> LocalInterface:
    """`SOURCE`, or a JSON object with the keys of `[[interface]]`."""
    if not text.lstrip().startswith("{"):
        return LocalInterface(source=text)
    try:
        return _interface(json.loads(text))
    except json.JSONDecodeError as error:
        raise ConfigError(f"the interface {text!r} is not JSON") from error


_FILE_KEYS = {
    *("url", "node", "data_dir", "ca_file", "allow_sources", "file_roots", "interface"),
    *("install_command", "update_command", "insecure", "discover"),
    *("progress", "log_format", "log_level"),
}


def _read_file(given: object) -> dict:
    path = Path(str(given)) if given else DEFAULT_FILE
    try:
        content = tomllib.loads(path.read_text())
    except FileNotFoundError as error:
        if given:
            raise ConfigError(f"{path} does not exist") from error
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    unknown = sorted(set(content) - _FILE_KEYS)
    if unknown:
        raise ConfigError(f"{path}: unknown key {unknown[0]!r}")
    return content


def _interfaces(flags: Mapping[str, object], environment: Mapping[str, str], file: dict) -> tuple[LocalInterface, ...]:
    given = flags.get("interface")
    if given:
        return tuple(parse_interface(str(text)) for text in given)
    text = environment.get(PREFIX + "INTERFACES")
    try:
        declared = json.loads(text) if text else file.get("interface", [])
    except json.JSONDecodeError as error:
        raise ConfigError(f"{PREFIX}INTERFACES is not JSON") from error
    if not isinstance(declared, list):
        raise ConfigError("interface must be a list")
    return tuple(_interface(item) for item in declared)


def _interface(item: object) -> LocalInterface:
    if not isinstance(item, dict) or not isinstance(item.get("source"), str):
        raise ConfigError("an interface needs a source")
    known = {entry.name: entry.type for entry in fields(LocalInterface)}
    for key, value in item.items():
        if key not in known or not isinstance(value, known[key]) or isinstance(value, bool):
            raise ConfigError(f"interface: {key!r} is unknown or of the wrong kind")
    interface = LocalInterface(**item)
    if not 1 <= interface.channels <= 512 or not 8000 <= interface.sample_rate <= 768_000:
        raise ConfigError("interface: 1–512 channels, 8–768 kHz")
    if interface.sample_format not in ("s16", "s24", "s32", "f32"):
        raise ConfigError("interface: sample_format is s16, s24, s32 or f32")
    return interface


def _default_ca(data_dir: Path) -> Path | None:
    path = data_dir / "ca.pem"
    return path if path.exists() else None


def _words(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    if isinstance(value, list | tuple) and all(isinstance(word, str) for word in value):
        return tuple(value)
    raise ConfigError(f"{name} must be a list of words")


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off"):
        return False
    raise ConfigError(f"{value!r} is neither true nor false")


def _positive(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise ConfigError(f"{name} must be a number") from error
    if not 0 < value < 1e9:
        raise ConfigError(f"{name} must be above 0")
    return value

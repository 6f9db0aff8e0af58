"""Where samples come from, and what may be opened.

    alsa:hw:XUSB,0   pulse:<name>   file:/path?loop=1   rtsp(s)://…   http(s)://…   lavfi:<graph>

A stream yields packed arrays (frames, channels) of int16, int32 or float32. A device delivers at
its own pace; file and lavfi are paced by the monotonic clock, so that they behave like one.
The controller may ask only for what `Policy` allows; the agent's own configuration may do anything.
"""

import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

for _variable, _places in {
    "ALSA_CONFIG_DIR": ("/usr/share/alsa",),
    "ALSA_PLUGIN_DIR": (
        "/usr/lib/x86_64-linux-gnu/alsa-lib",
        "/usr/lib/aarch64-linux-gnu/alsa-lib",
        "/usr/lib64/alsa-lib",
        "/usr/lib/alsa-lib",
    ),
}.items():
    # The PyAV wheel looks for ALSA's files where it was built: point it at the system's.
    _found = next((place for place in _places if Path(place).is_dir()), None)
    if _found:
        os.environ.setdefault(_variable, _found)

import av  # noqa: E402  (after the environment that its ALSA reads when loaded)
import numpy as np  # noqa: E402

#: Two people who talk: syllables (about 4 a second) inside phrases, pauses, a low room noise. Made
#: at 8 kHz, which holds all of it for a fifth of the work: the idle node has 5 % of a core.
DEFAULT_TEST_SIGNAL = (
    "lavfi:aevalsrc='"
    "0.002*random(0)+0.5*pow(abs(sin(3.9*PI*t)*sin(0.33*PI*t)),1.6)*"
    "(0.6*sin(848*t+2*sin(4*t))+0.3*sin(1696*t+4*sin(4*t))+0.1*sin(7200*t))|"
    "0.002*random(1)+0.4*pow(abs(sin(3.3*PI*t+1)*sin(0.21*PI*t+1)),1.6)*"
    "(0.6*sin(1320*t+2*sin(5*t))+0.3*sin(2640*t+4*sin(5*t))+0.1*sin(9100*t))"
    "':s=8000,aresample=48000"
)
DEFAULT_TEST_ALIAS = "Test signal"

DTYPES = {"s16": np.int16, "s24": np.int32, "s32": np.int32, "f32": np.float32}
AV_FORMATS = {"s16": "s16", "s24": "s32", "s32": "s32", "f32": "flt"}
BLOCK_SECONDS = 0.1
OPEN_TIMEOUT_SECONDS = 10.0
URL_KINDS = ("rtsp", "rtsps", "http", "https")
URL_PROTOCOLS = {
    "rtsp": "rtsp,rtp,srtp,udp,tcp",
    "rtsps": "rtsp,rtsps,rtp,srtp,tcp,tls",
    "http": "http,tcp",
    "https": "https,tls,tcp",
}
#: lavfi filters the controller may name; none of them can open a file or load a library.
SAFE_FILTERS = frozenset(
    [
        "aevalsrc",
        "sine",
        "anoisesrc",
        "anullsrc",
        "amerge",
        "amix",
        "asplit",
        "join",
        "pan",
        "channelmap",
        "channelsplit",
        "volume",
        "aformat",
        "aresample",
        "asetnsamples",
        "asetrate",
        "atempo",
        "adelay",
        "aecho",
        "afade",
        "alimiter",
        "acompressor",
        "tremolo",
        "vibrato",
        "lowpass",
        "highpass",
        "bandpass",
        "bandreject",
        "equalizer",
        "bass",
        "treble",
        "apad",
        "atrim",
    ]
)


class SourceError(Exception):
    """A source could not be opened or read on; it is tried again."""


class SourceNotAllowed(SourceError):
    """Refused by this machine's own limits; nothing was opened."""


class SourceEnded(SourceError):
    """A file without loop=1 is over."""


@dataclass(frozen=True)
class Spec:
    """What to open, and how its samples are to be delivered."""

    kind: str
    ref: str
    sample_rate: int = 48000
    sample_format: str = "s16"
    channels: int = 2
    options: tuple[tuple[str, str], ...] = dataclass_field(default=())

    @property
    def is_url(self) -> bool:
        return self.kind in URL_KINDS

    @property
    def is_paced(self) -> bool:
        return self.kind in ("file", "lavfi")


def parse(text: str) -> tuple[str, str]:
    """`alsa:hw:1` → ("alsa", "hw:1"); URLs keep their scheme. Raises SourceError."""
    scheme, separator, rest = text.partition(":")
    if not separator or not rest:
        raise SourceError(f"{text!r} is no source")
    if scheme in URL_KINDS:
        return scheme, text
    if scheme in ("alsa", "pulse", "file", "lavfi"):
        return scheme, rest
    raise SourceError(f"{scheme!r} is no kind of source")


def parse_wire(source: dict) -> tuple[str, str]:
    """The controller's {kind, ref}: the ref may repeat its kind; kind `url` is the URL's scheme."""
    kind, ref = str(source.get("kind") or ""), str(source.get("ref") or "")
    if kind == "url":
        return parse(ref)
    return parse(ref if ref.startswith(kind + ":") else f"{kind}:{ref}")


@dataclass(frozen=True)
class Policy:
    """This machine's limits on what the controller may ask it to open."""

    allow_sources: tuple[str, ...] = ()
    file_roots: tuple[Path, ...] = ()

    def check(self, kind: str, ref: str) -> None:
        """Raise SourceNotAllowed unless the controller may ask for it."""
        if kind not in self.allow_sources:
            raise SourceNotAllowed(f"source_not_allowed: {kind} is not in allow_sources")
        if kind == "file":
            path = Path(urlsplit(ref).path).resolve()
            if not any(path.is_relative_to(root.resolve()) for root in self.file_roots):
                raise SourceNotAllowed("source_not_allowed: the path lies outside file_roots")
        if kind == "lavfi" and not set(filter_names(ref)) <= SAFE_FILTERS:
            raise SourceNotAllowed("source_not_allowed: a filter of the graph is not known as safe")


def filter_names(graph: str) -> list[str]:
    """The filters a lavfi graph names; quoted and escaped text is no name."""
    bare = re.sub(r"\\.", "", re.sub(r"'[^']*'", "", graph))
    bare = re.sub(r"\[[^\]]*\]", "", bare)
    return [re.split(r"[=@]", part.strip())[0].strip() for part in re.split(r"[,;]", bare)]


# -- streams -----------------------------------------------------------------------------------


class AvStream:
    """Samples by way of PyAV. `close` may be called from another thread once `blocks` has ended."""

    def __init__(self, spec: Spec):
        self.spec = spec
        try:
            self._container = self._open()
            self._stream = self._container.streams.audio[0]
        except (av.error.FFmpegError, IndexError, OSError, ValueError) as error:
            raise SourceError(f"{spec.kind}: {_brief(error)}") from error
        self.channels = self._stream.codec_context.layout.nb_channels
        self._resampler = av.AudioResampler(
            format=AV_FORMATS[spec.sample_format],
            layout=self._stream.codec_context.layout,
            rate=spec.sample_rate,
        )

    def _open(self) -> av.container.InputContainer:
        spec = self.spec
        if spec.kind == "lavfi":
            graph = spec.ref
            if not graph.rstrip().endswith("]"):
                graph += f",asetnsamples=n={round(spec.sample_rate * BLOCK_SECONDS)}:p=0"
            return av.open(graph, format="lavfi")
        if spec.kind in ("alsa", "pulse"):
            device = spec.ref if spec.kind == "alsa" else f"pulse:DEVICE={spec.ref}"
            return av.open(
                device,
                format="alsa",
                options={"sample_rate": str(spec.sample_rate), "channels": str(spec.channels)},
            )
        if spec.kind == "file":
            return av.open(urlsplit(spec.ref).path, options={"protocol_whitelist": "file"})
        options = {"protocol_whitelist": URL_PROTOCOLS[spec.kind]}
        if spec.kind.startswith("rtsp"):
            options["rtsp_transport"] = "tcp"
        return av.open(spec.ref, options=options, timeout=(OPEN_TIMEOUT_SECONDS,) * 2)

    def blocks(self) -> Iterator[np.ndarray]:
        """Arrays (frames, channels) until the source ends (SourceEnded) or breaks (SourceError)."""
        try:
            for frame in self._container.decode(self._stream):
                for packed in self._resampler.resample(frame):
                    if packed.samples:
                        yield packed.to_ndarray().reshape(-1, self.channels)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise SourceError(f"{self.spec.kind}: {_brief(error)}") from error
        raise SourceEnded(f"{self.spec.kind}: the source ended")

    def close(self) -> None:
        self._container.close()


class PipeStream:
    """Samples from a child's standard output: `parec`, or `arecord` for more than 16 bits
    (PyAV cannot ask its ALSA input for another format)."""

    def __init__(self, spec: Spec, argv: list[str]):
        self.spec = spec
        self.channels = spec.channels
        try:
            self._child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        except OSError as error:
            raise SourceError(f"{argv[0]}: {error}") from error

    def blocks(self) -> Iterator[np.ndarray]:
        dtype = np.dtype(DTYPES[self.spec.sample_format])
        frames = round(self.spec.sample_rate * BLOCK_SECONDS)
        size = frames * self.channels * dtype.itemsize
        while True:
            content = self._child.stdout.read(size)
            if len(content) < size:
                raise SourceError(f"{self.spec.kind}: the device stopped")
            yield np.frombuffer(content, dtype=dtype).reshape(-1, self.channels)

    def close(self) -> None:
        self._child.kill()
        self._child.wait()
        self._child.stdout.close()


class PacedStream:
    """A file or graph made to last as long as it sounds; a file may loop."""

    def __init__(self, spec: Spec, stopping: threading.Event):
        self.spec = spec
        self._stopping = stopping
        self._stream = AvStream(spec)
        self.channels = self._stream.channels
        query = parse_qs(urlsplit(spec.ref).query) if spec.kind == "file" else {}
        self._loops = query.get("loop", ["0"])[-1] == "1"

    def blocks(self) -> Iterator[np.ndarray]:
        started, frames = time.monotonic(), 0
        for block in self._endless():
            frames += len(block)
            wait = started + frames / self.spec.sample_rate - time.monotonic()
            if wait > 0 and self._stopping.wait(wait):
                return
            yield block

    def _endless(self) -> Iterator[np.ndarray]:
        while True:
            try:
                yield from self._stream.blocks()
            except SourceEnded:
                if not self._loops:
                    raise
                self._stream.close()
                self._stream = AvStream(self.spec)

    def close(self) -> None:
        self._stream.close()


def open_stream(spec: Spec, stopping: threading.Event) -> AvStream | PipeStream | PacedStream:
    """Open a source. Raises SourceError. `stopping` ends the waiting of a paced one."""
    if spec.is_paced:
        return PacedStream(spec, stopping)
    wide = {"s24": "S32_LE", "s32": "S32_LE", "f32": "FLOAT_LE"}.get(spec.sample_format)
    if spec.kind == "alsa" and wide and shutil.which("arecord"):
        rate, count = str(spec.sample_rate), str(spec.channels)
        return PipeStream(spec, ["arecord", "-q", "-t", "raw", "-D", spec.ref, "-f", wide, "-r", rate, "-c", count])
    if spec.kind != "pulse":
        return AvStream(spec)
    try:
        return AvStream(spec)
    except SourceError:
        if not shutil.which("parec"):
            raise
    formats = {"s16": "s16le", "s24": "s32le", "s32": "s32le", "f32": "float32le"}
    return PipeStream(
        spec,
        [
            *("parec", "--raw", f"--device={spec.ref}", f"--rate={spec.sample_rate}"),
            *(f"--channels={spec.channels}", f"--format={formats[spec.sample_format]}"),
        ],
    )


def _brief(error: Exception) -> str:
    """Without the address: it may hold a password."""
    return getattr(error, "strerror", None) or type(error).__name__

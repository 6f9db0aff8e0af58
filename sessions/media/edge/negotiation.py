"""Offers, answers and trickled candidates, as WHIP (RFC 9725) and WHEP use them."""

import hashlib
import re

from aiortc import RTCBundlePolicy, RTCConfiguration, RTCIceServer, RTCPeerConnection
from aiortc.exceptions import InternalError, InvalidAccessError, InvalidStateError, OperationError
from aiortc.sdp import SessionDescription, candidate_from_sdp
from django.conf import settings

from sessions.media.edge import tap

VIDEO_CODECS = ("video/vp8", "video/h264")
# Without a start value Chromium takes twenty seconds from 300 kbit/s to a good picture.
START_KBPS = 2000
MAX_SDP_BYTES = 64 * 1024
_PARSING = (ValueError, KeyError, IndexError, AssertionError, AttributeError, TypeError)


class Malformed(Exception):
    """Not an SDP offer, or not a fragment of one: 400."""


class Unusable(Exception):
    """An offer that can be read and not be served: 422."""


class Stale(Exception):
    """A PATCH for another ICE session than the present one: 412."""


def ice_servers() -> list[dict]:
    """MEDIA_ICE_SERVERS: `[{"urls": "turn:…", "username"?, "credential"?}]`."""
    return settings.MEDIA_ICE_SERVERS


def configuration() -> RTCConfiguration:
    # An empty list, said out loud: without it aiortc asks a public STUN server.
    servers = [RTCIceServer(**server) for server in ice_servers()]
    return RTCConfiguration(iceServers=servers, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)


def links() -> list[str]:
    """The `Link` headers that tell a client which ICE servers to use."""
    found = []
    for server in ice_servers():
        urls = server["urls"] if isinstance(server["urls"], list) else [server["urls"]]
        for url in urls:
            extra = ""
            if server.get("username"):
                extra = f'; username="{server["username"]}"; credential="{server.get("credential", "")}"; credential-type="password"'
            found.append(f'<{url}>; rel="ice-server"{extra}')
    return found


def kinds_offered(offer: str, *, sending: bool) -> list[str]:
    """`video`, `audio`: what the far end offers to send, or to receive; each at most once."""
    wanted = ("sendonly", "sendrecv") if sending else ("recvonly", "sendrecv")
    try:
        media = SessionDescription.parse(offer).media
    except _PARSING as error:
        raise Malformed("The body is no SDP offer.") from error
    if not media or any(part.ice.usernameFragment is None or not part.rtp.muxId for part in media):
        raise Malformed("The offer needs media sections, each with a mid and ICE credentials.")
    kinds = [part.kind for part in media if part.kind in tap.CLOCK_RATE and (part.direction or "sendrecv") in wanted]
    if len(kinds) != len(set(kinds)):
        raise Unusable("One video and one audio track at most.")
    return kinds


def preferences(codecs: list, kind: str, only: str = "") -> list:
    """What is passed on of a kind: Opus; VP8 and H.264, or `only` one of them; and retransmission."""
    if kind == "audio":
        return [codec for codec in codecs if codec.mimeType.lower() == "audio/opus"]
    wanted = (f"video/{only}",) if only else VIDEO_CODECS
    return [codec for codec in codecs if codec.mimeType.lower() in (*wanted, "video/rtx")]


async def accept(connection: RTCPeerConnection, offer) -> None:
    """Take the offer and answer it, with every candidate of ours in the answer."""
    try:
        await connection.setRemoteDescription(offer)
        await connection.setLocalDescription(await connection.createAnswer())
    except (OperationError, InvalidAccessError, InvalidStateError, InternalError) as error:
        raise Unusable("The offer has no codec in common: VP8 or H.264, and Opus.") from error
    except _PARSING as error:
        raise Malformed("The offer could not be read.") from error


def local_sdp(connection: RTCPeerConnection) -> str:
    """Our description, with the addresses by which the world reaches this machine (MEDIA_PUBLIC_ADDRESSES) as further candidates."""
    text = connection.localDescription.sdp
    if not settings.MEDIA_PUBLIC_ADDRESSES:
        return text
    lines = []
    for line in text.split("\r\n"):
        lines.append(line)
        parts = line.split(" ")
        if line.startswith("a=candidate:") and parts[7] == "host" and parts[2].lower() == "udp":
            for number, address in enumerate(settings.MEDIA_PUBLIC_ADDRESSES):
                foundation = f"a=candidate:{hashlib.md5(f'{parts[0]}{address}'.encode(), usedforsecurity=False).hexdigest()}"
                lines.append(" ".join([foundation, *parts[1:3], str(int(parts[3]) - 1 - number), address, *parts[5:]]))
    return "\r\n".join(lines)


def with_start_bitrate(answer: str) -> str:
    """The answer with a bitrate to begin at, in the words of Chromium; others ignore it."""
    lines = answer.split("\r\n")
    payloads = re.findall(r"^a=rtpmap:(\d+) (?:VP8|H264)/90000", answer, re.MULTILINE)
    for payload in payloads:
        wish = f"x-google-start-bitrate={START_KBPS}"
        at = next((index for index, line in enumerate(lines) if line.startswith(f"a=fmtp:{payload} ")), None)
        if at is not None:
            lines[at] += f";{wish}"
        else:
            at = next(index for index, line in enumerate(lines) if line.startswith(f"a=rtpmap:{payload} "))
            lines.insert(at + 1, f"a=fmtp:{payload} {wish}")
    return "\r\n".join(lines)


def etag(connection: RTCPeerConnection) -> str:
    """The entity tag of the ICE session: it changes with the credentials of an ICE restart."""
    ufrag, password = tap.ice_credentials(connection)
    return '"' + hashlib.sha256(f"{ufrag}:{password}".encode()).hexdigest()[:20] + '"'


async def trickle(connection: RTCPeerConnection, fragment: str, if_match: str | None, current: str) -> None:
    """Add the candidates of a fragment (RFC 8840). Stale for another ICE session, Unusable for an ICE restart, Malformed."""
    if if_match not in (None, "*", current):
        raise Stale
    ufrag, password = tap.ice_credentials(connection)
    named = dict(re.findall(r"^a=ice-(ufrag|pwd):(.*?)\r?$", fragment, re.MULTILINE))
    if (named.get("ufrag", ufrag), named.get("pwd", password)) != (ufrag, password):
        raise Unusable("ICE can't be restarted here. POST a new offer to the same URL.")
    mid, found = None, []
    for line in fragment.splitlines():
        if line.startswith("a=mid:"):
            mid = line[6:].strip()
        elif line.startswith("a=candidate:"):
            found.append((line[12:].strip(), mid))
    if not found and "a=end-of-candidates" not in fragment and not named:
        raise Malformed("The fragment names no candidate.")
    for text, mid in found:
        try:
            candidate = candidate_from_sdp(text)
        except _PARSING as error:
            raise Malformed("A candidate could not be read.") from error
        candidate.sdpMid = mid if mid is not None else "0"
        try:
            await connection.addIceCandidate(candidate)
        except _PARSING as error:
            raise Malformed("A candidate could not be used.") from error

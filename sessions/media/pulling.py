"""One picture by WHEP from a provider that offers no other way to see whether media flows: aiortc as a viewer, for a few seconds."""

import asyncio

import httpx
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from config.kernel.errors import ApiError

PATIENCE_SECONDS = 5


def pull_frame(whep_url: str, max_width: int) -> bytes | None:
    """A JPEG of what plays at `whep_url`; None if nothing does. ApiError provider_timeout, provider_error."""
    try:
        return asyncio.run(asyncio.wait_for(_pull(whep_url, max_width), PATIENCE_SECONDS))
    except TimeoutError as error:
        raise ApiError("provider_timeout") from error
    except (httpx.HTTPError, ValueError, OSError, MediaStreamError) as error:
        raise ApiError("provider_error") from error


async def _pull(whep_url: str, max_width: int) -> bytes | None:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    track = connection.addTransceiver("video", direction="recvonly").receiver.track
    resource = None
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS, follow_redirects=False, trust_env=False) as http:
        try:
            await connection.setLocalDescription(await connection.createOffer())
            reply = await http.post(whep_url, content=connection.localDescription.sdp, headers={"Content-Type": "application/sdp"})
            if reply.status_code in (404, 409):
                return None
            if reply.status_code != 201:
                raise ValueError(f"WHEP answered {reply.status_code}")
            resource = reply.headers.get("Location")
            await connection.setRemoteDescription(RTCSessionDescription(reply.text, "answer"))
            picture = await track.recv()
            return await asyncio.to_thread(_jpeg, picture, max_width)
        finally:
            await connection.close()
            if resource:
                await http.delete(httpx.URL(whep_url).join(resource))


def _jpeg(picture, max_width: int) -> bytes:
    from sessions.media.edge.codecs import picture_to_jpeg

    return picture_to_jpeg(picture, max_width)

"""Chromium as a phone and as a viewer: WHIP and WHEP in a few lines of its own JavaScript, with fake devices."""

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-device-for-media-stream=fps=30", "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip

PUBLISH = """async ({url, codec, width, height}) => {
  const stream = await navigator.mediaDevices.getUserMedia({video: {width, height, frameRate: 30}, audio: true})
  const pc = new RTCPeerConnection({bundlePolicy: "max-bundle"})
  for (const track of stream.getTracks()) {
    const transceiver = pc.addTransceiver(track, {direction: "sendonly", streams: [stream]})
    if (track.kind === "video" && codec) {
      const all = RTCRtpSender.getCapabilities("video").codecs
      const wanted = all.filter(c => c.mimeType === codec)
      if (!wanted.length) throw new Error("no " + codec)
      transceiver.setCodecPreferences([...wanted, ...all.filter(c => c.mimeType === "video/rtx")])
    }
  }
  await pc.setLocalDescription()
  const reply = await fetch(url, {method: "POST", headers: {"Content-Type": "application/sdp"}, body: pc.localDescription.sdp})
  if (reply.status !== 201) return {status: reply.status, body: await reply.text()}
  await pc.setRemoteDescription({type: "answer", sdp: await reply.text()})
  const key = Math.random().toString(36).slice(2)
  window.peers = {...(window.peers || {}), [key]: {pc, stream, resource: new URL(reply.headers.get("Location"), url).href}}
  return {status: 201, key, location: reply.headers.get("Location"), etag: reply.headers.get("ETag")}
}"""

VIEW = """async ({url}) => {
  const pc = new RTCPeerConnection({bundlePolicy: "max-bundle"})
  pc.addTransceiver("video", {direction: "recvonly"})
  pc.addTransceiver("audio", {direction: "recvonly"})
  const video = document.createElement("video")
  video.muted = true; video.autoplay = true; video.playsInline = true
  document.body.append(video)
  const stream = new MediaStream()
  pc.ontrack = event => { stream.addTrack(event.track); video.srcObject = stream }
  await pc.setLocalDescription()
  const reply = await fetch(url, {method: "POST", headers: {"Content-Type": "application/sdp"}, body: pc.localDescription.sdp})
  if (reply.status !== 201) return {status: reply.status, body: await reply.text()}
  await pc.setRemoteDescription({type: "answer", sdp: await reply.text()})
  const key = Math.random().toString(36).slice(2)
  window.peers = {...(window.peers || {}), [key]: {pc, video, resource: new URL(reply.headers.get("Location"), url).href}}
  return {status: 201, key}
}"""

# What a peer has sent or received, and for a viewer how many frames it shows.
STATS = """async key => {
  const {pc, video} = window.peers[key]
  const found = {state: pc.connectionState, frames: 0, keyframes: 0, audioPackets: 0, width: 0, height: 0, codec: "", packetsLost: 0}
  const codecs = {}
  for (const [, row] of await pc.getStats()) {
    if (row.type === "codec") codecs[row.id] = row.mimeType
    if ((row.type === "inbound-rtp" || row.type === "outbound-rtp") && row.kind === "video") {
      found.frames = row.framesDecoded ?? row.framesEncoded ?? 0
      found.keyframes = row.keyFramesDecoded ?? row.keyFramesEncoded ?? 0
      found.width = row.frameWidth || 0; found.height = row.frameHeight || 0
      found.codecId = row.codecId; found.packetsLost = row.packetsLost || 0
    }
    if ((row.type === "inbound-rtp" || row.type === "outbound-rtp") && row.kind === "audio") found.audioPackets = row.packetsReceived ?? row.packetsSent ?? 0
  }
  found.codec = codecs[found.codecId] || ""
  found.shown = video ? video.getVideoPlaybackQuality().totalVideoFrames : 0
  return found
}"""

CLOSE = "key => { const {pc, stream} = window.peers[key]; pc.close(); stream?.getTracks().forEach(track => track.stop()) }"
LEAVE = "async key => { const {pc, resource} = window.peers[key]; const reply = await fetch(resource, {method: 'DELETE'}); pc.close(); return reply.status }"

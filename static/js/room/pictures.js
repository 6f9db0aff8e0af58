// One connection for each live source, whoever shows it: the tile owns the viewer, the monitors borrow its stream.

import { Viewer } from "../field/whep.js";

const viewers = new Map();
// Decoding costs: of more cameras than this, those that come to a bus are shown there.
export const MOST = 9;

function begin(session, video, changed) {
  const viewer = new Viewer(video, session);
  viewer.addEventListener("state", changed);
  viewers.set(session, viewer);
  viewer.start();
  return viewer;
}

/** The viewer of a session, playing into `video` of its tile; null beyond the ninth. */
export function viewerOf(session, video, changed) {
  return viewers.get(session) || (viewers.size < MOST ? begin(session, video, changed) : null);
}

/** The viewer of a session that is on a bus, whichever of the many it is. */
export function pictureOf(session, changed = null) {
  if (!session) return null;
  return viewers.get(session) || (changed ? begin(session, Object.assign(document.createElement("video"), { muted: true, playsInline: true }), changed) : null);
}

export function endViewer(session) {
  viewers.get(session)?.stop();
  viewers.delete(session);
}

/** Shows `stream` in `video`, or nothing. */
export function show(video, stream) {
  if (video.srcObject === (stream || null)) return;
  video.srcObject = stream || null;
  if (stream) video.play().catch(() => { /* replaced before it could start */ });
}

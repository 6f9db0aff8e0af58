// One connection for each live source, whoever shows it: the tile owns the viewer, the monitors borrow its stream.

import { Viewer } from "../field/whep.js";

const viewers = new Map();
// Decoding costs; whoever has more cameras still sees those on a bus.
export const MOST = 9;

/** The viewer of a session, playing into `video`; null beyond the ninth. */
export function viewerOf(session, video, changed) {
  let viewer = viewers.get(session);
  if (!viewer && viewers.size < MOST) {
    viewer = new Viewer(video, session);
    viewer.addEventListener("state", changed);
    viewers.set(session, viewer);
    viewer.start();
  }
  return viewer || null;
}

export function endViewer(session) {
  viewers.get(session)?.stop();
  viewers.delete(session);
}

export const pictureOf = (session) => viewers.get(session) || null;

/** Shows `stream` in `video`, or nothing. */
export function show(video, stream) {
  if (video.srcObject === (stream || null)) return;
  video.srcObject = stream || null;
  if (stream) video.play().catch(() => { /* replaced before it could start */ });
}

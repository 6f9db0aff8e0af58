// The camera and microphone of this device: which, how they are asked for, and why there is none, in words with the way out.

const REMEMBERED = "tr-camera";

export const CONSTRAINTS = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };

/** A refusal a person can act on. */
export class CameraError extends Error {
  constructor(title, words) {
    super(words);
    this.title = title;
  }
}

const remembered = () => localStorage.getItem(REMEMBERED);

/** The picture alone: the camera that was used last on this device, else the one on the back. */
function videoWish(deviceId) {
  const wanted = deviceId || remembered();
  return wanted ? { ...CONSTRAINTS, deviceId: { [deviceId ? "exact" : "ideal"]: wanted }, ...(deviceId ? {} : { facingMode: { ideal: "environment" } }) } : { ...CONSTRAINTS, facingMode: { ideal: "environment" } };
}

const REASONS = {
  NotAllowedError: ["The camera is not allowed", "Allow camera and microphone for this site in the browser’s address bar, then press Go live again."],
  NotFoundError: ["No camera found", "Connect a camera, or open this page on a phone."],
  NotReadableError: ["The camera is in use", "Another program or tab holds it. Close that one, then press Go live again."],
  OverconstrainedError: ["That camera is gone", "It was unplugged, or can’t give this picture. Pick another one, then press Go live again."],
  AbortError: ["The camera stopped", "The device ended it. Press Go live again."],
  SecurityError: ["The camera is not allowed here", "This site may not use the camera in this browser. Ask whoever manages the device."],
};

function explain(error) {
  const [title, words] = REASONS[error.name] || ["The camera can’t be used", error.message];
  return new CameraError(title, words);
}

export function demandSecureOrigin() {
  if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) {
    throw new CameraError("This address can’t use the camera", "Browsers give the camera to https addresses only. Open this page by https, or on the machine itself by http://localhost.");
  }
}

/** Opens camera and microphone. Without a microphone the picture goes alone; `silent` says so. */
export async function open() {
  demandSecureOrigin();
  const audio = { echoCancellation: true, noiseSuppression: true };
  try {
    return { stream: await navigator.mediaDevices.getUserMedia({ video: videoWish(), audio }), silent: false };
  } catch (error) {
    if (error.name !== "NotFoundError") throw explain(error);
  }
  try {
    return { stream: await navigator.mediaDevices.getUserMedia({ video: videoWish() }), silent: true };
  } catch (error) {
    throw explain(error);
  }
}

/** Another camera's track; the caller puts it in the old one's place. */
export async function openCamera(deviceId) {
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: videoWish(deviceId) });
    localStorage.setItem(REMEMBERED, deviceId);
    return stream.getVideoTracks()[0];
  } catch (error) {
    throw explain(error);
  }
}

/** `[{id, name}]`; names are known once the camera was allowed. */
export async function cameras() {
  const devices = await navigator.mediaDevices?.enumerateDevices?.() || [];
  return devices.filter((d) => d.kind === "videoinput" && d.deviceId).map((d, i) => ({ id: d.deviceId, name: d.label || `Camera ${i + 1}` }));
}

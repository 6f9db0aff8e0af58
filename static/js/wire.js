// Meter frames off the wire (06 §9): a message is a run of (u16 length, frame), little-endian. Pure; no DOM.

const HEADER = 36;
const FEATURES = 32;
const NONE = -32768;
const hex = [...Array(256).keys()].map((b) => b.toString(16).padStart(2, "0"));

function uuid(bytes, at) {
  let s = "";
  for (let i = 0; i < 16; i += 1) s += hex[bytes[at + i]] + (i === 3 || i === 5 || i === 7 || i === 9 ? "-" : "");
  return s;
}

const level = (v) => (v === 255 ? -160 : 6 - v / 2);
const centi = (v) => (v === NONE ? null : v / 100);

function levels(view, bytes, at, n) {
  const channels = new Array(n);
  const bitmap = at + 2 * n;
  for (let i = 0; i < n; i += 1) {
    channels[i] = { rms: level(bytes[at + 2 * i]), peak: level(bytes[at + 2 * i + 1]), clipping: Boolean(bytes[bitmap + (i >> 3)] & (1 << (i & 7))) };
  }
  return channels;
}

function features(view, bytes, at, n) {
  const channels = new Array(n);
  for (let i = 0; i < n; i += 1) {
    const o = at + i * FEATURES;
    channels[i] = {
      rms: centi(view.getInt16(o, true)) ?? -160,
      peak: centi(view.getInt16(o + 2, true)) ?? -160,
      truePeak: centi(view.getInt16(o + 4, true)),
      floor: centi(view.getInt16(o + 6, true)),
      lufsM: centi(view.getInt16(o + 8, true)),
      clippedSamples: view.getUint16(o + 14, true),
      stuckRunMs: view.getUint16(o + 18, true),
      clipping: Boolean(bytes[o + 24] & 1),
    };
  }
  return channels;
}

/** One frame → `{kind, interfaceId, seq, capturedAtMs, periodMs, replay, channels}`, or null when it isn't one we know. */
export function decodeFrame(buffer, offset, length) {
  if (length < HEADER) return null;
  const view = new DataView(buffer, offset, length);
  const bytes = new Uint8Array(buffer, offset, length);
  const kind = bytes[0];
  const n = view.getUint16(2, true);
  const size = kind === 1 ? HEADER + n * FEATURES : HEADER + 2 * n + Math.ceil(n / 8);
  if (bytes[1] !== 1 || (kind !== 1 && kind !== 3) || length < size) return null;
  return {
    kind,
    interfaceId: uuid(bytes, 20),
    seq: view.getUint32(4, true),
    capturedAtMs: Number(view.getBigInt64(8, true)) / 1000,
    periodMs: view.getUint16(16, true),
    replay: Boolean(bytes[18] & 1),
    channels: (kind === 1 ? features : levels)(view, bytes, HEADER, n),
  };
}

export function decodeMessage(buffer) {
  const view = new DataView(buffer);
  const frames = [];
  for (let at = 0; at + 2 <= buffer.byteLength; ) {
    const length = view.getUint16(at, true);
    if (at + 2 + length > buffer.byteLength) break;
    const frame = decodeFrame(buffer, at + 2, length);
    if (frame) frames.push(frame);
    at += 2 + length;
  }
  return frames;
}

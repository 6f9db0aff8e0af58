// What is being recorded now, and the two acts: start, stop. Rows come from the library, phases from their jobs.

import { all, get, post } from "./api.js";
import { complain, debounce, toast } from "./dom.js";
import { bytes } from "./format.js";
import { live } from "./socket.js";

const ACTIVE = ["queued", "recording", "completed"];
const ACTIVE_JOBS = ["queued", "running", "stop_requested"];
export const PHASES = [
  ["claimed", "Claimed"], ["capturing", "Capturing"], ["captured", "Captured"], ["rendered", "File made"], ["uploading", "Sending"], ["uploaded", "Stored"],
];

/** Where a recording is, in words: `{word, step (index in PHASES, −1 = waiting), running, stopping, percent|null, worry|null}`. */
export function progress(recording, job) {
  const stopping = job?.status === "stop_requested" || Boolean(job?.stop);
  const step = job?.status === "queued" || !job ? -1 : Math.max(0, PHASES.findIndex(([name]) => name === job.phase));
  const running = recording.status === "recording" && step <= 1;
  const worry = job?.leaseState === "lapsed" ? "The node has gone silent. It goes on recording and reports when it is back." : null;
  return { word: word(recording, job, stopping), step, running, stopping, worry, percent: percent(job) };
}

function word(recording, job, stopping) {
  if (recording.status === "queued" || job?.status === "queued") return "Waiting for the node";
  switch (job?.phase) {
    case "claimed": return stopping ? "Stopping" : "Opening the device";
    case "capturing": return stopping ? "Stopping" : "Recording";
    case "captured": return "Captured, writing the file";
    case "rendered": return "File made, about to send";
    case "uploading": return `Sending, ${bytes(job.uploadOffset || 0)} so far`;
    default: return recording.status === "recording" ? (stopping ? "Stopping" : "Recording") : "Storing";
  }
}

function percent(job) {
  const size = job?.results?.[0]?.sizeBytes;
  return job?.phase === "uploading" && size ? Math.round((100 * (job.uploadOffset || 0)) / size) : null;
}

/** Since when its clock runs: the first captured moment if it is known. */
export const startedAt = (recording, job) => recording.recordedAt || job?.captureStartAt || recording.plannedStartAt || recording.createdAt;

export class Active extends EventTarget {
  /** Follows active recordings; `nodeId` narrows them to one node. */
  constructor(nodeId = null) {
    super();
    this.query = nodeId ? { nodeId } : {};
    this.rows = [];
    this.loaded = false;
    this.soon = debounce(() => this.load(), 250);
    this.load();
    live.subscribe("recordings", { onSnapshot: () => this.soon(), onEvent: () => this.soon() });
    // Bytes and phases move on job heartbeats; events tell most of it, this catches the rest.
    setInterval(() => { if (!document.hidden && this.rows.length) this.load(); }, 5000);
  }

  async load() {
    try {
      const [recordings, jobs] = await Promise.all([
        get("/recordings", { ...this.query, status: ACTIVE, limit: 100 }), all("/recording-jobs", { ...this.query, status: ACTIVE_JOBS }),
      ]);
      const byRecording = new Map(jobs.map((j) => [j.recordingId, j]));
      this.rows = recordings.data.map((recording) => ({ recording, job: byRecording.get(recording.id) || null }));
      this.loaded = true;
      this.error = null;
    } catch (error) {
      this.error = error;
    }
    this.dispatchEvent(new Event("change"));
  }
}

/** Starts at once; the answer is 202, the first frame follows within seconds. Returns the recording, or null after saying why not. */
export async function record(body, label) {
  try {
    const { data } = await post("/recordings", body);
    toast(`Recording on ${label}`, body.durationSeconds ? data.recording.name : `${data.recording.name} · until you stop it`);
    return data.recording;
  } catch (error) {
    if (error.fields && Object.keys(error.fields).length) throw error;
    complain(`Nothing was started on ${label}`, error);
    return null;
  }
}

export async function stop(recording) {
  try {
    await post(`/recordings/${recording.id}/stop`, {});
    toast("Stopping", `Everything captured of ${recording.name} is kept.`);
    return true;
  } catch (error) {
    complain(`${recording.name} was not stopped`, error);
    return false;
  }
}

// What is being recorded now, and the two acts: start, stop. Rows come from the library, phases from their jobs.

import { Followed } from "./answers.js";
import { all, get, post } from "./api.js";
import { complain, toast } from "./dom.js";
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
    case "claimed": return stopping ? "Stopping" : recording.sessionId ? "Waiting for the picture" : "Opening the device";
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
  /** Follows what is under way; `nodeId` narrows it to one node. Rows are `{recording, job|null}`, newest first. */
  constructor(nodeId = null) {
    super();
    this.nodeId = nodeId;
    this.recordings = new Map();
    this.jobs = new Map();
    this.rows = [];
    this.loaded = false;
    this.followed = new Followed((rows) => this.replace(rows), (name, row) => this.change(name, row));
    this.load();
    live.subscribe("recordings", {
      onSnapshot: (data) => this.followed.snapshot(data),
      onEvent: (name, row) => this.followed.told(name, row),
    });
  }

  async load() {
    const query = this.nodeId ? { nodeId: this.nodeId } : {};
    try {
      const both = Promise.all([get("/recordings", { ...query, status: ACTIVE, limit: 200 }), all("/recording-jobs", { ...query, status: ACTIVE_JOBS })]);
      await this.followed.read(both.then(([recordings, jobs]) => ({ recordings: recordings.data, jobs })));
    } catch (error) {
      this.error = error;
      this.dispatchEvent(new Event("change"));
    }
  }

  replace({ recordings, jobs }) {
    this.recordings = new Map(recordings.map((r) => [r.id, r]));
    this.jobs = new Map(jobs.map((j) => [j.recordingId, j]));
    this.loaded = true;
    this.error = null;
    this.tell();
  }

  change(name, row) {
    // The topic tells of clips, too.
    if (!/^(job|recording)\./.test(name)) return;
    if (name === "job.changed") this.jobs.set(row.recordingId, row);
    else if (name === "recording.removed" || !ACTIVE.includes(row.status)) {
      this.recordings.delete(row.id);
      this.jobs.delete(row.id);
    } else this.recordings.set(row.id, row);
    this.tell();
  }

  tell() {
    this.rows = [...this.recordings.values()]
      .filter((r) => !this.nodeId || r.nodeId === this.nodeId)
      .sort((a, b) => new Date(b.createdAt) - new Date(a.createdAt))
      .map((recording) => ({ recording, job: this.jobs.get(recording.id) || null }));
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

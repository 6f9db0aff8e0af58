// What WHIP and WHEP share: one offer by POST, one answer, the servers that the answer names, and the DELETE that ends it.

const GATHER_MS = 1200;
const ANSWER_MS = 10000;

/** The media server said no: `status` 0 when it didn't answer at all. */
export class MediaRefusal extends Error {
  constructor(status, message, retryAfterSeconds = null) {
    super(message);
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** `Link: <turn:…>; rel="ice-server"; username="…"; credential="…"` → RTCIceServer list. */
export function iceServers(header) {
  return (header || "").split(/,\s*(?=<)/).flatMap((part) => {
    const url = /^<([^>]+)>/.exec(part)?.[1];
    if (!url || !/rel="?ice-server"?/.test(part)) return [];
    const field = (name) => new RegExp(`${name}="((?:[^"\\\\]|\\\\.)*)"`).exec(part)?.[1]?.replace(/\\(.)/g, "$1");
    const username = field("username");
    return [username ? { urls: url, username, credential: field("credential") } : { urls: url }];
  });
}

/** Which servers to use, asked before the first offer; whoever doesn't say names them in the answer. */
export async function serversOf(url) {
  try {
    return iceServers((await fetch(url, { method: "OPTIONS" })).headers.get("Link"));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return [];
  }
}

/** Gathering usually ends at once; what comes later than this is not waited for. */
function gathered(pc) {
  if (pc.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((done) => {
    const timer = setTimeout(done, GATHER_MS);
    pc.addEventListener("icegatheringstatechange", () => {
      if (pc.iceGatheringState !== "complete") return;
      clearTimeout(timer);
      done();
    });
  });
}

/** Offers `pc` to `url`; answers `{resource, servers}`: the address that DELETE ends, and TURN servers for the next try. */
export async function negotiate(pc, url, signal) {
  await pc.setLocalDescription(await pc.createOffer());
  await gathered(pc);
  let reply;
  try {
    const patience = AbortSignal.timeout(ANSWER_MS);
    reply = await fetch(url, { method: "POST", headers: { "Content-Type": "application/sdp" }, body: pc.localDescription.sdp, signal: AbortSignal.any ? AbortSignal.any([signal, patience]) : signal });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new MediaRefusal(0, "The media server doesn’t answer.");
  }
  if (reply.status !== 201) throw new MediaRefusal(reply.status, await reason(reply), Number(reply.headers.get("Retry-After")) || null);
  const location = reply.headers.get("Location");
  const answer = { resource: location ? new URL(location, reply.url || url).href : null, servers: iceServers(reply.headers.get("Link")) };
  await pc.setRemoteDescription({ type: "answer", sdp: await reply.text() });
  return answer;
}

async function reason(reply) {
  const text = await reply.text();
  try {
    return JSON.parse(text).message;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return `The media server answered ${reply.status}.`;
  }
}

/** Ends what POST began; what is gone already is as good. */
export async function release(resource, keepalive = false) {
  if (!resource) return;
  try {
    await fetch(resource, { method: "DELETE", keepalive });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

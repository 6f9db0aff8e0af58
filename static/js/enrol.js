// Enrolling: a name and a place in, one complete command out. The token is shown once and kept nowhere.

import { allow } from "./actions.js";
import { all, post } from "./api.js";
import { $, complain, copy, fill, icon, setAttr } from "./dom.js";
import { markErrors, onSubmit, splitTags } from "./forms.js";
import { fleet } from "./nodes.js";
import { may } from "./shell.js";

const quote = (s) => `'${String(s).replace(/'/g, "'\\''")}'`;

/** SHA-256 of `/ca.pem`, what the agent pins; null where there is no authority of our own (plain http, a public certificate). */
async function pin() {
  if (location.protocol !== "https:") return null;
  const response = await fetch("/ca.pem");
  if (!response.ok) return null;
  const digest = await crypto.subtle.digest("SHA-256", await response.arrayBuffer());
  return [...new Uint8Array(digest)].map((b) => b.toString(16).padStart(2, "0")).join("");
}

const isLoopback = (hostname) => hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);

/**
 * What to paste on the recorder (06 §5): fetch the agent from this controller, make its environment, enrol, run. With an authority of
 * our own, its file is checked against the pin before anything is taken over that connection. The token goes through stdin, so that it
 * stands in no process list.
 */
export async function enrolCommand(nodeId, token, { fetchAgent = true } = {}) {
  const ca = await pin();
  const { origin, protocol, hostname } = location;
  // Without TLS the agent asks to be told so, and so does who pastes this.
  const plain = protocol === "http:" && !isLoopback(hostname);
  const flags = `${ca ? ` --ca-sha256 ${ca}` : ""}${plain ? " --insecure" : ""}`;
  const trust = ca ? [`curl -fsSk -o ca.pem ${origin}/ca.pem`, `echo "${ca}  ca.pem" | sha256sum -c --quiet`] : [];
  const agent = [
    "mkdir -p tallyroom-agent && cd tallyroom-agent", ...trust, `curl -fsS ${ca ? "--cacert ca.pem " : ""}${origin}/agent.tar.gz | tar xz`,
    "python3 -m venv .venv && .venv/bin/pip install -q -r requirements.txt",
  ];
  const enrol = `printf %s ${quote(token)} | .venv/bin/python -m nodes.agent enrol --url ${origin} --node ${nodeId}${flags}`;
  return (fetchAgent ? [...agent, enrol, `.venv/bin/python -m nodes.agent run${plain ? " --insecure" : ""}`] : ["cd tallyroom-agent", enrol]).join(" && \\\n  ");
}

/** The body of POST /nodes/enroll from the form; what was left empty is left out. */
function bodyOf(form) {
  const f = form.elements;
  const location = { siteId: f.siteId.value };
  for (const name of ["building", "room"]) if (f[name].value.trim()) location[name] = f[name].value.trim();
  const body = { alias: f.alias.value.trim(), location, recordingCapacity: { maxConcurrentRecordings: Number(f.maxConcurrentRecordings.value) || 1 } };
  if (f.tags.value.trim()) body.tags = splitTags(f.tags.value);
  return body;
}

export async function fillSites(select, chosen = "") {
  const sites = await all("/sites");
  select.replaceChildren(...sites.map((s) => new Option(s.name, s.id)));
  if (chosen) select.value = chosen;
  return sites;
}

export function startEnrol(done) {
  const dialog = document.getElementById("enrol");
  const form = document.getElementById("enrol-form");
  const result = document.getElementById("enrolled");
  const opener = document.getElementById("enrol-open");
  let waitingFor = null;
  let commandText = "";

  opener.addEventListener("click", async () => {
    form.hidden = false;
    result.hidden = true;
    dialog.showModal();
    form.elements.alias.focus();
    const submit = $("[type=submit]", form);
    submit.disabled = true;
    try {
      const sites = await fillSites(form.elements.siteId, form.elements.siteId.value);
      if (sites.length) submit.disabled = false;
      else markErrors(form, { siteId: "There is no site yet. Add one under Sites first." });
    } catch (error) {
      complain("Sites could not be read", error);
    }
  });

  onSubmit(form, async () => {
    const { data } = await post("/nodes/enroll", bodyOf(form));
    commandText = await enrolCommand(data.node.id, data.credential.token);
    waitingFor = data.node.id;
    fill(result, { alias: data.node.alias, command: commandText, waiting: "Waiting for its first heartbeat…" });
    setAttr($('[data-f="open"]', result), "href", `/nodes/${data.node.id}`);
    form.hidden = true;
    result.hidden = false;
    form.reset();
    document.getElementById("copy-command").focus();
    done();
  }, { duplicate_name: "alias" });

  document.getElementById("copy-command").addEventListener("click", () => copy(commandText, "Command"));
  dialog.addEventListener("close", () => {
    // The token must not stay in the page.
    commandText = "";
    waitingFor = null;
    fill(result, { command: "" });
  });
  fleet.addEventListener("change", () => {
    const node = waitingFor && fleet.byId.get(waitingFor);
    if (node?.lastSeenAt) fill(result, { waiting: [icon("check"), `${node.alias} is online.`] });
  });
  if (!may("node:manage")) allow(opener, false, "You need node:manage to enrol nodes.");
  if (new URLSearchParams(location.search).has("enrol")) opener.click();
}

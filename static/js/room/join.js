// The page of an invite link. Its token stands behind the #, which no server is told; it is sent in a body only.

import { paint } from "../art.js";
import { ApiError, post } from "../api.js";
import { debounce, fill, text } from "../dom.js";
import { onSubmit } from "../forms.js";
import { when } from "../format.js";

const by = (name) => document.getElementById(name);
const token = decodeURIComponent(location.hash.slice(1));
const form = by("join-form");
const guest = "guest" in document.body.dataset;
const signedInAs = document.body.dataset.name || "";

const DOES = {
  director: "Commands everything: switching, audio, graphics, replay, output, captions.", audio: "Commands the sound.", graphics: "Commands lower thirds and the slate.",
  captioner: "Writes the captions.", viewer: "Sees everything, commands nothing.",
};
const REFUSALS = {
  invite_expired: ["This invite has expired", "Ask whoever sent it for a new link."],
  invite_revoked: ["This invite is no longer good", "It was replaced or taken back. Ask the director for the new link."],
  invite_used_up: ["This invite is used up", "It was for a set number of people, and they are in. If one of them was you, open the control room; else ask for another link."],
  invite_invalid: ["This is no invite of this control room", "The link may have been cut when it was copied. Copy the whole of it, up to its last letter, or ask for it again."],
  throttled: ["Too many tries from here", "Wait a minute, then open the link again."],
};

function say(title, words) {
  fill(document, { title, words });
  document.title = `${title} · Tallyroom`;
}

function offer() {
  const inside = guest || signedInAs;
  const room = by("room");
  room.hidden = !inside;
  if (inside) text(room, guest ? `Go on as ${signedInAs}` : "To the control room");
  by("sign-in").hidden = Boolean(inside);
}

function refused(error) {
  const [title, words] = REFUSALS[error.code] || ["The invite could not be looked at", error.message];
  say(title, words);
  form.hidden = true;
  offer();
}

async function begin() {
  if (!token) {
    say(guest ? "You are in already" : "You need an invite link", guest ? "This browser came in by a link." : "Ask a director of the control room for one, or sign in if you have an account.");
    offer();
    return;
  }
  try {
    const { data } = await post("/operator/join/check", { inviteToken: token }, { key: null });
    const until = `The link is good until ${when(data.expiresAt)}.`;
    say("Join the control room", signedInAs && !guest ? `You are signed in as ${signedInAs} and keep that account. ${until}` : `No account is needed. ${until}`);
    fill(form, { role: data.role, does: DOES[data.role] });
    form.hidden = false;
    if (guest) offer();
    const name = by("name");
    name.value = data.label || (guest ? "" : signedInAs);
    name.focus();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    refused(error);
  }
}

onSubmit(form, async ({ name }) => {
  try {
    await post("/operator/join", { name: name.value, inviteToken: token }, { key: null });
  } catch (error) {
    if (error.code === "operator_exists") {
      say("You are in already", "Your account has its place in the control room. Leave there first to come in with another role.");
      form.hidden = true;
      offer();
      return;
    }
    if (REFUSALS[error.code]) {
      refused(error);
      return;
    }
    throw error;
  }
  // The token does not stay in the history of a shared browser.
  history.replaceState(null, "", location.pathname);
  location.replace("/control-room");
}, { duplicate_name: "name" });

begin();
addEventListener("hashchange", () => location.reload());
const art = by("art");
paint(art);
addEventListener("resize", debounce(() => paint(art), 100));

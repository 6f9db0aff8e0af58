// What the control room's page knows: the state by the topic, one's own guesses over it, who one is here, and what may be done now.

import { Answers } from "../answers.js";
import { ApiError, call, get, getInAgain } from "../api.js";
import { complain, debounce } from "../dom.js";
import { hm } from "../format.js";
import { learn } from "../now.js";
import { live } from "../socket.js";
import { OPTIMISM_MS, reduce, seen, standing } from "./reduce.js";

export const SUBSYSTEMS = ["switching", "audio", "graphics", "replay", "output", "captions"];
export const ROLES = ["director", "audio", "graphics", "captioner", "viewer"];
// How long a command waits for the answer to the one before.
const ORDER_MS = 3000;
export const guest = "guest" in document.body.dataset;

class Room extends EventTarget {
  constructor() {
    super();
    this.state = null;
    this.me = null;
    this.mine = { mayRegisterAs: [], commands: [] };
    this.actions = null;
    this.guesses = [];
    this.reads = { me: new Answers(), actions: new Answers() };
    this.sent = Promise.resolve();
    this.actionsSoon = debounce(() => this.readActions(), 120);
  }

  start() {
    this.subscribe();
    this.readMe();
  }

  subscribe() {
    live.subscribe("control-room", {
      onSnapshot: (data) => this.take(data),
      onEvent: (_event, _data, change) => this.follow(change),
      onGone: (code) => this.gone(code),
    });
  }

  /** The state as the page shows it. */
  get view() {
    this.guesses = standing(this.guesses, this.state, performance.now());
    return seen(this.state, this.guesses);
  }

  get director() {
    return this.me?.role === "director";
  }

  take(data) {
    this.state = data;
    this.guesses = [];
    learn(data.at);
    this.tell(null);
    // Registering, leaving and roles reach this page by the topic as well.
    if (this.known) this.readMe();
    this.actionsSoon();
  }

  follow(change) {
    if (!this.state) return;
    const { state } = reduce(this.state, change);
    if (state === this.state) return;
    this.state = state;
    this.tell(change);
    if (/^operator\.(registered|deleted)/.test(change.event)) this.readMe();
    this.actionsSoon();
  }

  tell(change) {
    if (this.state) this.dispatchEvent(new CustomEvent("change", { detail: change }));
  }

  /** A guest without their operator goes back to the link; a user whose standing changed asks what is left of it. */
  gone(code) {
    if (guest) getInAgain();
    else if (code === "permission_denied") location.reload();
    else setTimeout(() => this.subscribe(), 1000);
  }

  async readMe() {
    try {
      const answer = await this.reads.me.next(get("/operator/me"));
      if (!answer) return;
      const { data } = answer;
      this.known = true;
      this.mine = data;
      this.me = data.operator;
    } catch (error) {
      complain("Who you are here could not be read", error);
      return;
    }
    this.dispatchEvent(new Event("me"));
    this.tell(null);
    this.actionsSoon();
  }

  async readActions() {
    try {
      const answer = await this.reads.actions.next(get("/control-room/actions"));
      if (!answer) return;
      this.actions = answer.data.actions;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return;
    }
    this.dispatchEvent(new Event("actions"));
  }

  /** Why the person can't command (or lock) `subsystem` now; "" when they can. */
  barred(subsystem) {
    if (!this.me) return this.known ? "You are watching. Come in with a role first." : "Finding out who you are here…";
    if (!this.mine.commands.includes(subsystem)) return `Your role here is ${this.me.role}; ${subsystem} is not among what it commands.`;
    return this.held(subsystem);
  }

  /** Who else holds `subsystem`, in words; "" when nobody does. */
  held(subsystem) {
    const lock = this.view.locks[subsystem];
    if (!lock || lock.holder.id === this.me?.id) return "";
    return `${lock.holder.name} holds ${subsystem} since ${hm(lock.acquiredAt)}. Ask ${lock.holder.name} for it.`;
  }

  /** Why a command can't be given: lock and role as the page knows them this instant, else what the server says of the production itself. */
  why(subsystem, action) {
    const barred = this.barred(subsystem);
    if (barred) return barred;
    const said = action && this.actions?.[action];
    if (!said || said.enabled || /^(subsystem_locked|role_not_permitted|operator_required)$/.test(said.code)) return "";
    return said.reason || "Not possible now.";
  }

  /** `call` for what changes the room: in the order it was asked for, because requests that are under way together may overtake each other. */
  inOrder(method, path, options) {
    const before = Promise.race([this.sent, new Promise((go) => setTimeout(go, ORDER_MS))]);
    const answer = before.then(() => call(method, path, options));
    this.sent = answer.catch(() => {});
    return answer;
  }

  /** Sends a command; `parts(state)` is what it is expected to change, shown at once and taken back after two seconds. Answers the data, or null. */
  async command(what, method, path, body, parts) {
    const guess = parts && { parts, at: performance.now() };
    if (guess) {
      this.guesses.push(guess);
      this.tell(null);
      setTimeout(() => this.tell(null), OPTIMISM_MS + 20);
    }
    try {
      const { data } = await this.inOrder(method, path, { body });
      if (guess) guess.seq = data?.seq;
      this.tell(null);
      return data ?? {};
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.guesses = this.guesses.filter((g) => g !== guess);
      this.tell(null);
      this.actionsSoon();
      complain(what, error);
      return null;
    }
  }
}

export const room = new Room();

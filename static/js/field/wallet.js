// The wallet of a workspace: what is free, held, booked and earned, and what a month came to.

import { ApiError, get, post, url } from "../api.js";
import { complain, copyButton, debounce, el, fill, keyed, press, text, toast } from "../dom.js";
import { onSubmit } from "../forms.js";
import { day, humanise, short, utc, when } from "../format.js";
import { serverNow } from "../now.js";
import { may } from "../shell.js";
import { live } from "../socket.js";
import { mine, workspaceSelect } from "./mine.js";
import { toMicro, usdc } from "./money.js";

const by = (id) => document.getElementById(id);
const state = { workspace: null, by: "day", rows: [], cursor: null };
const pair = (name, value, props = {}) => (value === null || value === undefined || value === "" ? [] : [el("dt", {}, name), el("dd", props, value)]);
const where = () => ({ workspaceId: state.workspace.id });

async function load() {
  state.workspace = workspaceSelect(by("acting"), null, load);
  if (!state.workspace) {
    fill(by("absent"), { title: "No wallet", words: "You belong to no workspace. Each has one wallet, for what it spends and what it earns." }).hidden = false;
    return;
  }
  by("address").replaceChildren();
  loadBalance();
  loadEvents();
  loadEarnings();
  loadStatement();
}

/* Balance */

async function loadBalance() {
  try {
    const { data } = await get("/wallet", where());
    by("wallet").hidden = false;
    by("absent").hidden = true;
    fill(by("balance"), { available: usdc(data.availableMicroUsdc), held: usdc(data.heldMicroUsdc), total: usdc(data.totalMicroUsdc) });
    by("facts").replaceChildren(
      ...pair("Kept by", data.provider === "evm" ? "escrow on chain" : "this control room’s ledger"), ...pair("Chain", data.chain ? String(data.chain.chainId) : null),
      ...pair("Escrow", data.chain ? [el("span", { class: "mono" }, short(data.chain.escrow)), copyButton(data.chain.escrow, "escrow address")] : null, { class: "row g1 push" }),
      ...pair("Read to block", data.lastSyncBlock ? String(data.lastSyncBlock) : null), ...pair("Changed", data.updatedAt ? el("span", { title: utc(data.updatedAt) }, when(data.updatedAt)) : null),
    );
    if (data.walletAddress) by("address").replaceChildren(el("span", { class: "mono", title: data.walletAddress }, short(data.walletAddress)), copyButton(data.walletAddress, "wallet address"));
  } catch (error) {
    by("wallet").hidden = true;
    fill(by("absent"), { title: error.status === 403 || error.status === 404 ? "This wallet is not yours to see" : "The wallet could not be read", words: error.message }).hidden = false;
  }
}

/* Bookings */

const KINDS = { DEPOSIT: "Deposit", WITHDRAWAL: "Withdrawal", HOLD: "Held for a session", RELEASE: "Released", SETTLE: "Paid for a session", EARN: "Earned", CREDIT_NOTE: "Credit note", APPROVAL: "Approval" };

async function loadEvents({ more = false } = {}) {
  try {
    const { data, meta } = await get("/wallet/events", { ...where(), limit: 50, cursor: more ? state.cursor : undefined });
    state.rows = more ? [...state.rows, ...data] : data;
    state.cursor = meta.nextCursor;
  } catch (error) {
    complain("The bookings could not be read", error);
    return;
  }
  by("more-box").hidden = !state.cursor;
  by("booked-none").hidden = state.rows.length > 0;
  by("events-csv").href = url("/wallet/events/export", where());
  keyed(by("booked"), state.rows, (e) => e.id, bookedRow);
}

function bookedRow(e) {
  const target = e.sessionId ? el("a", { href: `/sessions/${e.sessionId}`, class: "mono" }, short(e.sessionId)) : e.reference ? el("span", { class: "mono" }, short(e.reference)) : "";
  return el("tr", {}, el("td", { class: "nw", title: utc(e.createdAt) }, when(e.createdAt)), el("td", {}, KINDS[e.kind] || humanise(e.kind)),
    el("td", { class: "r" }, usdc(e.amountMicroUsdc, { sign: true })), el("td", { class: "r" }, usdc(e.balanceAfterMicroUsdc)), el("td", { title: e.txHash || null }, target));
}

/* Earnings */

const HEADS = { day: "Day", operator: "Device", session: "Session" };
const range = () => ({ from: by("from").value || undefined, to: by("to").value || undefined });

function earnedName(row) {
  if (state.by === "day") return day(row.date);
  if (state.by === "session") return el("a", { href: `/sessions/${row.sessionId}`, class: "mono", title: utc(row.endedAt) }, short(row.sessionId));
  return row.operatorLabel || short(row.operatorId);
}

const cells = (r) => [r.sessions, r.cleanSeconds, r.failedSeconds].map((n) => el("td", { class: "r" }, (n ?? 0).toLocaleString("en-GB")))
  .concat([r.grossMicroUsdc, r.feeMicroUsdc, r.creditedMicroUsdc, r.netMicroUsdc].map((m) => el("td", { class: "r" }, usdc(m))));

async function loadEarnings() {
  text(by("by-h"), HEADS[state.by]);
  by("earnings-csv").href = url("/wallet/earnings/export", { ...where(), ...range() });
  try {
    const { data } = await get("/wallet/earnings", { ...where(), ...range(), groupBy: state.by });
    by("earned-none").hidden = data.rows.length > 0;
    by("earned-cut").hidden = !data.truncated;
    by("earned").replaceChildren(...data.rows.map((r) => el("tr", {}, el("td", {}, earnedName(r)), ...cells(r))));
    by("earned-sum").replaceChildren(...(data.rows.length ? [el("tr", {}, el("th", { scope: "row" }, "Together"), ...cells(data.totals))] : []));
  } catch (error) {
    complain("The earnings could not be read", error);
  }
}

/* Statement */

async function loadStatement() {
  const month = by("month").value;
  const none = by("statement-none");
  try {
    const { data } = await get(`/wallet/statements/${month}`, where());
    none.hidden = true;
    by("lines").replaceChildren(
      ...pair("Opening", usdc(data.openingMicroUsdc)), ...Object.entries(data.sums).flatMap(([kind, sum]) => pair(KINDS[kind] || humanise(kind), usdc(sum, { sign: true }))), ...pair("Closing", usdc(data.closingMicroUsdc), { class: "b" }), ...pair("State", data.closed ? "closed" : "still open"),
    );
  } catch (error) {
    by("lines").replaceChildren();
    none.hidden = false;
    text(none, error.message);
  }
}

/* Deposits and withdrawals, by whoever runs the control room */

async function book(f) {
  const amount = toMicro(f.amountMicroUsdc.value);
  if (!amount || amount === "0") throw new ApiError({ code: "validation_failed", message: "An amount of USDC with at most six decimals, as 25.5.", data: { errors: [{ path: "amountMicroUsdc", message: "An amount of USDC with at most six decimals, as 25.5." }] } });
  await post(`/wallet/${f.what.value}`, { workspaceId: state.workspace.id, amountMicroUsdc: amount, reference: f.reference.value.trim() });
  by("book").close();
  toast("Booked", `${usdc(amount)} USDC`);
  load();
}

by("book-open").hidden = !may("wallet:adjust");
by("book-open").addEventListener("click", () => {
  by("book-form").reset();
  text(by("book-for"), state.workspace.name);
  by("book").showModal();
});
onSubmit(by("book-form"), book, { reference_used: "reference", insufficient_pool: "amountMicroUsdc" });

/* Start */

by("by").addEventListener("click", ({ target }) => {
  if (!target.dataset.by) return;
  state.by = target.dataset.by;
  press(by("by"), (b) => b === target);
  loadEarnings();
});
for (const id of ["from", "to"]) by(id).addEventListener("change", loadEarnings);
by("month").addEventListener("change", loadStatement);
by("more").addEventListener("click", () => loadEvents({ more: true }));
const today = new Date(serverNow()).toISOString().slice(0, 10);
by("month").value = today.slice(0, 7);
by("from").value = `${today.slice(0, 7)}-01`;
by("to").value = today;
const soon = debounce(() => { if (state.workspace) { loadBalance(); loadEvents(); loadEarnings(); } }, 600);
mine.load().then(() => {
  load();
  live.subscribe("sessions", { onEvent: soon });
}, (error) => complain("Your workspaces could not be read", error));

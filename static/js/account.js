// The own account: sign-ins, password, theme, keys.

import { call, get, patch, post, signOut, url } from "./api.js";
import { $, arm, clone, complain, copyButton, el, fill, icon, keyed, press, setAttr, text, toast } from "./dom.js";
import { onSubmit } from "./forms.js";
import { ago, browser, humanise, utc, when } from "./format.js";
import { singleKeys } from "./keys.js";
import { serverNow } from "./now.js";
import { mustChangePassword, setTheme, theme } from "./shell.js";

async function loadSignIns() {
  try {
    const { data } = await get("/auth/sign-ins", { limit: 100 });
    keyed(document.getElementById("sign-ins"), data, (s) => s.id, createSignIn, (li, s) => {
      fill(li, { browser: browser(s.userAgent), current: s.current ? "THIS ONE" : null, detail: [s.ip, s.kind === "token" ? "API token" : "", `seen ${ago(s.lastSeenAt, serverNow())}`, `ends ${when(s.expiresAt)}`].filter(Boolean).join(" · ") });
      $("b", li).title = s.userAgent || "";
      $('[data-f="detail"]', li).title = `Signed in ${utc(s.createdAt)}`;
    });
    const n = document.getElementById("n");
    n.hidden = false;
    text(n, String(data.length));
  } catch (error) {
    complain("Your sign-ins could not be read", error);
  }
}

function createSignIn(s) {
  const li = clone("t-sign-in");
  const button = $("button", li);
  setAttr(button, "aria-label", `Sign out ${browser(s.userAgent)} at ${s.ip}`);
  button.addEventListener("click", async () => {
    if (s.current) {
      signOut();
      return;
    }
    try {
      await call("DELETE", `/auth/sign-ins/${s.id}`);
      toast("Signed out", `${browser(s.userAgent)} at ${s.ip}`);
      loadSignIns();
    } catch (error) {
      complain("It was not signed out", error);
    }
  });
  return li;
}

async function loadMe() {
  try {
    const { data } = await get("/auth/me");
    const { user } = data;
    text(document.getElementById("who"), user.name);
    const pairs = [["Name", user.name], ["E-mail", user.email || "none"], ["Roles", user.roles.map(humanise).join(", ") || "none"], ["Signs in with", user.providers.map(humanise).join(", ")], ["Since", user.createdAt ? when(user.createdAt) : null]];
    document.getElementById("you").replaceChildren(...pairs.filter(([, v]) => v).flatMap(([k, v]) => [el("dt", {}, k), el("dd", {}, v)]));
    document.getElementById("permissions").replaceChildren(...data.permissions.map((p) => el("li", { class: "tag mono" }, p)));
    document.getElementById("password-panel").hidden = !user.providers.includes("local");
    showWays(user);
  } catch (error) {
    complain("Your account could not be read", error);
  }
}

const way = (glyph, title, detail, act = null) => el("li", { class: "row g3" }, el("span", { class: "ic" }, icon(glyph)), el("div", { class: "grow col g0" }, el("b", {}, title), el("span", { class: "t2 sm ell" }, detail)), act);

function showWays(user) {
  const ways = [];
  if (user.providers.includes("local")) ways.push(way("key", "Password", user.email || "no e-mail"));
  if (user.providers.includes("oidc")) ways.push(way("person", "Provider", "linked"));
  for (const wallet of user.wallets) ways.push(way("wallet", "Wallet", `${wallet.slice(0, 8)}…${wallet.slice(-4)}`, copyButton(wallet, "wallet")));
  document.getElementById("ways").replaceChildren(...ways);
}

async function offerLink() {
  try {
    const { data } = await get("/auth/oidc/config");
    if (!data.loginAvailable) return;
    const link = document.getElementById("link-provider");
    link.href = url("/auth/oidc/login", { intent: "link", mode: "cookie", next: "/account" });
    fill(link, { provider: new URL(data.issuer).host });
    document.getElementById("link-box").hidden = false;
  } catch (error) {
    complain("The provider could not be asked", error);
  }
}

function showTheme() {
  press(document.getElementById("themes"), (b) => b.dataset.themeIs === theme());
}

document.getElementById("themes").addEventListener("click", ({ target }) => {
  if (target.dataset.themeIs !== undefined) setTheme(target.dataset.themeIs);
});
addEventListener("themechange", showTheme);
showTheme();

const keys = document.getElementById("single-keys");
keys.checked = singleKeys.on;
keys.addEventListener("change", () => { singleKeys.on = keys.checked; });

document.getElementById("sign-out").addEventListener("click", signOut);
arm(document.getElementById("revoke-others"), async () => {
  try {
    const { data } = await post("/auth/sign-ins/revoke-others");
    toast(`${data.revoked} signed out`);
    loadSignIns();
  } catch (error) {
    complain("Nothing was signed out", error);
  }
});
onSubmit(document.getElementById("password-form"), async (f) => {
  await patch("/auth/me/password", { currentPassword: f.currentPassword.value, newPassword: f.newPassword.value });
  document.getElementById("password-form").reset();
  toast("Password changed", "Every other sign-in has ended.");
  if (mustChangePassword) location.assign("/");
  else loadSignIns();
}, { current_password_wrong: "currentPassword" });

loadMe();
if (!mustChangePassword) {
  loadSignIns();
  offerLink();
}

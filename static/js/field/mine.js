// For whom this person acts: the workspaces in reach, the one that was chosen, and what may be done there.

import { all, get, post } from "../api.js";

const CHOSEN = "tr-workspace";

class Mine {
  constructor() {
    this.workspaces = [];
    this.me = null;
    this.active = null;
  }

  /** Reads once; `workspaces` carry `member: {role, permissions}` or null (an installation role reaches them). */
  async load() {
    const [me, rows] = await Promise.all([get("/auth/me"), this.rows()]);
    this.me = me.data;
    const belonging = new Map(this.me.workspaces.map((w) => [w.id, w]));
    this.workspaces = rows.map((w) => ({ ...w, member: belonging.get(w.id) || null }));
    this.active = this.me.activeWorkspaceId;
    return this;
  }

  /** Whoever may not read workspaces still belongs to some. */
  async rows() {
    try {
      return await all("/workspaces");
    } catch (error) {
      if (error.status !== 403) throw error;
      return [];
    }
  }

  with(role) {
    return this.workspaces.filter((w) => w.roles.includes(role)).sort((a, b) => Boolean(b.member) - Boolean(a.member) || a.name.localeCompare(b.name));
  }

  name(id) {
    return this.workspaces.find((w) => w.id === id)?.name || null;
  }

  /** Whether a role of the installation shows more than the own workspaces. */
  get wide() {
    return this.workspaces.some((w) => !w.member);
  }

  /** The chosen workspace of a role (CONSUMER, SUPPLIER, or any): what was picked last here, else the sign-in's, else the first of the own. */
  chosen(role) {
    const possible = role ? this.with(role) : this.workspaces;
    const kept = localStorage.getItem(`${CHOSEN}-${role || "any"}`);
    if (kept === "") return null;
    return possible.find((w) => w.id === kept) || possible.find((w) => w.id === this.active) || possible.find((w) => w.member) || (role ? null : possible[0] || null);
  }

  /** Remembers the choice; for a member it becomes the default of what omits a workspace. */
  async choose(id, role) {
    localStorage.setItem(`${CHOSEN}-${role || "any"}`, id);
    if (id) await this.activate(id);
  }

  async activate(id) {
    if (this.active === id || !this.workspaces.find((w) => w.id === id)?.member) return;
    await post("/auth/workspace/select", { workspaceId: id });
    this.active = id;
  }

  can(permission, workspace) {
    return this.me.permissions.includes(permission) || Boolean(workspace?.member?.permissions.includes(permission));
  }
}

export const mine = new Mine();

/** Fills a <select> with workspaces, for roles of the installation with "all" before them; hidden while there is nothing to choose. */
export function workspaceSelect(select, role, changed) {
  const rows = role ? mine.with(role) : mine.workspaces;
  const all = role && mine.wide ? [new Option("All workspaces", "")] : [];
  select.replaceChildren(...all, ...rows.map((w) => new Option(w.name, w.id)));
  const chosen = mine.chosen(role);
  select.value = chosen?.id || "";
  select.closest(".ws").hidden = rows.length + all.length < 2;
  select.onchange = async () => {
    await mine.choose(select.value, role);
    changed();
  };
  return chosen;
}

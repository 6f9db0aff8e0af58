// Of which workspace a page of settings is: chosen from those that are there, kept in the address.

import { all } from "./api.js";

/** Fills `select`, chooses what the address or the rail says, and calls `changed` at each other choice; whether there is any workspace. */
export async function workspaceOf(select, changed) {
  const workspaces = await all("/workspaces");
  select.append(...workspaces.map((w) => new Option(w.name, w.id)));
  const asked = new URLSearchParams(location.search).get("workspace") || document.getElementById("workspace")?.value;
  if (workspaces.some((w) => w.id === asked)) select.value = asked;
  select.closest("label").hidden = !workspaces.length;
  select.addEventListener("change", () => {
    history.replaceState(null, "", `?workspace=${select.value}`);
    changed();
  });
  return workspaces.length > 0;
}

// Recording from the library: choose the node, name it if you like.

import { allow } from "./actions.js";
import { all } from "./api.js";
import { complain, el } from "./dom.js";
import { markErrors, onSubmit } from "./forms.js";
import { record } from "./recordings.js";
import { may } from "./shell.js";

export function startRecord() {
  const dialog = document.getElementById("start");
  const form = document.getElementById("start-form");
  const opener = document.getElementById("record-open");
  if (!may("recording:create")) allow(opener, false, "You may not start recordings. Ask for a role with recording:create.");

  opener.addEventListener("click", async () => {
    if (opener.getAttribute("aria-disabled") === "true") return;
    dialog.showModal();
    try {
      const nodes = await all("/nodes", { retired: false });
      const select = form.elements.nodeId;
      select.replaceChildren(...nodes.map((n) => el("option", { value: n.id, disabled: n.status === "offline" }, n.status === "offline" ? `${n.alias}, offline` : n.alias)));
      select.value = nodes.find((n) => n.status !== "offline" && !n.intent)?.id || nodes.find((n) => n.status !== "offline")?.id || "";
      if (!nodes.some((n) => n.status !== "offline")) markErrors(form, { nodeId: "No node is online. Look at Fleet for why." });
    } catch (error) {
      complain("Nodes could not be read", error);
    }
  });

  onSubmit(form, async (f) => {
    const body = { nodeId: f.nodeId.value };
    if (f.name.value.trim()) body.name = f.name.value.trim();
    if (!(await record(body, f.nodeId.selectedOptions[0].textContent))) return;
    dialog.close();
    form.reset();
  });
}

// Recording from a page that is not of one node: choose the node, name it if you like.

import { all } from "./api.js";
import { complain, el } from "./dom.js";
import { markErrors, onSubmit } from "./forms.js";
import { command } from "./keys.js";
import { record } from "./recordings.js";

/** `#record-open` and the key `r` open the dialog; whether it can be used is the page's to say (`allow`). Answers the button. */
export function startRecord() {
  const dialog = document.getElementById("start");
  const form = document.getElementById("start-form");
  const opener = document.getElementById("record-open");

  opener.addEventListener("click", async () => {
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
  command("r", "Record", () => opener.click(), { glyph: "record" });
  return opener;
}

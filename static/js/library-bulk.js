// What can be done with the selected recordings: all of them, or none and a sentence that says which is in the way.

import { allow } from "./actions.js";
import { call, patch, post } from "./api.js";
import { $, complain, el, fill, toast } from "./dom.js";
import { onSubmit, splitTags } from "./forms.js";
import { bytes, duration, plural } from "./format.js";
import { may } from "./shell.js";

const ACTIVE = new Set(["queued", "recording", "completed"]);
const dialog = (id) => document.getElementById(id);

/** `selected`: Map id → recording. Returns `{paint}`. */
export function startBulk(selected, { inTrash, changed, repaint }) {
  const bar = document.getElementById("bulk");
  const button = (name) => $(`[data-do="${name}"]`, bar);
  const ids = () => [...selected.keys()];

  function whyNotDelete(list) {
    if (!may("recording:delete")) return "You need recording:delete for this.";
    if (inTrash()) return "They are in the trash already.";
    const blocked = list.find((r) => ACTIVE.has(r.status)) || list.find((r) => r.legalHold);
    if (!blocked) return "";
    return `“${blocked.name}” is ${blocked.legalHold ? "under legal hold" : "not finished"}. Deselect it to delete the others.`;
  }

  function paint() {
    const list = [...selected.values()];
    bar.hidden = !list.length;
    if (!list.length) return;
    const size = list.reduce((s, r) => s + (r.file?.size || 0), 0);
    fill(bar, { n: `${list.length} selected`, sum: `${duration(list.reduce((s, r) => s + (r.durationSeconds || 0), 0))}, ${bytes(size)}` });
    const edit = !may("recording:edit") ? "You need recording:edit for this." : list.length > 200 ? "At most 200 at once." : "";
    allow(button("move"), !edit && !inTrash(), edit || "Restore them first.");
    allow(button("tag"), !edit && !inTrash(), edit || "Restore them first.");
    const why = whyNotDelete(list);
    allow(button("delete"), !why, why);
    button("restore").hidden = !inTrash();
    button("delete").hidden = inTrash();
  }

  function done(words) {
    toast(words);
    selected.clear();
    changed();
  }

  async function edit(body, words) {
    const n = selected.size;
    await patch("/recordings/bulk-metadata", { ids: ids(), ...body });
    done(`${plural(n, "recording")} ${words}`);
  }

  const open = (id) => () => { if (button(id).getAttribute("aria-disabled") !== "true") dialog(id).showModal(); };
  button("move").addEventListener("click", open("move"));
  button("tag").addEventListener("click", open("tag"));
  button("delete").addEventListener("click", () => {
    document.getElementById("delete-h").textContent = `Delete ${plural(selected.size, "recording")}?`;
    open("delete")();
  });
  button("clear").addEventListener("click", () => { selected.clear(); repaint(); });

  onSubmit(document.getElementById("move-form"), async (f) => {
    await edit({ folder: f.folder.value.trim() }, "moved");
    dialog("move").close();
  });
  onSubmit(document.getElementById("tag-form"), async (f) => {
    const body = {};
    for (const name of ["addTags", "removeTags"]) if (f[name].value.trim()) body[name] = splitTags(f[name].value);
    if (Object.keys(body).length) await edit(body, "tagged anew");
    dialog("tag").close();
  });
  onSubmit(document.getElementById("delete-form"), async (f) => {
    const n = selected.size;
    const reason = f.reason.value.trim();
    await post("/recordings/bulk-delete", { ids: ids(), ...(reason ? { reason } : {}) });
    dialog("delete").close();
    done(`${plural(n, "recording")} moved to the trash`);
  });

  button("restore").addEventListener("click", async () => {
    const list = [...selected.values()];
    let n = 0;
    for (const r of list) {
      try {
        await post(`/recordings/${r.id}/restore`);
        n += 1;
        fill(bar, { sum: `${n} of ${list.length} restored` });
      } catch (error) {
        complain(`${r.name} was not restored`, error);
      }
    }
    if (n) done(`${plural(n, "recording")} restored`);
  });

  button("export").addEventListener("click", async () => {
    try {
      await exportSelected(ids());
    } catch (error) {
      complain("Nothing was exported", error);
    }
  });

  return { paint };
}

/** POST …/export answers a file, not JSON: it is saved as the browser saves any download. */
async function exportSelected(ids) {
  const blob = await call("POST", "/recordings/export", { body: { ids }, blob: true });
  const url = URL.createObjectURL(blob);
  const link = el("a", { href: url, download: "recordings.csv" });
  link.click();
  URL.revokeObjectURL(url);
  toast(`${plural(ids.length, "row")} exported`);
}

// A canvas with a node's levels that follows its meters only while it can be seen.

import { $ } from "./dom.js";
import { NodeLevels } from "./levels.js";
import { Mini } from "./meters.js";

export class Picture {
  constructor(canvas, node) {
    this.canvas = canvas;
    this.levels = new NodeLevels(node);
    this.mini = new Mini(canvas, this.levels.meter);
    this.eye = new IntersectionObserver((entries) => {
      if (entries.at(-1).isIntersecting) this.levels.watch();
      else this.levels.unwatch();
    }, { rootMargin: "80px" });
    this.eye.observe(canvas);
  }

  update(node) {
    if (!this.levels.shape(node)) return;
    this.mini.meter = this.levels.meter;
  }

  get meter() {
    return this.levels.meter;
  }

  destroy() {
    this.eye.disconnect();
    this.mini.destroy();
    this.levels.destroy();
  }
}

const pictures = new WeakMap();

/** The picture on `row`'s canvas, made on first use and kept in step with the node. */
export function picture(row, node) {
  let found = pictures.get(row);
  if (!found) {
    found = new Picture($("canvas", row), node);
    pictures.set(row, found);
  }
  found.update(node);
  return found;
}

export function forget(row) {
  pictures.get(row)?.destroy();
  pictures.delete(row);
}

// RFC 8785: the one JSON text of a value, byte for byte what Python's rfc8785 makes of it. Pure.

const LONE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;

function string(value) {
  if (LONE.test(value)) throw new TypeError("A lone surrogate has no UTF-8.");
  return JSON.stringify(value);
}

/** Numbers are doubles, written as ECMAScript writes them; keys are sorted by UTF-16 code units. */
export function canonical(value) {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return string(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new TypeError("JSON has no such number.");
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value === "object") {
    const fields = Object.keys(value).filter((k) => value[k] !== undefined).sort();
    return `{${fields.map((k) => `${string(k)}:${canonical(value[k])}`).join(",")}}`;
  }
  throw new TypeError(`JSON has no ${typeof value}.`);
}

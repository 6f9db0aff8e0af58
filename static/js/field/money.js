// µUSDC, exact: whole numbers as decimal strings on the wire, BigInt here, never a float. Pure.

import { MINUS } from "../format.js";

const MICRO = 1000000n;

/** "60000" → "0.060000"; thousands are set apart; what is missing is a dash. */
export function usdc(micro, { sign = false } = {}) {
  if (micro === null || micro === undefined || micro === "") return "—";
  const value = BigInt(micro);
  const size = value < 0n ? -value : value;
  const whole = (size / MICRO).toString().replace(/\B(?=(\d{3})+$)/g, ",");
  const text = `${whole}.${(size % MICRO).toString().padStart(6, "0")}`;
  return value < 0n ? MINUS + text : sign && value > 0n ? `+${text}` : text;
}

/** "0.06" → "60000"; null when it is no amount of at most six decimals. */
export function toMicro(text) {
  const found = /^(\d{1,31})(?:[.,](\d{1,6}))?$/.exec(String(text).trim().replace(/(?<=\d),(?=\d{3}(\D|$))/g, ""));
  return found ? (BigInt(found[1]) * MICRO + BigInt((found[2] || "").padEnd(6, "0") || "0")).toString() : null;
}

/** What clean seconds cost, and how it is shared (05 §7): `{gross, operator, fee}` as BigInt. */
export function split(cleanSeconds, rateMicro, feeBps) {
  const gross = BigInt(cleanSeconds) * BigInt(rateMicro);
  const operator = (gross * BigInt(10000 - feeBps)) / 10000n;
  return { gross, operator, fee: gross - operator };
}

/** 1500 → "15 %". */
export const percent = (bps) => `${Number((bps / 100).toFixed(2))} %`;

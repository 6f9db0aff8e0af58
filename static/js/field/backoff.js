// When to try again: at once, then after 1, 2, 4, 8, 8 … s, each ± 20 %, so that many who lost the same server don't come back together. Pure.

export const STEPS_SECONDS = [0, 1, 2, 4, 8];

export function delayMs(attempt, random = Math.random) {
  const seconds = STEPS_SECONDS[Math.min(attempt, STEPS_SECONDS.length - 1)];
  return seconds * 1000 * (0.8 + 0.4 * random());
}

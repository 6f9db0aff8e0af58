// What lies over the picture at an instant: ends that are known in advance are acted on here, without waiting for anybody. Pure.

/** The lower third that shows at `now` (ms since the epoch), or null. */
export const lowerNow = (lower, now) => (lower?.visible && !(lower.hideAt && new Date(lower.hideAt).getTime() <= now) ? lower : null);

/** The newest two lines that show at `now`, oldest first. */
export function captionsNow(captions, now) {
  const running = (captions || []).filter((line) => new Date(line.startAt).getTime() <= now + 250 && new Date(line.endAt).getTime() > now);
  return running.slice(-2);
}

// The control room's state folded from its numbered changes. Pure: no DOM, no clock of its own. Changes carry whole new values, so a client replaces.

/** Rows of `changed` take the place of those with the same key; new ones come last. */
function replaced(rows, changed, key) {
  const by = new Map(changed.map((row) => [row[key], row]));
  const kept = rows.map((row) => {
    const found = by.get(row[key]);
    by.delete(row[key]);
    return found || row;
  });
  return [...kept, ...by.values()];
}

const without = (object, name) => Object.fromEntries(Object.entries(object).filter(([key]) => key !== name));
const operator = (state, { operator: row }) => ({ operators: replaced(state.operators, [row], "id") });
const whole = (...names) => (_state, data) => Object.fromEntries(names.filter((name) => name in data).map((name) => [name, data[name]]));
const bus = (...names) => (state, data) => ({ ...whole(...names)(state, data), sources: replaced(state.sources || [], data.sources || [], "source") });

const EVENTS = {
  "operator.registered": operator,
  "operator.connected": operator,
  "operator.disconnected": operator,
  "operator.deleted": (state, { id }) => ({ operators: state.operators.filter((row) => row.id !== id) }),
  "lock.acquired": (state, { subsystem, lock }) => ({ locks: { ...state.locks, [subsystem]: lock } }),
  "lock.released": (state, { subsystem }) => ({ locks: without(state.locks, subsystem) }),
  "handover.asked": (state, { handover }) => ({ handovers: replaced(state.handovers, [handover], "id") }),
  "handover.closed": (state, { id, subsystem, lock }) => ({
    handovers: state.handovers.filter((row) => row.id !== id),
    ...(lock ? { locks: { ...state.locks, [subsystem]: lock } } : {}),
  }),
  "program.changed": bus("program", "preview"),
  "preview.changed": bus("preview"),
  "source.changed": (state, { source }) => ({ sources: replaced(state.sources || [], [source], "source") }),
  "source.removed": (state, { source }) => ({ sources: (state.sources || []).filter((row) => row.source !== source) }),
  "lowerThird.changed": whole("lowerThird"),
  "slate.changed": whole("slate"),
  "captions.changed": whole("captions"),
  "replay.changed": whole("replay"),
  "programLink.changed": whole("programLink"),
};

/**
 * `{state, gap}` after one change `{seq, event, at, by, data}`. What is not newer than the state changes nothing; after a hole the state stays as it
 * was and `gap` is true: the caller asks again from `state.seq`.
 */
export function reduce(state, change) {
  if (change.seq <= state.seq) return { state, gap: false };
  if (change.seq !== state.seq + 1) return { state, gap: true };
  const parts = EVENTS[change.event]?.(state, change.data) || {};
  return { state: { ...state, ...parts, seq: change.seq, at: change.at, lastChangedBy: change.by }, gap: false };
}

export const OPTIMISM_MS = 2000;

/** Guesses that still stand: not yet answered by the change they wait for (`seq`, once the server said it), and not older than two seconds. */
export const standing = (guesses, state, now) => guesses.filter((g) => now - g.at < OPTIMISM_MS && !(g.seq !== undefined && state.seq >= g.seq));

/** What the page shows: the state with the guesses over it. `guess.parts(state)` → the parts it expects to change. */
export const seen = (state, guesses) => guesses.reduce((shown, guess) => ({ ...shown, ...guess.parts(shown) }), state);

/* What one's own commands are expected to do. Each names what will be, never what changes: the change itself may come before the answer to the command,
   and the guess stands over it until then. */

const tally = (source, program, preview) => (source === program ? "program" : source === preview ? "preview" : "off");

function buses(state, program, preview) {
  const sources = state.sources.map((row) => ({ ...row, tally: tally(row.source, program, preview) }));
  return { sources, program: { ...state.program, source: program }, preview: { ...state.preview, source: preview } };
}

export const guesses = {
  preview: (source) => (state) => buses(state, state.program.source, source),
  cut: (source) => (state) => buses(state, source, state.preview.source),
  take: (program, preview) => (state) => buses(state, program, preview),
  mix: (source, change) => (state) => ({ sources: state.sources.map((row) => (row.source === source ? { ...row, ...change } : row)) }),
};

// Where this device is, once, with a sentence when it can't be said.

const REASONS = { 1: "The position is not allowed. Allow it for this site in the browser’s address bar.", 2: "No position can be found here.", 3: "The position takes too long." };

/** → `{point, accuracyMeters}`; rejects with an Error whose message a person can act on. */
export function here(timeout = 10000) {
  if (!window.isSecureContext || !navigator.geolocation) return Promise.reject(new Error("Browsers tell the position to https addresses only."));
  return new Promise((done, fail) => {
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => done({ point: { lat: Number(coords.latitude.toFixed(6)), lng: Number(coords.longitude.toFixed(6)) }, accuracyMeters: Math.round(coords.accuracy), speedMps: coords.speed }),
      (error) => fail(new Error(REASONS[error.code] || error.message)),
      { enableHighAccuracy: true, maximumAge: 2000, timeout },
    );
  });
}

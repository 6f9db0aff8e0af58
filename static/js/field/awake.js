// Keeps the screen on while a phone publishes; taken again whenever the page comes back into view.

export const canStayAwake = "wakeLock" in navigator;

export class Awake {
  constructor(changed = () => {}) {
    this.wanted = false;
    this.lock = null;
    this.changed = changed;
    document.addEventListener("visibilitychange", () => { if (this.wanted && !document.hidden) this.take(); });
  }

  get held() {
    return Boolean(this.lock && !this.lock.released);
  }

  async take() {
    this.wanted = true;
    if (!canStayAwake || this.held || document.hidden) return;
    try {
      this.lock = await navigator.wakeLock.request("screen");
      this.lock.addEventListener("release", () => this.changed());
    } catch (error) {
      // Low battery, or a browser that says no: the notice tells what to do instead.
      if (!(error instanceof DOMException)) throw error;
    }
    this.changed();
  }

  async drop() {
    this.wanted = false;
    await this.lock?.release();
    this.lock = null;
  }
}

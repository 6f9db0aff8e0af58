// The mix where program is heard: gain and mute of the source on program, above 0 dB as well, which an element's volume can't.

const RAMP_SECONDS = 0.02;

export class Mix {
  constructor() {
    this.wish = { gainDb: 0, muted: false };
    this.open = false;
  }

  /** Sound comes from the stream of `video`, or from its file. */
  follow(video) {
    this.video = video;
    if (this.context) this.wire();
  }

  /** Turns listening on or off; on needs a gesture of the person. */
  async listen(open) {
    this.open = open;
    if (open && !this.context) this.build();
    if (open) await this.context.resume();
    this.apply();
  }

  build() {
    this.context = new AudioContext({ latencyHint: "interactive" });
    this.gain = this.context.createGain();
    this.out = this.context.createGain();
    this.out.gain.value = 0;
    const split = this.context.createChannelSplitter(2);
    this.gain.channelCountMode = "explicit";
    this.gain.channelCount = 2;
    this.meters = [0, 1].map((channel) => {
      const meter = this.context.createAnalyser();
      meter.fftSize = 2048;
      split.connect(meter, channel);
      return meter;
    });
    this.gain.connect(split);
    this.gain.connect(this.out);
    this.out.connect(this.context.destination);
    if (this.video) this.wire();
  }

  wire() {
    const { video } = this;
    const stream = video.srcObject;
    const from = stream?.getAudioTracks().length ? stream.getAudioTracks()[0] : stream ? null : video;
    if (from === this.from) return;
    this.source?.disconnect();
    this.from = from;
    this.source = null;
    if (from === video) {
      // An element can be routed only once in its life.
      this.element ??= new Map();
      if (!this.element.has(video)) this.element.set(video, this.context.createMediaElementSource(video));
      this.source = this.element.get(video);
      video.muted = false;
    } else if (from) {
      this.source = this.context.createMediaStreamSource(new MediaStream([from]));
      video.muted = true;
    }
    this.source?.connect(this.gain);
  }

  set(wish) {
    this.wish = wish;
    this.apply();
  }

  apply() {
    if (!this.context) return;
    const now = this.context.currentTime;
    this.gain.gain.setTargetAtTime(this.wish.muted ? 0 : 10 ** (this.wish.gainDb / 20), now, RAMP_SECONDS);
    this.out.gain.setTargetAtTime(this.open ? 1 : 0, now, RAMP_SECONDS);
  }

  /** `[{rms, peak}]` in dBFS of both channels now, after the mix; null while nothing is heard. */
  levels() {
    if (!this.context || !this.open || !this.source) return null;
    return this.meters.map((meter) => {
      const samples = new Float32Array(meter.fftSize);
      meter.getFloatTimeDomainData(samples);
      let sum = 0;
      let peak = 0;
      for (const s of samples) {
        sum += s * s;
        peak = Math.max(peak, Math.abs(s));
      }
      const db = (v) => (v > 0 ? 20 * Math.log10(v) : -Infinity);
      return { rms: db(Math.sqrt(sum / samples.length)), peak: db(peak) };
    });
  }
}

// How loud a microphone is.

const GAIN = 6; // speech rarely goes over a sixth of the full scale

let context = null; // browsers allow only a few

export class Level {
  #analyser = null;
  #source = null;
  #track = null;
  #samples;

  /** From 0 to 1, of what the track has carried since just before; null is silence. */
  measure(track) {
    if (track !== this.#track) this.#listenTo(track);
    if (!track?.enabled || context.state !== "running") return 0;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const power = this.#samples.reduce((sum, sample) => sum + sample * sample, 0) / this.#samples.length;
    return Math.min(1, Math.sqrt(power) * GAIN);
  }

  close() {
    this.#listenTo(null);
  }

  #listenTo(track) {
    this.#track = track;
    this.#source?.disconnect();
    this.#source = null;
    if (!track) return;
    context ??= new AudioContext();
    if (context.state === "suspended") context.resume(); // one that began before anybody had touched the page
    this.#analyser ??= context.createAnalyser();
    this.#samples ??= new Float32Array(this.#analyser.fftSize);
    this.#source = context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(this.#analyser);
  }
}

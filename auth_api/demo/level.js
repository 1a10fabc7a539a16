// How loud the microphone is: shows that it works before anybody listens.

const EVERY = 100; // ms
const GAIN = 6; // speech rarely goes over a sixth of the full scale

/** Calls `show` with 0 to 1, for as long as `listening()` gives a track; null is silence. */
export class Level {
  #context = null;
  #analyser;
  #source = null;
  #track = null;
  #samples;

  constructor(track, show) {
    setInterval(() => show(this.#measure(track())), EVERY);
  }

  #measure(track) {
    if (track !== this.#track) this.#listenTo(track);
    if (!track?.enabled || this.#context.state !== "running") return 0;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const power = this.#samples.reduce((sum, sample) => sum + sample * sample, 0) / this.#samples.length;
    return Math.min(1, Math.sqrt(power) * GAIN);
  }

  #listenTo(track) {
    this.#track = track;
    this.#source?.disconnect();
    this.#source = null;
    if (!track) return;
    this.#context ??= new AudioContext();
    this.#analyser ??= this.#context.createAnalyser();
    this.#samples ??= new Float32Array(this.#analyser.fftSize);
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(this.#analyser);
  }
}

// How good the connection to somebody is, in three steps.

const STEPS = [
  { step: "good", rtt: 250, loss: 0.02 }, // ms there and back, and part of the packets, at most
  { step: "fair", rtt: 500, loss: 0.08 },
];
const NEWS = 0.5; // part that the newest measurement has in what is judged

export class Quality {
  #rtt = null;
  #loss = 0;

  /** Take what the library has measured. Returns `good`, `fair` or `poor`; empty as long as nothing is known. */
  judge({ rtt, loss }) {
    if (rtt === null) return "";
    this.#rtt = mixed(this.#rtt ?? rtt, rtt);
    this.#loss = mixed(this.#loss, loss);
    return STEPS.find((most) => this.#rtt <= most.rtt && this.#loss <= most.loss)?.step ?? "poor";
  }
}

function mixed(before, now) {
  return before * (1 - NEWS) + now * NEWS;
}

// How good a media connection is, read from what the browser counts.

/**
 * @typedef {object} Quality
 * @property {number | null} rtt ms there and back
 * @property {number} jitter ms, the worst of what is received
 * @property {number} loss part of the packets that did not arrive, from 0 to 1
 * @property {number} received bits per second
 * @property {number} sent bits per second
 * @property {boolean} relayed whether it goes over a TURN server
 */

export class Meter {
  #before = { time: 0, received: 0, sent: 0, packets: 0, lost: 0 };

  /**
   * @param {RTCStatsReport} report
   * @returns {Quality}
   */
  read(report) {
    const now = { time: performance.now(), received: 0, sent: 0, packets: 0, lost: 0 };
    const rtts = []; // seconds; some browsers know it of the pair of addresses, others of what was received only
    let jitter = 0;
    let relayed = false;
    for (const one of report.values()) {
      if (one.type === "candidate-pair" && one.nominated && one.state === "succeeded") {
        rtts.unshift(one.currentRoundTripTime);
        relayed = report.get(one.localCandidateId)?.candidateType === "relay";
      } else if (one.type === "inbound-rtp") {
        now.received += one.bytesReceived;
        now.packets += one.packetsReceived;
        now.lost += one.packetsLost;
        jitter = Math.max(jitter, (one.jitter ?? 0) * 1000);
      } else if (one.type === "outbound-rtp") now.sent += one.bytesSent;
      else if (one.type === "remote-inbound-rtp") rtts.push(one.roundTripTime);
    }
    const before = this.#before;
    this.#before = now;
    /** @type {(name: keyof typeof now) => number} */
    const grown = (name) => Math.max(now[name] - before[name], 0); // of a new connection all is less
    const lost = grown("lost");
    const perSecond = 8000 / Math.max(grown("time"), 1);
    const rtt = rtts.find((seconds) => seconds !== undefined);
    return {
      rtt: rtt === undefined ? null : rtt * 1000,
      jitter,
      loss: lost / (grown("packets") + lost || 1),
      received: grown("received") * perSecond,
      sent: grown("sent") * perSecond,
      relayed,
    };
  }
}

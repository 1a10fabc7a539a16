// As much of a browser as a call needs: what is negotiated is real, media there is none.

class FakeStream {
  id = Math.random().toString(36).slice(2);
  #tracks = new Set();
  getTracks = () => [...this.#tracks];
  addTrack = (track) => this.#tracks.add(track);
  removeTrack = (track) => this.#tracks.delete(track);
}

class FakeTransceiver {
  mid = null;
  stopped = false;
  #direction;

  constructor(kind, { direction, track = null }) {
    this.receiver = { track: { kind } };
    this.sender = { track, setStreams() {}, replaceTrack: async (other) => (this.sender.track = other) };
    this.#direction = direction;
  }

  get direction() {
    return this.stopped ? "stopped" : this.#direction;
  }

  set direction(direction) {
    this.#direction = direction;
  }

  stop() {
    this.stopped = true;
  }
}

const tick = () => new Promise((done) => setImmediate(done));

export class FakeConnection {
  static all = [];
  signalingState = "stable";
  connectionState = "new";
  localDescription = null;
  remoteDescription = null;
  candidates = [];
  restarts = 0;
  #transceivers = [];
  #configuration;
  #before = null; // the local description that an offer would replace
  #needed = false;

  constructor(configuration) {
    this.#configuration = configuration;
    FakeConnection.all.push(this);
  }

  getConfiguration = () => this.#configuration;
  setConfiguration = (configuration) => (this.#configuration = configuration);
  getTransceivers = () => this.#transceivers.filter(({ stopped }) => !stopped);
  addIceCandidate = async (candidate) => this.candidates.push(candidate.candidate);

  addTransceiver(what, options) {
    const isTrack = typeof what === "object";
    const transceiver = new FakeTransceiver(isTrack ? what.kind : what, { ...options, track: isTrack ? what : null });
    this.#transceivers.push(transceiver);
    this.#need();
    return transceiver;
  }

  restartIce() {
    this.restarts++;
    this.#need();
  }

  async setLocalDescription() {
    await tick();
    if (this.signalingState === "closed") throw new Error("closed");
    const type = this.signalingState === "have-remote-offer" ? "answer" : "offer";
    if (type === "offer") for (const [index, one] of this.#transceivers.entries()) one.mid ??= String(index);
    this.#before = this.localDescription;
    this.localDescription = { type, sdp: this.#transceivers.map(({ receiver }) => receiver.track.kind).join() };
    this.signalingState = type === "offer" ? "have-local-offer" : "stable";
    this.onicecandidate?.({ candidate: { candidate: `${type} 1` } });
    this.onicecandidate?.({ candidate: { candidate: `${type} 2` } });
  }

  async setRemoteDescription({ type, sdp }) {
    await tick();
    if (typeof sdp !== "string" || !sdp) throw new Error("no description");
    if (type === "offer" && this.signalingState === "have-local-offer") this.#rollBack();
    const expected = type === "offer" ? "stable" : "have-local-offer";
    if (this.signalingState !== expected) throw new Error(`${type} in ${this.signalingState}`);
    this.remoteDescription = { type, sdp };
    this.signalingState = type === "offer" ? "have-remote-offer" : "stable";
    if (type === "offer") this.#associate(sdp.split(","));
  }

  close() {
    this.signalingState = this.connectionState = "closed";
  }

  become(state) {
    this.connectionState = state;
    this.onconnectionstatechange();
  }

  #rollBack() {
    for (const one of this.#transceivers) one.mid = null;
    this.localDescription = this.#before;
    this.signalingState = "stable";
  }

  #associate(kinds) {
    for (const [index, kind] of kinds.entries()) {
      if (this.#transceivers.some(({ mid }) => mid === String(index))) continue;
      const made = new FakeTransceiver(kind, { direction: "recvonly" });
      made.mid = String(index);
      this.#transceivers.splice(index, 0, made);
    }
  }

  async #need() {
    if (this.#needed) return;
    this.#needed = true;
    await tick();
    this.#needed = false;
    if (this.signalingState === "stable") this.onnegotiationneeded?.();
  }
}

Object.assign(globalThis, { MediaStream: FakeStream, RTCPeerConnection: FakeConnection });

// The media connection to one roommate.

/**
 * Either side may offer at any time: when two offers cross, the polite side gives way.
 *
 * `ways` is how it reaches the world: `sendDescription(description)`, `sendCandidate(candidate)`, `state(word)`,
 * `told(about)` for what the roommate says of itself, `about()` for what we say of ourselves, and `iceServers()`.
 */
export class Peer {
  stream = new MediaStream();
  #connection;
  #polite;
  #media;
  #ways;
  #channel = null;
  #offering = false;
  #ignoring = false; // the last offer lost against ours, so its candidates mean nothing
  #early = []; // candidates that came before the description they belong to
  #work = Promise.resolve(); // what comes from the roommate is taken one at a time, in order

  constructor(polite, media, ways) {
    this.#polite = polite;
    this.#media = media;
    this.#ways = ways;
    const connection = (this.#connection = new RTCPeerConnection({ iceServers: ways.iceServers() }));
    connection.onnegotiationneeded = () => this.#offer();
    connection.onicecandidate = ({ candidate }) => candidate && ways.sendCandidate(candidate.toJSON());
    connection.ontrack = ({ track }) => this.#show(track);
    connection.ondatachannel = ({ channel }) => this.#useChannel(channel);
    connection.onconnectionstatechange = () => this.#stateChanged();
  }

  /** The newcomer calls: both directions at once, whether or not there is a track to send yet. */
  call() {
    for (const kind of ["audio", "video"]) {
      const streams = [this.#media.stream];
      this.#connection.addTransceiver(this.#media.track(kind) ?? kind, { direction: "sendrecv", streams });
    }
    this.#useChannel(this.#connection.createDataChannel("about"));
  }

  takeDescription(description) {
    return this.#next(() => this.#describe(description));
  }

  takeCandidate(candidate) {
    return this.#next(() => this.#addCandidate(candidate));
  }

  /** Send `track` from now on, or nothing if it is null. */
  async send(kind, track) {
    const carriers = this.#connection.getTransceivers().filter(({ receiver }) => receiver.track.kind === kind);
    await Promise.all(carriers.map(({ sender }) => sender.replaceTrack(track)));
  }

  /** Tell the roommate again what `ways.about()` says. */
  tell() {
    if (this.#channel?.readyState === "open") this.#channel.send(JSON.stringify(this.#ways.about()));
  }

  /** Look for another way through the network. */
  restart() {
    this.#connection.setConfiguration({ iceServers: this.#ways.iceServers() }); // their passwords may have changed
    this.#connection.restartIce();
  }

  close() {
    this.#connection.close();
  }

  #next(step) {
    this.#work = this.#work.then(step).catch((error) => console.warn("from a roommate:", error.message));
    return this.#work;
  }

  async #offer() {
    this.#offering = true;
    try {
      await this.#connection.setLocalDescription();
      this.#ways.sendDescription(this.#connection.localDescription.toJSON());
    } catch (error) {
      console.warn("offer:", error.message); // an offer of the roommate came in between: it is answered instead
    } finally {
      this.#offering = false;
    }
  }

  async #describe(description) {
    const connection = this.#connection;
    if (connection.signalingState === "closed") return;
    const crossing = description.type === "offer" && (this.#offering || connection.signalingState !== "stable");
    this.#ignoring = crossing && !this.#polite;
    if (this.#ignoring) return;
    await connection.setRemoteDescription(description);
    const early = this.#early.splice(0);
    if (description.type === "offer") await this.#answer();
    for (const candidate of early) await this.#addCandidate(candidate);
  }

  async #answer() {
    await Promise.all(this.#connection.getTransceivers().map((transceiver) => this.#sendOver(transceiver)));
    await this.#connection.setLocalDescription();
    this.#ways.sendDescription(this.#connection.localDescription.toJSON());
  }

  async #sendOver(transceiver) {
    if (transceiver.mid === null) return transceiver.stop(); // of an offer of ours that gave way
    if (transceiver.direction === "sendrecv" || transceiver.direction === "stopped") return;
    transceiver.direction = "sendrecv";
    transceiver.sender.setStreams(this.#media.stream);
    await transceiver.sender.replaceTrack(this.#media.track(transceiver.receiver.track.kind));
  }

  async #addCandidate(candidate) {
    if (this.#ignoring || this.#connection.signalingState === "closed") return;
    if (this.#connection.remoteDescription) await this.#connection.addIceCandidate(candidate);
    else this.#early.push(candidate);
  }

  #show(track) {
    for (const old of this.stream.getTracks()) if (old.kind === track.kind) this.stream.removeTrack(old);
    this.stream.addTrack(track);
  }

  #useChannel(channel) {
    this.#channel = channel;
    channel.onopen = () => this.tell();
    channel.onmessage = ({ data }) => this.#ways.told(parsed(data));
  }

  #stateChanged() {
    const state = this.#connection.connectionState;
    this.#ways.state(state);
    if (state === "failed") this.restart();
  }
}

function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

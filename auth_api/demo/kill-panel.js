// Where `make run` has a kill switch: kill a gateway or the broker during the call, and see that nothing is lost.
import { Count, echo } from "./counting.js";
import { write } from "./language.js";
import { nameIn } from "./peerinfo.js";

const BEFORE = 1000; // ms that are counted before something is killed,
const AFTER = 1500; // and from when we are served again
const TOO_MANY = 429; // the answer of a switch that was pressed just now
const TRIES = 6; // with a pause, until that is over
const PATIENCE = 20_000; // ms until the last number is given up
const HIGHEST = 400; // ms of a bar as high as the chart, unless there is a longer one
const byId = (id) => document.getElementById(id);

export class KillPanel {
  #panel = byId("kill");
  #switch = ""; // the kill switch's address
  #gateway; // called for the address of our gateway
  #room = null;
  #count = null;
  #run = null; // {killedAt, first, servedAt}: `first` is the first number that was sent to nobody

  constructor(gateway) {
    this.#gateway = gateway;
    byId("kill-switch").onclick = () => this.#fold(!byId("kill-body").hidden);
    byId("kill-gateway").onclick = () => this.#kill("gateway");
    byId("kill-broker").onclick = () => this.#kill("broker");
  }

  /** Be there for this room, if there is a switch. Other pages on this machine count with us. */
  follow(room, address) {
    this.#switch = address;
    this.#room = room;
    this.#panel.hidden = !address;
    if (address) echo(room);
  }

  leave() {
    this.#count?.close();
    this.#count = this.#room = null;
    this.#panel.hidden = true;
    this.#busy(false);
    [byId("kill-show").hidden, byId("kill-lead").hidden] = [true, false];
    write(byId("kill-title"), "kill.title");
  }

  #fold(folded) {
    byId("kill-body").hidden = folded;
    byId("kill-switch").setAttribute("aria-expanded", !folded);
  }

  async #kill(victim) {
    this.#count?.close();
    const count = (this.#count = new Count(this.#room));
    this.#run = { killedAt: 0, first: Infinity, servedAt: Infinity };
    this.#begin(victim);
    await count.start();
    await pause(BEFORE);
    const killed = await this.#press(victim);
    if (count !== this.#count) return;
    if (!killed) return this.#end(count, "kill.refused");
    [this.#run.killedAt, this.#run.first] = [performance.now(), count.sent];
    write(byId("kill-title"), `kill.${victim}.dead`);
    await this.#until(count, () => this.#look(count));
    await pause(AFTER);
    count.stop();
    await this.#until(count, () => count.arrived === count.sent);
    if (count === this.#count) this.#end(count, this.#verdict(count));
  }

  /** Press the switch. Returns whether the process is dead. */
  async #press(victim) {
    const headers = { "Content-Type": "application/json" };
    try {
      for (let tries = 0; tries < TRIES; tries++) {
        const body = JSON.stringify(victim === "gateway" ? { url: this.#gateway() } : {});
        const { ok, status } = await fetch(`${this.#switch}/${victim}`, { method: "POST", headers, body });
        if (ok || status !== TOO_MANY) return ok;
        await pause(BEFORE);
      }
    } catch (error) {
      console.warn("no kill switch:", error.message);
    }
    return false;
  }

  /** Wait for something that the chart shows, but not for ever. */
  async #until(count, done) {
    const end = performance.now() + PATIENCE;
    while (count === this.#count && !done() && performance.now() < end) await pause(20);
  }

  #verdict(count) {
    const whole = count.arrived === count.sent && !count.twice;
    return whole ? (count.partner ? "kill.whole" : "kill.whole.alone") : "kill.broken";
  }

  #begin(victim) {
    this.#busy(true);
    byId("kill-bars").replaceChildren();
    [byId("kill-show").hidden, byId("kill-lead").hidden] = [false, true];
    delete this.#panel.dataset.verdict;
    write(byId("kill-title"), `kill.${victim}.soon`);
    write(byId("kill-verdict"), "");
    this.#draw(this.#count);
  }

  #end(count, verdict) {
    count.close();
    this.#busy(false);
    const { servedAt } = this.#run;
    const values = { sent: count.sent, arrived: count.arrived, twice: count.twice, name: nameIn(count.partner?.peerinfo) };
    this.#panel.dataset.verdict = verdict.startsWith("kill.whole") ? "good" : "bad";
    if (servedAt < Infinity) write(byId("kill-title"), "kill.served");
    write(byId("kill-verdict"), verdict, values);
  }

  #busy(busy) {
    for (const name of ["kill-gateway", "kill-broker"]) byId(name).disabled = busy;
  }

  /** Draw the count as it is, over and over, until it has ended. */
  #draw(count) {
    if (count !== this.#count) return;
    this.#drawTime();
    write(byId("kill-count"), count.partner ? "kill.count" : "kill.count.alone", { sent: count.sent, arrived: count.arrived, name: nameIn(count.partner?.peerinfo) });
    const highest = Math.max(HIGHEST, ...count.numbers.map((one) => count.time(one)));
    count.numbers.forEach((one, number) => this.#drawBar(one, number, count, highest));
    if (byId("kill-gateway").disabled) requestAnimationFrame(() => this.#draw(count));
  }

  /** Whether we are served again: since a number has arrived that was sent to a dead process, or later. */
  #look(count) {
    const arrivals = count.numbers.slice(this.#run.first).map((one) => count.arrival(one));
    this.#run.servedAt = Math.min(...arrivals.filter((at) => at !== null));
    return Number.isFinite(this.#run.servedAt);
  }

  #drawTime() {
    const { killedAt, servedAt } = this.#run;
    byId("kill-time").textContent = killedAt ? Math.round(Math.min(servedAt, performance.now()) - killedAt) : 0;
  }

  #drawBar(one, number, count, highest) {
    const bars = byId("kill-bars");
    const bar = bars.children[number] ?? bars.appendChild(document.createElement("i"));
    bar.style.height = `${Math.max(4, Math.sqrt(count.time(one) / highest) * 100)}%`;
    bar.toggleAttribute("data-arrived", count.arrival(one) !== null);
    bar.toggleAttribute("data-killed", number === this.#run.first);
  }
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// The numbers at the top: how it is now, and the last hour as charts.
import { draw } from "./chart.js";

const byId = (id) => document.getElementById(id);
const count = (number) => number.toLocaleString("en");

export class Numbers {
  #rooms;
  #hour;

  constructor(rooms, hour) {
    this.#rooms = rooms;
    this.#hour = hour;
  }

  draw() {
    const { rooms, peers, pending } = this.#rooms.sums();
    this.#show("rooms", rooms, this.#hour.levels(rooms, "created", "closed"), "Rooms in the last hour");
    this.#show("people", peers, this.#hour.levels(peers, "joined", "left"), "People in rooms in the last hour");
    const joined = this.#hour.counts("joined");
    this.#show("joined", sum(joined), joined, "People who came in, each minute of the last hour");
    const asked = this.#hour.counts("asked");
    this.#show("waiting", pending, asked, "Requests to come in, each minute of the last hour");
  }

  #show(name, number, values, said) {
    byId(`number-${name}`).textContent = count(number);
    draw(byId(`chart-${name}`), values, `${said}: at most ${count(Math.max(...values))}, now ${count(values.at(-1))}`);
  }
}

const sum = (values) => values.reduce((all, value) => all + value, 0);

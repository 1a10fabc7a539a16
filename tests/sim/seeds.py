"""Seeds that found something, each with what it was. They are played first.

What a seed means changes little when code does, since each matter has a chance of its own (``universe.py``).
"""

SEEDS: dict[int, str] = {
    28: "answers to a return that got lost cost a peer of version 2 its place",
    506: "the same, when nothing but state had been lost before",
    266421191: "one whose late request took its place over was told words twice",
    806732202: "a gateway knew of a place that NATS had lost, and that was written anew while it was looked for",
    900009: "a broker did not notice that NATS had lost what it held back when NATS was away twice in a row",
}

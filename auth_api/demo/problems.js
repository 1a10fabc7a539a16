// What went wrong, in words, and what can be done about it.
import { hasSentence } from "./language.js";

const OFFERS = { again: "join", join: "join", create: "create" }; // each is a way to try again
const AGAIN = new Set(["rejected", "full", "locked", "kicked", "revoked", "removed", "away"]);

/** `{key, values, offer}`: a sentence, and what is offered: `again`, `join`, `create` or nothing. */
export function problem(code, message, room) {
  return { key: keyOf(code, message), values: { room, message }, offer: offerOf(code) };
}

/** The way to try again: `create` or `join`. */
export const wayOf = (offer) => OFFERS[offer];

function keyOf(code, message) {
  const key = `problem.${code}`;
  if (message && hasSentence(`${key}.said`)) return `${key}.said`;
  if (hasSentence(key)) return key;
  if (hasSentence(`refused.${code}`)) return `refused.${code}`;
  return message ? "problem.said" : "problem.other";
}

function offerOf(code) {
  if (code === "taken" || code === "invitation") return "join";
  if (code === "not-found") return "create";
  return AGAIN.has(code) ? "again" : "";
}

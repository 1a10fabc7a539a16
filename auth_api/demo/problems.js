// What went wrong, in words, and what can be done about it.
import { hasSentence } from "./language.js";

// What is offered, for each code; each offer is a way to go on, or without one, the way that was tried.
const OFFERED = {
  rejected: "again", full: "retry", locked: "retry", unavailable: "retry", taken: "join", invitation: "join", "not-found": "create",
  closed: "reopen", "closed-by-host": "reopen", gone: "reopen",
  kicked: "back", "kicked-by-operator": "back", removed: "back", revoked: "back", replaced: "back", unauthorized: "back", away: "back",
};
const WAYS = { again: "join", back: "join", join: "join", create: "create", reopen: "create" };
const IN_THE_FORM = new Set(["no-name", "no-room", "taken", "away"]); // the form says what to do
const SAYS_WHY = /^(kicked|closed)/; // the message is that of whoever did it

/**
 * `what` is `{code, message, banned, inside}`: the server's or ours, and whether we had been in. Returns `{title, sentences,
 * offer, way}`: the key of a title, if there is one for it; keys of sentences, each with its values; and what is offered,
 * `way` being empty if it is the one that was tried.
 */
export function problem({ code, message = "", banned = null, inside = false }, room) {
  const sentences = [[keyOf(code, message), { room, message }]];
  if (typeof banned === "number") sentences.push(["problem.barred.until", { until: new Date(banned * 1000) }]);
  else if (banned) sentences.push(["problem.barred"]);
  if (message && SAYS_WHY.test(code)) sentences.push(["problem.they-said", { message }]);
  const title = IN_THE_FORM.has(code) ? "" : inside ? "problem.title.out" : "problem.title.not-in";
  const offer = banned ? "" : (OFFERED[code] ?? "");
  return { title, sentences, offer, way: WAYS[offer] ?? "" };
}

function keyOf(code, message) {
  for (const key of [`problem.${code}`, `refused.${code}`]) if (hasSentence(key)) return key;
  return message ? "problem.said" : "problem.other";
}

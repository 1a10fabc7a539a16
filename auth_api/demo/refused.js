// What the server said no to, in the page's language.
import { hasSentence } from "./language.js";

/** `[key, values]` of the sentence for a refusal. */
export function refused({ code, message }) {
  const key = `refused.${code}`;
  return hasSentence(key) ? [key] : message ? ["problem.said", { message }] : ["problem.other"];
}

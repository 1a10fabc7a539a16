// Names of people and rooms, which may be anything: made fit to be shown, and set apart from the sentence around them.

const LONGEST = { person: 40, room: 128 }; // characters, as people count them
const LONGEST_TEXT = 1000; // units of text that are looked at
const LONGEST_CHARACTER = 16; // code points; emoji of more are shown side by side, in a line that has no end
const INVISIBLE = /(?![\u200c\u200d\ufe0e\ufe0f])[\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800]/gu;
// Joiners have a meaning within emoji and in scripts whose letters join; elsewhere they only make names look alike.
const EMOJI = "[\\p{Extended_Pictographic}\\p{Emoji_Modifier}\\ufe0f]";
const JOINING = "(?![\\p{sc=Latn}\\p{sc=Grek}\\p{sc=Cyrl}])[\\p{L}\\p{M}]";
const JOINERS = new RegExp(`(${EMOJI}|${JOINING})([\\u200c\\u200d])(?=[\\p{L}\\p{Extended_Pictographic}])|[\\u200c\\u200d]`, "gu");
const STACKED = /(\p{M}{4})\p{M}+/gu; // marks that would cover the lines above
const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u;

/** A person's name without what cannot be seen; empty if nothing is left. */
export function personName(text) {
  return shown(text, LONGEST.person);
}

/** The same for the name of a room. */
export function roomName(text) {
  return shown(text, LONGEST.room);
}

/** An element with a name whose direction of writing does not reach beyond it. */
export function named(name) {
  const element = document.createElement("bdi");
  element.textContent = name;
  return element;
}

/** The characters of a text as people see them: an emoji of several code points is one. */
export function characters(text) {
  if (!Intl.Segmenter) return [...text];
  return [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment);
}

function shown(text, longest) {
  const spaced = text.slice(0, LONGEST_TEXT).replace(/\s+/gu, " ");
  const clean = spaced.replace(INVISIBLE, "").replace(JOINERS, joined).replace(STACKED, "$1").trim();
  return VISIBLE.test(clean) ? characters(clean).slice(0, longest).map(bounded).join("") : "";
}

/** A character that is not joined to the next one, wherever it had to be cut. */
function bounded(character) {
  const points = [...character];
  return points.length > LONGEST_CHARACTER ? points.slice(0, LONGEST_CHARACTER).join("").replace(/\p{Cf}+$/u, "") : character;
}

function joined(_, before = "", joiner = "") {
  return before + joiner;
}

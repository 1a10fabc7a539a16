// The page's language. Sentences are in languages/, by the same keys in each; an element that says one keeps its key, so
// that it says it in another language as soon as that is chosen.
import de from "./languages/de.js";
import en from "./languages/en.js";
import { recall, remember } from "./memory.js";
import { named } from "./names.js";

const LANGUAGES = { en, de }; // by their codes; for another, make a file like these and name it here

const KEY = "parley-language";
const MOMENT = { weekday: "long", hour: "numeric", minute: "2-digit" };
const PLACE = /\{(\w+)\}/; // in a sentence, for a value of that name
// What of an element says something, and under which attribute it keeps the key.
const SLOTS = {
  say: (element, parts) => element.replaceChildren(...parts.map((part) => (typeof part === "string" ? part : named(part.name)))),
  label: (element, parts) => element.setAttribute("aria-label", plain(parts)),
  hint: (element, parts) => element.setAttribute("title", plain(parts)),
  placeholder: (element, parts) => element.setAttribute("placeholder", plain(parts)),
};
const given = new WeakMap(); // the values that an element's sentences were given
let sentences = en;

/** Let an element say a sentence. Texts among `values` are names, and are set apart from the sentence around them; a Date is a time soon. */
export const write = (element, key, values) => fill(element, "say", key, values);

/** The same for what screen readers say of it, */
export const label = (element, key, values) => fill(element, "label", key, values);

/** and for what is shown when the pointer rests on it. */
export const hint = (element, key, values) => fill(element, "hint", key, values);

/** Whether there is one of this key. */
export const hasSentence = (key) => Object.hasOwn(en, key);

/** A sentence as a text. */
export function text(key, values) {
  return plain(sentence(key, values));
}

/** Say everything below an element, and in templates there, in the language that is chosen. */
export function translate(root) {
  for (const slot of Object.keys(SLOTS)) {
    for (const element of root.querySelectorAll(`[data-${slot}]`)) show(element, slot);
  }
  for (const template of root.querySelectorAll("template")) translate(template.content);
}

/** Let people choose by these `select`s, and begin. */
export function offerLanguages(selects) {
  for (const select of selects) {
    select.replaceChildren(...Object.keys(LANGUAGES).map(languageOption));
    select.onchange = () => {
      remember(KEY, select.value);
      speak(select.value, selects);
    };
  }
  speak(firstChoice(), selects);
}

function speak(code, selects) {
  sentences = LANGUAGES[code];
  document.documentElement.lang = code;
  for (const select of selects) select.value = code;
  translate(document);
}

/** What was chosen before, else what the browser asks for. */
function firstChoice() {
  const wishes = [recall(KEY), ...navigator.languages.map((tag) => tag.split("-")[0].toLowerCase())];
  return wishes.find((code) => Object.hasOwn(LANGUAGES, code)) ?? "en";
}

function languageOption(code) {
  const option = new Option(LANGUAGES[code].language, code);
  option.lang = code;
  return option;
}

function fill(element, slot, key, values = {}) {
  element.dataset[slot] = key;
  given.set(element, { ...given.get(element), [slot]: values });
  show(element, slot);
}

function show(element, slot) {
  SLOTS[slot](element, sentence(element.dataset[slot], given.get(element)?.[slot]));
}

/** A sentence in parts: texts, and names as `{name}`. Without a key it has none. */
function sentence(key, values = {}) {
  const found = sentences[key] ?? en[key] ?? "";
  const pieces = (typeof found === "function" ? found(values) : found).split(PLACE);
  return pieces.map((piece, index) => (index % 2 ? value(values[piece] ?? "") : piece)).filter((part) => part !== "");
}

function value(one) {
  if (one instanceof Date) return new Intl.DateTimeFormat(document.documentElement.lang, MOMENT).format(one);
  return typeof one === "string" && one ? { name: one } : String(one);
}

function plain(parts) {
  return parts.map((part) => part.name ?? part).join("");
}

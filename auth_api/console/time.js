// Times as people say them.

const UNITS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "always", style: "narrow" });
const whole = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium" });

/** How long ago, or how far ahead, a time is, in seconds since the epoch. */
export function away(seconds, now = Date.now() / 1000) {
  const far = seconds - now;
  const [unit, size] = UNITS.find(([, length]) => Math.abs(far) >= length) ?? ["second", 1];
  if (unit === "second" && Math.abs(far) < 5) return "just now";
  return relative.format(Math.trunc(far / size), unit);
}

/** The time element for a time, with the whole of it as its title. */
export function timeElement(seconds) {
  const element = document.createElement("time");
  const date = new Date(seconds * 1000);
  element.dateTime = date.toISOString();
  element.title = whole.format(date);
  element.textContent = away(seconds);
  return element;
}

/** Bring all time elements below `root` up to the present. */
export function refreshTimes(root) {
  for (const element of root.querySelectorAll("time[datetime]")) element.textContent = away(Date.parse(element.dateTime) / 1000);
}

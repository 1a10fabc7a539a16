// What the page remembers from one time to the next, if the browser lets it: one that blocks all cookies throws.

export function recall(key) {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

export function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // it is typed again the next time
  }
}

/** Keep something for this page when it is loaded again, or comes back from the browser's cache. */
export function keep(key, value) {
  try {
    sessionStorage.setItem(key, JSON.stringify(value));
  } catch {
    // then it begins anew
  }
}

/** What was kept; null if there is nothing. */
export function look(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key));
  } catch {
    return null;
  }
}

/** The same, once. */
export function take(key) {
  const kept = look(key);
  try {
    sessionStorage.removeItem(key);
  } catch {
    // then nothing was kept
  }
  return kept;
}

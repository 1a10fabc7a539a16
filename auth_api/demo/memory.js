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

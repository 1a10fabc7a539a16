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

/** Take what was kept, once; null if there is nothing. */
export function take(key) {
  try {
    const text = sessionStorage.getItem(key);
    sessionStorage.removeItem(key);
    return JSON.parse(text);
  } catch {
    return null;
  }
}

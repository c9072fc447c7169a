// Holds the token: it comes by the link's fragment or by signing in, and lives as long as the tab.

const KEY = "appengine.token";
let memory = null;

/** The token, or null. */
export function token() {
  try {
    return sessionStorage.getItem(KEY) ?? memory;
  } catch {
    return memory; // Storage is switched off: the token lasts until the page is left.
  }
}

/** Remembers a token. */
export function keep(value) {
  memory = value;
  try {
    sessionStorage.setItem(KEY, value);
  } catch {
    // As above.
  }
}

/** Forgets the token. */
export function forget() {
  memory = null;
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // As above.
  }
}

/** Takes `#token=…` out of the address bar, so that it is neither seen, shared nor kept in the history. */
export function takeFromAddress() {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  if (found === null) return false;
  history.replaceState(null, "", location.pathname + location.search);
  if (found.trim() !== "") keep(found.trim());
  return true;
}

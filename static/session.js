// Holds the token: it comes by a link's fragment or by signing in, and lives as long as the tab.

const KEY = "appengine.session";
let current = read();

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null; // Storage is switched off: the token lasts until the page is left.
  }
}

function write(session) {
  current = session;
  try {
    if (session) sessionStorage.setItem(KEY, JSON.stringify(session));
    else sessionStorage.removeItem(KEY);
  } catch {
    // As above.
  }
}

/** The token, or null. */
export const token = () => current?.token ?? null;

/** Whether this page opened the token's session, and is to end it; a token may be in use elsewhere. */
export const isOwn = () => current?.own === true;

/** Remembers a token. */
export const keep = (token, own) => write({ token, own });

/** Forgets the token. */
export const forget = () => write(null);

/**
 * Takes `#token=…` or the first start's `#link=…` out of the address bar, so that it is neither seen, shared
 * nor kept in the history. Gives `{token, link}`, or null where neither is there.
 */
export function takeFromAddress() {
  const found = new URLSearchParams(location.hash.slice(1));
  const [token, link] = ["token", "link"].map((name) => found.get(name)?.trim());
  if (token === undefined && link === undefined) return null;
  history.replaceState(null, "", location.pathname + location.search);
  return { token, link };
}

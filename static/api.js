// Asks the server. Every failure is a Refused with a sentence that may be shown.

import { token } from "./session.js";

// Where the page stands that this is a part of.
const base = new URL("..", import.meta.url);

/** An answer that is not 2xx, or none at all (status 0). */
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The address of a path, of the scheme that a socket has where `socket` says so. */
export function address(path, socket = false) {
  const url = new URL(path, base);
  if (socket) url.protocol = url.protocol.replace("http", "ws");
  return url;
}

async function call(path, options = {}) {
  try {
    const answer = await fetch(address(path), { cache: "no-store", ...options });
    return [answer, await answer.json().catch(() => null)];
  } catch {
    throw new Refused(0, "unreachable", "The server cannot be reached.");
  }
}

function read([answer, body]) {
  if (answer.ok) return body;
  throw new Refused(answer.status, body?.code ?? "", body?.message ?? `The server answered ${answer.status}.`);
}

/** GET, signed in. */
export const get = async (path) => read(await call(path, { headers: { authorization: `Bearer ${token()}` } }));

/** POST without a body, signed in. */
export const post = async (path) => read(await call(path, { method: "POST", headers: { authorization: `Bearer ${token()}` } }));

async function open(path, headers, body) {
  const json = { "content-type": "application/json", ...headers };
  const session = read(await call(path, { method: "POST", headers: json, body: JSON.stringify(body) }));
  if (session?.requiresTwoFactor) {
    throw new Refused(200, "second_factor", "This account asks for a second factor: use a token instead.");
  }
  if (typeof session?.token !== "string") throw new Refused(200, "no_token", "The server answered without a token.");
  return session.token;
}

/** Signs in by password and gives the token. */
export const signIn = (org, email, password) => open("profile/user/signin", { orgid: org }, { email, password });

/** Registers somebody without an account and gives their token. */
export const registerGuest = (org, guest) => open("profile/customer/register-guest", { orgid: org }, guest);

/** Signs in by a link, which works once, and gives the token. */
export const signInByLink = (link) => open("profile/link/signin", {}, { token: link });

/** Whether the server is well, and what is wrong where it is not. */
export async function health() {
  try {
    const [answer, body] = await call("health");
    const said = body?.reasons ?? body?.message;
    return { ok: answer.ok, text: answer.ok ? "" : [said ?? `The server answered ${answer.status}.`].flat().join("; ") };
  } catch (refused) {
    return { ok: false, text: refused.message };
  }
}

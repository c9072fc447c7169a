// The page: who is signed in decides what is shown, and the live feed is handed to those who draw it.

import { get, health, Refused, signIn, signInByLink } from "./api.js";
import { callsChanged, forgetCalls, loadCalls, queuesOfCalls } from "./calls.js";
import { at, notice, say } from "./dom.js";
import { forgetEndpoints, showEndpoints } from "./endpoints.js";
import { addEvent, forgetEvents, hold, maybeChanged, showHistory, somethingChanged } from "./events.js";
import { follow } from "./live.js";
import { forgetQueues, showQueues } from "./queues.js";
import * as session from "./session.js";

const HEALTH_PAUSE = 15_000;
const HISTORY = "events?order=desc&limit=30";
const ENDPOINTS = "webhooks/endpoints?pageSize=100";
let feed = null;
let lastError = "";

/** Shows the console and follows the feed. */
function enter() {
  at("entrance").hidden = true;
  at("console").hidden = at("live").hidden = at("sign-out").hidden = false;
  notice(at("why"), "");
  lastError = "";
  feed = follow({ heard, state, check: load, refused: () => leave(lastError || "Your token has expired; sign in again.") });
}

/** Shows how to sign in, and why that is needed. */
function leave(why) {
  feed?.stop();
  feed = null;
  session.forget();
  forgetQueues();
  forgetEndpoints();
  forgetCalls();
  forgetEvents();
  say(at("who"), "");
  notice(at("trouble"), "");
  at("console").hidden = at("live").hidden = at("sign-out").hidden = true;
  at("entrance").hidden = false;
  notice(at("why"), why);
  at("by-password").elements.org.focus();
}

/** Loads what was before the feed; says whether the feed may be followed. */
async function load() {
  const mine = session.token();
  try {
    const [{ queues }, log] = await Promise.all([get("monitoring/queues"), get(HISTORY), loadEndpoints(), loadCalls()]);
    if (session.token() !== mine) return false;
    notice(at("trouble"), "");
    showQueues(queues);
    showHistory(log.data);
    return true;
  } catch (refused) {
    if (session.token() !== mine) return false;
    // Without a right nothing will ever come; everything else may be better at the next attempt.
    if (refused instanceof Refused && [401, 403].includes(refused.status)) leave(refused.message);
    else notice(at("trouble"), refused.message);
    return false;
  }
}

/** Loads how endpoints are. Whoever may not see them sees everything else. */
async function loadEndpoints() {
  const mine = session.token();
  const page = await get(ENDPOINTS).catch(() => ({ data: [] }));
  if (session.token() === mine) showEndpoints(page.data);
}

const hearers = {
  hello: ({ org, email }) => {
    say(at("who"), [org, email].filter(Boolean).join(" · "));
    // Whatever happened between the history and the feed is in the log by now.
    load();
  },
  event: ({ event }) => {
    addEvent(event);
    if (event.by?.startsWith("vendor:")) callsChanged();
  },
  run: ({ id }) => somethingChanged(id),
  delivery: ({ id }) => somethingChanged(id),
  breaker: () => loadEndpoints(),
  queues: ({ queues }) => {
    showQueues(queues);
    maybeChanged();
    queuesOfCalls(queues);
  },
  lagged: () => load(),
  error: ({ message }) => {
    lastError = message;
  },
};

function heard(message) {
  hearers[message.type]?.(message);
}

function state(now, seconds) {
  const [tone, text] = {
    connecting: ["wait", "Connecting"],
    live: ["good", "Live"],
    waiting: ["bad", `Reconnecting in ${seconds} s`],
  }[now];
  at("live").dataset.tone = tone;
  say(at("live"), text);
  if (now !== "connecting") checkHealth();
}

async function checkHealth() {
  const { ok, text } = await health();
  at("health").dataset.tone = ok ? "good" : "bad";
  say(at("health"), ok ? "Healthy" : "Unhealthy");
  notice(at("sick"), text && `Not healthy: ${text}`);
}

/** Takes a form over: one submission at a time, failures shown, the form free again in the end. */
function onSubmit(form, act) {
  form.addEventListener("submit", async (submitted) => {
    submitted.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      await act(form.elements);
      form.reset();
      enter();
    } catch (refused) {
      notice(at("why"), refused.message);
    } finally {
      button.disabled = false;
    }
  });
}

onSubmit(at("by-password"), async ({ org, email, password }) => {
  session.keep(await signIn(org.value.trim(), email.value.trim(), password.value), true);
});
onSubmit(at("by-token"), async ({ token }) => session.keep(token.value.trim(), false));
at("sign-out").addEventListener("click", () => {
  if (session.isOwn()) get("profile/logout").catch(() => {});
  leave("");
});
at("hold").addEventListener("click", () => hold(at("hold").getAttribute("aria-pressed") !== "true"));
addEventListener("hashchange", () => arrive(session.takeFromAddress()));

/** Signs in by what was in the address, or goes on with the token that is there. */
async function arrive(given) {
  if (given === null && feed) return;
  feed?.stop();
  feed = null;
  forgetQueues();
  forgetEndpoints();
  forgetCalls();
  forgetEvents();
  try {
    if (given?.token) session.keep(given.token, false);
    else if (given?.link) session.keep(await signInByLink(given.link), true);
  } catch (refused) {
    return leave(refused.message);
  }
  if (session.token()) enter();
  else leave("");
}

checkHealth();
setInterval(checkHealth, HEALTH_PAUSE);
arrive(session.takeFromAddress());

// The latest events, newest on top, each with its trace on demand.

import { at, el, say } from "./dom.js";
import { count, exact, summary, time } from "./format.js";
import { Trace } from "./trace.js";

const MOST = 200;
const NEWS_PAUSE = 2_000;
const rows = new Map();
let coming = [];
let held = false;
let frame = null;
let unread = [];
let newsTimer = null;

/** Replaces the list by what the log has, newest first, and keeps what came since and rows that are open. */
export function showHistory(events) {
  flush(true);
  const listed = new Set(events.map((event) => event.id));
  const newest = events[0]?.timestamp ?? "";
  const oldest = events.at(-1)?.timestamp ?? "";
  const known = [...rows.values()];
  const overlaps = known.some((row) => listed.has(row.event.id));
  const others = known.filter((row) => !listed.has(row.event.id));
  const newer = others.filter((row) => row.event.timestamp >= newest);
  // Without an overlap something is missing in between, and a list with a hole would tell a lie.
  const older = overlaps ? others.filter((row) => row.event.timestamp <= oldest) : [];
  const wanted = [...newer, ...events.map((event) => rows.get(event.id) ?? makeRow(event)), ...older];
  const kept = new Set(wanted);
  for (const row of known) if (!kept.has(row)) forget(row);
  rows.clear();
  for (const row of [...wanted].reverse()) rows.set(row.event.id, row);
  at("events").replaceChildren(...wanted.map((row) => row.item));
  tidy();
  label();
}

/** Adds an event that has just happened. */
export function addEvent(event) {
  if (coming.length >= MOST) coming.shift();
  coming.push(event);
  for (const row of rows.values()) row.trace?.changed(event.id, event.cause?.id ?? null);
  if (held) label();
  else frame ??= setTimeout(() => flush(false), document.hidden ? 1_000 : 50);
}

/** Tells open traces that a run or delivery came to a new state. */
export function somethingChanged(id) {
  for (const row of rows.values()) row.trace?.changed(id);
}

/** Tells open traces that something may have changed. */
export function maybeChanged() {
  for (const row of rows.values()) row.trace?.maybeChanged();
}

/** Lets new events wait, or shows those that waited. */
export function hold(on) {
  held = on;
  if (!held) flush(false);
  label();
}

/** Opens an event and goes to it; says whether it is in the list. */
export function goToEvent(id) {
  const row = rows.get(id);
  const button = row?.item.querySelector(".event");
  if (row && row.trace === null) button.click();
  button?.scrollIntoView({ block: "center" });
  button?.focus();
  return row !== undefined;
}

/** Takes all events away. */
export function forgetEvents() {
  for (const row of rows.values()) forget(row);
  rows.clear();
  coming = [];
  unread = [];
  held = false;
  at("events").replaceChildren();
  label();
}

function label() {
  at("hold").setAttribute("aria-pressed", String(held));
  say(at("hold"), held ? (coming.length > 0 ? `Show ${exact(coming.length)} new` : "Held") : "Hold");
}

function flush(quietly) {
  clearTimeout(frame);
  frame = null;
  const fresh = coming.filter((event) => !rows.has(event.id));
  coming = [];
  for (const event of fresh) {
    const row = makeRow(event);
    if (!quietly) row.item.classList.add("fresh");
    rows.set(event.id, row);
    at("events").prepend(row.item);
  }
  tidy();
  if (!quietly && fresh.length > 0) announce(fresh);
}

/** Drops the oldest rows beyond the limit; open ones stay. */
function tidy() {
  let over = rows.size - MOST;
  for (const row of rows.values()) {
    if (over <= 0) break;
    if (row.trace) continue;
    forget(row);
    row.item.remove();
    rows.delete(row.event.id);
    over -= 1;
  }
  at("no-events").hidden = rows.size > 0;
  say(at("events-note"), rows.size > 0 ? `the latest ${exact(rows.size)}` : "");
}

/** Tells screen readers, not more often than they can read. */
function announce(events) {
  unread.push(...events.map((event) => event.event));
  newsTimer ??= setTimeout(() => {
    newsTimer = null;
    say(at("news"), unread.length === 1 ? `New event: ${unread[0]}` : count(unread.length, "new event"));
    unread = [];
  }, NEWS_PAUSE);
}

function forget(row) {
  row.trace?.close();
  row.trace = null;
}

function makeRow(event) {
  const place = el("div", { class: "trace", id: `trace-${event.id}`, hidden: true });
  const button = el("button",
    { type: "button", class: "event", "aria-expanded": "false", "aria-controls": place.id },
    el("time", { datetime: event.timestamp }, time(event.timestamp)),
    el("span", { class: "name" }, event.event),
    el("span", { class: "about" }, event.cause ? el("span", { class: "tag" }, "caused") : null, event.hidden ? "hidden" : summary(event.data)));
  const row = { event, trace: null, item: el("li", { "data-event": event.id }, button, place) };
  button.addEventListener("click", () => {
    const opens = row.trace === null;
    if (opens) row.trace = new Trace(event.id, place);
    else {
      forget(row);
      place.replaceChildren();
    }
    place.hidden = !opens;
    button.setAttribute("aria-expanded", String(opens));
  });
  return row;
}

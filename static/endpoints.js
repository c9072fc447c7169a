// Whom webhooks go to, those in trouble first: who fails, who was switched off, who rests.

import { at, el, say } from "./dom.js";
import { count, time } from "./format.js";

const STATES = ["disabled", "failing", "paused", "enabled"];

const stateOf = ({ status, health }) => (status === "enabled" && health.breaker === "open" ? "failing" : status);

/** Shows how endpoints are; nothing while there are none. */
export function showEndpoints(endpoints) {
  const rows = endpoints.map((endpoint) => ({ endpoint, state: stateOf(endpoint) }));
  rows.sort((one, other) => STATES.indexOf(one.state) - STATES.indexOf(other.state));
  at("endpoints").replaceChildren(...rows.map(makeRow));
  at("endpoints-section").hidden = rows.length === 0;
  const ill = rows.filter(({ state }) => ["disabled", "failing"].includes(state)).length;
  say(at("endpoints-note"), ill === 0 ? "all well" : `${count(ill, "endpoint")} in trouble`);
}

/** Takes all of them away. */
export function forgetEndpoints() {
  showEndpoints([]);
}

function makeRow({ endpoint, state }) {
  const { failingSince, nextProbeAt } = endpoint.health;
  const since = failingSince ? `fails since ${time(failingSince)}` : null;
  const next = state === "failing" && nextProbeAt ? `next try ${time(nextProbeAt)}` : null;
  const told = [endpoint.disabledReason, since, next].filter(Boolean).join(" · ");
  return el(
    "tr",
    { "data-endpoint": endpoint.id, "data-state": state },
    el("th", { scope: "row" }, endpoint.description || endpoint.url, endpoint.description ? el("small", {}, endpoint.url) : null),
    el("td", {}, el("span", { class: "tag" }, state)),
    el("td", {}, told),
  );
}

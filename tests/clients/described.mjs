// Holds every event that is heard, and every acknowledgement, against the server's own description of its sockets.
import Ajv2020 from "ajv/dist/2020.js";

const checks = new Map();
/** What was not as it is described. */
export const faults = [];
let ajv = null;
let names = new Set();

/** Reads the description, where the server has one: the gateway alone has none. */
export async function read(url) {
  const answer = await fetch(`${url}/asyncapi.json`).catch(() => null);
  if (!answer?.ok) return;
  const document = await answer.json();
  // Formats and the like are for readers.
  ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema(document, "sockets");
  names = new Set(Object.keys(document.components.messages));
}

function check(name, value) {
  if (!ajv) return;
  if (!names.has(name)) {
    faults.push(`${name} is not described`);
    return;
  }
  if (!checks.has(name)) {
    checks.set(name, ajv.compile({ $ref: `sockets#/components/messages/${name}/payload` }));
  }
  const fits = checks.get(name);
  if (!fits(value)) faults.push(`${name}: ${ajv.errorsText(fits.errors)}: ${JSON.stringify(value).slice(0, 400)}`);
}

/** An event that was heard in a namespace. */
export function heard(namespace, event, payload) {
  // The namespace of those who name none has no description; a refusal is an answer like any other.
  if (namespace === "/" || (event === "authenticate" && payload?.success === false)) return;
  check(`${namespace.slice(1)}.${event}.sent`, payload ?? null);
}

/** An acknowledgement. */
export function answered(namespace, event, payload) {
  const name = `${namespace.slice(1)}.${event}.answer`;
  // What has no description is refused, and asked for to see that.
  if (names.has(name)) check(name, payload);
}

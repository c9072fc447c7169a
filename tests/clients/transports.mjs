// The three ways in which the official client connects, and what must hold on each.
import assert from "node:assert/strict";
import { agent, customer, enter } from "./inbox.mjs";

const WAYS = {
  websocket: { transports: ["websocket"] },
  polling: { transports: ["polling"] },
  upgrade: { transports: ["polling", "websocket"] },
};

async function chat(url, way) {
  const options = { ...WAYS[way], auth: agent };
  const { inbox, told } = await enter(url, "/chat", options);
  assert.deepEqual(told, {
    success: true,
    user: { email: "amy@acme.io", name: "Amy", role: "agent" },
  });
  const engine = inbox.socket.io.engine;
  if (way === "upgrade" && engine.transport.name !== "websocket") {
    await new Promise((resolve) => engine.once("upgrade", resolve));
  }
  assert.equal(engine.transport.name, way === "polling" ? "polling" : "websocket");
  // The acknowledgement first, then the broadcast, which the agent's own sockets hear too.
  assert.deepEqual(await inbox.ask("set-status", { status: "online" }), { success: true, status: "available" });
  await inbox.until("presence-change", { email: "amy@acme.io", status: "available" });
  inbox.close();
}

export const websocket_only = (url) => chat(url, "websocket");
export const polling_only = (url) => chat(url, "polling");
export const polling_then_upgrade = (url) => chat(url, "upgrade");

async function burst(url, way) {
  const { inbox } = await enter(url, "/echo", { ...WAYS[way], auth: agent });
  const sent = Array.from({ length: 1000 }, (_, i) => i);
  // Sent in one go: answers and echoes must come back complete and in order.
  const acked = await Promise.all(sent.map((i) => inbox.ask("number", i)));
  assert.deepEqual(acked, sent);
  const echoed = [];
  for (const _ of sent) echoed.push(await inbox.next("number"));
  assert.deepEqual(echoed, sent);
  inbox.close();
}

export const burst_over_websocket = (url) => burst(url, "websocket");
export const burst_over_polling = (url) => burst(url, "polling");
export const burst_while_upgrading = (url) => burst(url, "upgrade");

async function binary(url, way) {
  const { inbox } = await enter(url, "/echo", { ...WAYS[way], auth: agent });
  const sent = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const back = await inbox.ask("bytes", sent);
  assert.deepEqual(Buffer.from(back), sent);
  inbox.close();
}

export const binary_over_websocket = (url) => binary(url, "websocket");
export const binary_over_polling = (url) => binary(url, "polling");

export async function namespaces_share_a_connection(url) {
  const options = { transports: ["websocket"], auth: agent, forceNew: false };
  const [chat, echo, lobby] = await Promise.all(
    ["/chat", "/echo", "/"].map((namespace) => enter(url, namespace, options)),
  );
  assert.equal(chat.inbox.socket.io, echo.inbox.socket.io, "one manager");
  assert.equal(chat.inbox.socket.io, lobby.inbox.socket.io, "one manager");
  assert.equal(lobby.told.user.email, "amy@acme.io");
  assert.equal(await echo.inbox.ask("number", 7), 7);
  assert.equal((await chat.inbox.ask("set-status", { status: "busy" })).status, "busy");
  // One leaves, the others stay.
  echo.inbox.close();
  await echo.inbox.next("disconnect");
  assert.equal((await chat.inbox.ask("set-status", { status: "away" })).status, "away");
  chat.inbox.close();
  lobby.inbox.close();
}

export async function orgs_do_not_hear_each_other(url) {
  const options = { transports: ["websocket"] };
  const acme = await enter(url, "/chat", { ...options, auth: agent });
  const visitor = await enter(url, "/chat", { ...options, auth: customer });
  const other = await enter(url, "/chat", { ...options, auth: { token: "agent:bob@b.io", orgId: "b" } });
  await acme.inbox.ask("set-status", { status: "busy" });
  await visitor.inbox.until("presence-change", { email: "amy@acme.io", status: "busy" });
  // Had the first change reached the other org, it would come before its own.
  await other.inbox.ask("set-status", { status: "away" });
  await other.inbox.until("presence-change", { email: "bob@b.io", status: "away" });
  assert.deepEqual(other.inbox.unread, ["connect"]);
  [acme, visitor, other].forEach(({ inbox }) => inbox.close());
}

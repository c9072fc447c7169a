// The program itself, with a real token: everything that comes in by its one port, at once.
import assert from "node:assert/strict";
import WebSocket from "ws";
import { enter, open } from "./inbox.mjs";

export async function the_whole_program(url, token) {
  const headers = { orgid: "my-org", authorization: `Bearer ${token}`, "content-type": "application/json" };
  const auth = { token, orgId: "my-org" };

  // Whatever the feed tells, from its first frame on.
  const live = new WebSocket(`${url.replace("http", "ws")}/monitoring/live`, { headers });
  const told = [];
  let look = () => {};
  live.on("message", (data) => {
    told.push(JSON.parse(data));
    look();
  });
  const frame = (is) =>
    new Promise((resolve, reject) => {
      live.on("close", (code) => reject(new Error(`the feed was closed with ${code}`)));
      look = () => told.some(is) && resolve(told.find(is));
      look();
    });
  assert.equal((await frame((said) => said.type === "hello")).org, "my-org");

  for (const transports of [["websocket"], ["polling"]]) {
    const { inbox, told: greeting } = await enter(url, "/chat", { transports, auth });
    assert.equal(greeting.user.email, "ada@example.com");
    const set = await inbox.ask("set-status", { status: "busy" });
    assert.equal(set.success, true, JSON.stringify(set));
    const body = JSON.stringify({ event: "order.paid", data: { by: transports[0] } });
    const answer = await fetch(`${url}/events`, { method: "POST", headers, body });
    assert.equal(answer.status, 202);
    const { id } = await answer.json();
    const shown = await frame((said) => said.type === "event" && said.event.id === id);
    assert.deepEqual(shown.event.data, { by: transports[0] });
    assert.equal(inbox.socket.connected, true);
    inbox.close();
  }

  const refused = open(url, "/chat", { transports: ["websocket"], auth: { ...auth, token: `${token}x` } });
  assert.equal((await refused.next("authenticate")).success, false);
  live.close();
}

// The live feed as a browser's EventSource reads it.
import assert from "node:assert/strict";
import { EventSource } from "eventsource";

export async function an_event_source(url, token) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const live = new EventSource(`${url}/monitoring/live?token=${token}`);
  const told = [];
  let look = () => {};
  live.onmessage = ({ type, data }) => {
    assert.equal(type, "message");
    told.push(JSON.parse(data));
    look();
  };
  const frame = (is) =>
    new Promise((resolve, reject) => {
      live.onerror = (error) => reject(new Error(`the feed failed: ${error.code} ${error.message}`));
      look = () => told.some(is) && resolve(told.find(is));
      look();
    });
  assert.equal((await frame((said) => said.type === "hello")).org, "my-org");
  await frame((said) => said.type === "queues");
  const body = JSON.stringify({ event: "order.paid", data: { note: "two\nlines" } });
  const answer = await fetch(`${url}/events`, { method: "POST", headers, body });
  const { id } = await answer.json();
  const shown = await frame((said) => said.type === "event" && said.event.id === id);
  assert.deepEqual(shown.event.data, { note: "two\nlines" });
  live.close();

  const refused = new EventSource(`${url}/monitoring/live?token=${token}x`);
  const error = await new Promise((resolve) => (refused.onerror = resolve));
  assert.equal(error.code, 401);
  assert.equal(refused.readyState, EventSource.CLOSED);
}

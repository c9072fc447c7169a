// Streams that are not Socket.IO's, on the same listener, and what happens to all of them at the end.
import assert from "node:assert/strict";
import { once } from "node:events";
import WebSocket from "ws";
import { agent, enter } from "./inbox.mjs";

const live = (url) => new WebSocket(`${url.replace("http", "ws")}/monitoring/live`);

export async function raw_websocket(url) {
  const socket = live(url);
  await once(socket, "open");
  for (const text of ["one", "two", "x".repeat(40_000)]) {
    socket.send(text);
    const [data, isBinary] = await once(socket, "message");
    assert.equal(isBinary, false);
    assert.equal(data.toString(), text);
  }
  socket.send(Buffer.from([0, 255]));
  const [data, isBinary] = await once(socket, "message");
  assert.equal(isBinary, true);
  assert.deepEqual([...data], [0, 255]);
  socket.close(1000);
  const [code] = await once(socket, "close");
  assert.equal(code, 1000);
}

export async function everything_at_once(url) {
  const socket = live(url);
  const { inbox } = await enter(url, "/echo", { transports: ["websocket"], auth: agent });
  if (socket.readyState !== WebSocket.OPEN) await once(socket, "open");
  for (let i = 0; i < 20; i += 1) {
    socket.send(String(i));
    const [[data], acked, answer] = await Promise.all([
      once(socket, "message"),
      inbox.ask("number", i),
      fetch(`${url}/ping`),
    ]);
    assert.equal(data.toString(), String(i));
    assert.equal(acked, i);
    assert.equal(await answer.text(), "pong");
  }
  socket.terminate();
  inbox.close();
}

/** Connects one of each kind, asks the server to shut down, and waits until all were let go. */
export async function shutdown_lets_everyone_go(url) {
  const options = { auth: agent };
  const [websocket, polling, upgraded] = await Promise.all(
    [["websocket"], ["polling"], ["polling", "websocket"]].map((transports) =>
      enter(url, "/chat", { ...options, transports }),
    ),
  );
  const engine = upgraded.inbox.socket.io.engine;
  if (engine.transport.name !== "websocket") await new Promise((resolve) => engine.once("upgrade", resolve));
  // Connected, but in no namespace: Socket.IO itself would not close this one.
  const idle = new WebSocket(`${url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`);
  const raw = live(url);
  await Promise.all([once(idle, "open"), once(raw, "open")]);

  const gone = [websocket, polling, upgraded].map(({ inbox }) => inbox.next("disconnect"));
  const closed = [idle, raw].map((socket) => once(socket, "close"));
  assert.equal((await fetch(`${url}/test/shut-down`, { method: "POST" })).status, 202);
  // A polling client may be between two polls, and finds its session gone.
  const [first, between, last] = await Promise.all(gone);
  assert.deepEqual([first, last], ["transport close", "transport close"]);
  assert.match(between, /^transport (close|error)$/);
  await Promise.all(closed);
}

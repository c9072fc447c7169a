// Who is let in, what the others are told, and what becomes of events that nobody handles.
import assert from "node:assert/strict";
import { agent, customer, enter, open } from "./inbox.mjs";

const WEBSOCKET = { transports: ["websocket"] };

export async function customers_learn_their_session(url) {
  const { inbox, told } = await enter(url, "/chat", { ...WEBSOCKET, auth: customer });
  assert.equal(told.user.role, "customer");
  assert.equal(told.isGuest, false);
  assert.match(told.chatSessionId, /^cs_[0-9a-f]{32}$/);
  inbox.close();
  // A client that comes back names its session and keeps it.
  const context = { chatSessionId: told.chatSessionId };
  const again = await enter(url, "/chat", { ...WEBSOCKET, auth: { ...customer, context } });
  assert.equal(again.told.chatSessionId, told.chatSessionId);
  const failed = await again.inbox.ask("set-status", { status: "busy" });
  assert.equal(failed.success, false);
  assert.equal(failed.error, "forbidden");
  again.inbox.close();
}

export async function headers_carry_token_and_org(url) {
  const extraHeaders = { Authorization: `Bearer ${agent.token}`, orgid: "acme" };
  for (const transports of [["websocket"], ["polling"]]) {
    const { inbox, told } = await enter(url, "/chat", { transports, extraHeaders });
    assert.equal(told.user.email, "amy@acme.io");
    inbox.close();
  }
}

export async function refused_clients_are_told_and_let_go(url) {
  for (const transports of [["websocket"], ["polling"]]) {
    for (const namespace of ["/chat", "/"]) {
      for (const [auth, error] of [
        [undefined, "missing_orgid"],
        [{ orgId: "acme" }, "missing_token"],
        [{ orgId: "acme", token: "expired" }, "token_expired"],
        [{ orgId: { $ne: 1 }, token: 5 }, "bad_handshake"],
      ]) {
        const inbox = open(url, namespace, { transports, auth });
        const told = await inbox.next("authenticate");
        assert.equal(told.success, false);
        assert.equal(told.error, error);
        assert.ok(told.message.length > 0);
        assert.equal(await inbox.next("disconnect"), "io server disconnect");
        assert.deepEqual(inbox.unread, ["connect"]);
        inbox.close();
      }
    }
  }
}

export async function unknown_namespaces_are_refused(url) {
  const inbox = open(url, "/nowhere", { ...WEBSOCKET, auth: agent });
  assert.equal((await inbox.next("connect_error")).message, "Invalid namespace");
  inbox.close();
}

export async function unknown_and_malformed_events_are_answered(url) {
  const { inbox } = await enter(url, "/chat", { ...WEBSOCKET, auth: agent });
  const expect = async (code, event, ...payload) => {
    const ack = await inbox.ask(event, ...payload);
    assert.equal(ack.success, false);
    assert.equal(ack.error, code);
    const told = await inbox.next("error");
    assert.equal(told.code, code);
    assert.equal(told.message, ack.message);
    assert.equal(told.event, event.slice(0, 64));
    // Without an acknowledgement the event alone says it.
    inbox.emit(event, ...payload);
    assert.equal((await inbox.next("error")).code, code);
    return told.message;
  };
  await expect("unknown_event", "no-such-event", { a: 1 });
  await expect("unknown_event", "x".repeat(500));
  await expect("unknown_event", "blob", Buffer.from([1, 2, 3]));
  await expect("bad_payload", "set-status");
  await expect("bad_payload", "set-status", 5);
  await expect("bad_payload", "set-status", { status: null });
  const message = await expect("bad_payload", "set-status", { status: "asleep" });
  assert.match(message, /asleep.*available/, "the bad value and what is allowed");
  // And the socket is as good as before.
  assert.equal((await inbox.ask("set-status", { status: "away" })).success, true);
  inbox.close();
}

export async function token_ends_on_a_live_socket(url) {
  const { inbox } = await enter(url, "/chat", { ...WEBSOCKET, auth: { token: "short:amy@acme.io", orgId: "acme" } });
  const ends = [inbox.next("token_expired"), inbox.next("disconnect")];
  // The server's clock is turned by this request.
  assert.equal((await fetch(`${url}/test/time-passes`, { method: "POST" })).status, 200);
  const [told, reason] = await Promise.all(ends);
  assert.equal(told, undefined, "it carries nothing");
  assert.equal(reason, "io server disconnect");
}

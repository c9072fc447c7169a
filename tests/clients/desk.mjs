// Customers wait, and the right person of the staff answers them.
import assert from "node:assert/strict";
import { come, ORG, register, signUp } from "./chat.mjs";
import { enter } from "./inbox.mjs";

const ANN = "ann@example.com";
const CHAT = `customer::${ANN}`;

/** Asks by REST, as whoever the token is. */
async function rest(url, token, method, path, body) {
  const headers = { authorization: `Bearer ${token}`, orgid: ORG, "content-type": "application/json" };
  const answer = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  assert.equal(answer.ok, true, `${method} ${path}: ${answer.status} ${text}`);
  return JSON.parse(text);
}

/** The same of what is refused: its status and problem. */
async function refused(url, token, method, path, body) {
  const headers = { orgid: ORG, "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const answer = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
  return { status: answer.status, ...(await answer.json()) };
}

const success = (answer) => {
  assert.equal(answer.success, true, JSON.stringify(answer));
  return answer;
};

export async function a_chat_goes_through_queue_pick_transfer_and_close(url, ...tokens) {
  const anns = await signUp(url, ANN);
  for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]]) {
    const [bob, eve] = [await come(url, tokens[1], { transports }), await come(url, tokens[2], { transports })];
    const [phone, laptop] = [await come(url, anns, { transports }), await come(url, anns)];
    const taken = success(await phone.ask("chat-message", { message: "hello" }));
    assert.equal(taken.routedTo, "queued");
    for (const inbox of [phone, laptop]) {
      const queued = await inbox.next("queued");
      assert.deepEqual([queued.position, queued.ahead, queued.chatId], [1, 0, CHAT]);
      assert.match(queued.message, /You're #1 in line/);
    }
    for (const inbox of [bob, eve]) {
      const told = await inbox.next("queue-notification");
      assert.deepEqual([told.chatId, told.customerEmail, told.position], [CHAT, ANN, 1]);
    }

    const picked = success(await bob.ask("pick-next", {}));
    assert.deepEqual([picked.chat.chatId, picked.chat.customerEmail], [CHAT, ANN]);
    assert.equal(success(await eve.ask("pick-next", {})).chat, undefined, "nobody else gets it");
    for (const inbox of [phone, laptop, bob]) {
      assert.equal((await inbox.next("agent-assigned")).agent.email, "bob@example.com");
    }
    assert.equal(success(await laptop.ask("chat-message", { message: "are you there?" })).routedTo, "agent");
    assert.equal((await bob.until("message", { content: "are you there?" })).from, ANN);
    const both = { content: "I am", message: "I am" };
    const sent = success(await bob.ask("sendMessage", { to: ANN, ...both, type: "user" }));
    assert.equal((await phone.until("message", { content: "I am" })).seq, sent.seq);

    // The connection breaks under either of them, and nothing is lost.
    phone.socket.io.engine.close();
    success(await bob.ask("sendMessage", { to: ANN, content: "one moment", type: "user" }));
    const back = await come(url, anns, { transports, context: { lastSeq: sent.seq } });
    assert.equal((await back.next("message")).content, "one moment");
    assert.equal((await back.next("replayed")).count, 1);
    assert.equal((await back.next("agent-assigned")).agent.email, "bob@example.com", "who answers is known again");

    const bad = await bob.ask("transfer-chat", { chatId: CHAT, to: "nobody@example.com", note: "" });
    assert.deepEqual([bad.success, bad.error], [false, "not_here"]);
    success(await bob.ask("transfer-chat", { chatId: CHAT, to: "eve@example.com", note: "she knows more" }));
    for (const inbox of [back, laptop, eve, bob]) {
      const told = await inbox.next("chat-transferred");
      assert.deepEqual([told.fromAgent, told.toAgent, told.note], ["bob@example.com", "eve@example.com", "she knows more"]);
      assert.equal((await inbox.next("agent-changed")).newAgent, "eve@example.com");
    }
    const thanks = success(await laptop.ask("chat-message", { message: "thanks" }));
    assert.equal((await eve.until("message", { content: "thanks" })).seq, thanks.seq);
    success(await eve.ask("transfer-chat", { chatId: CHAT, queue: "late", skill: "french" }));
    assert.equal((await back.next("chat-transferred")).queue, "late");
    await back.until("queued", { queue: "late" });
    success(await bob.ask("takeover-chat", { chatId: CHAT }));
    await back.until("agent-assigned", { chatId: CHAT });

    const open = await rest(url, tokens[0], "GET", "/chat/sessions?status=open");
    assert.deepEqual(open.data.map((chat) => [chat.chatId, chat.agent.email]), [[CHAT, "bob@example.com"]]);
    success(await bob.ask("close-chat", { chatId: CHAT, reason: "agent" }));
    for (const inbox of [back, laptop, bob, eve]) assert.equal((await inbox.next("chat-ended")).reason, "agent");
    const { data } = await rest(url, tokens[0], "GET", `/chat/decisions/${encodeURIComponent(CHAT)}`);
    const words = data.slice(-6).map((decision) => decision.words);
    assert.match(words[0], /ann@example.com wrote/);
    assert.match(words[1], /bob@example.com picked it/);
    assert.match(words[2], /bob@example.com transferred it to eve@example.com/);
    assert.match(words[3], /transferred it to the queue late, for french/);
    assert.match(words[4], /bob@example.com took it over/);
    assert.match(words[5], /it ended: agent/);
    for (const inbox of [phone, back, laptop, bob, eve]) inbox.close();
  }
}

export async function a_queue_hands_out_by_its_rules(url, ...tokens) {
  const [bob, eve] = [await come(url, tokens[1]), await come(url, tokens[2])];
  const headers = { authorization: `Bearer ${tokens[0]}`, "content-type": "application/json" };
  const bad = JSON.stringify({ datatype: "chat_queue", isNew: true, data: { name: "default", mode: "luck" } });
  const refused = await fetch(`${url}/repository/create`, { method: "PUT", headers, body: bad });
  assert.deepEqual([refused.status, (await refused.json()).message], [
    400,
    "the chat_queue cannot be taken: data: `mode` must be `manual`, `least_busy`, `round_robin` or `fair_share`",
  ]);
  await rest(url, tokens[0], "PUT", "/repository/create", {
    datatype: "chat_queue",
    isNew: true,
    data: { name: "default", mode: "least_busy", offlineMessage: "We are back at nine." },
  });
  success(await bob.ask("set-status", { status: "away" }));
  success(await eve.ask("set-status", { status: "online" }));
  const anns = await signUp(url, ANN);
  const phone = await come(url, anns);
  success(await phone.ask("chat-message", { message: "hello" }));
  assert.equal((await phone.next("agent-assigned")).agent.email, "eve@example.com");
  assert.equal((await eve.next("agent-assigned")).customerEmail, ANN);
  const { data } = await rest(url, tokens[0], "GET", `/chat/decisions/${encodeURIComponent(CHAT)}`);
  assert.match(data.at(-1).words, /eve@example.com is least busy: 0 of 5 chats; skipped: .*bob@example.com \(away\)/);

  const stranger = await come(url, await register(url, "gus@example.com"));
  success(await eve.ask("set-status", { status: "busy" }));
  success(await stranger.ask("chat-message", { message: "hello" }));
  const queued = await stranger.next("queued");
  assert.deepEqual([queued.offline, queued.message], [true, "We are back at nine."]);
  success(await bob.ask("set-status", { status: "available" }));
  assert.equal((await stranger.next("agent-assigned")).agent.email, "bob@example.com");
  for (const inbox of [bob, eve, phone, stranger]) inbox.close();
}

export async function a_chat_is_erased_and_begins_anew(url, ...tokens) {
  const anns = await signUp(url, ANN);
  const [phone, bob] = [await come(url, anns), await come(url, tokens[1])];
  const erase = (sessionIds, token = tokens[0]) => rest(url, token, "POST", "/chat/sessions/delete", { sessionIds });
  const kept = (reason, chatId = CHAT) => ({ deleted: [], notDeleted: [{ chatId, reason }] });
  success(await phone.ask("chat-message", { message: "hello" }));
  assert.deepEqual(await erase([CHAT]), kept("waiting"));
  success(await bob.ask("pick-next", {}));
  assert.deepEqual(await erase([CHAT]), kept("answered"));
  const sent = success(await bob.ask("sendMessage", { to: ANN, content: "hi", clientId: "hi" }));
  success(await bob.ask("close-chat", { chatId: CHAT, reason: "agent" }));
  await phone.until("chat-ended", { chatId: CHAT });
  const pair = "bob@example.com|eve@example.com";
  success(await bob.ask("chat-message", { chatId: pair, message: "between us" }));

  const wrong = await refused(url, tokens[0], "POST", "/chat/sessions/delete", { sessionIds: [CHAT, " ", "a\nb"] });
  assert.deepEqual([wrong.status, wrong.problems.map((detail) => detail.path)], [400, ["sessionIds[1]", "sessionIds[2]"]]);
  for (const sessionIds of [[], Array(101).fill(CHAT)]) {
    const wrong = await refused(url, tokens[0], "POST", "/chat/sessions/delete", { sessionIds });
    assert.deepEqual([wrong.status, wrong.problems[0].path], [400, "sessionIds"]);
  }
  assert.equal((await refused(url, anns, "POST", "/chat/sessions/delete", { sessionIds: [CHAT] })).status, 403);
  assert.deepEqual(await erase(["customer:Ann@example.com", CHAT, "nowhere", pair]), {
    deleted: [CHAT],
    notDeleted: [{ chatId: "nowhere", reason: "not_found" }, { chatId: pair, reason: "forbidden" }],
  });
  assert.deepEqual(await erase([CHAT]), kept("not_found"));
  assert.deepEqual(await erase([pair], tokens[2]), { deleted: [pair], notDeleted: [] });
  const path = encodeURIComponent(CHAT);
  assert.deepEqual((await rest(url, tokens[0], "GET", `/chat/history/${path}`)).data, []);
  assert.deepEqual((await rest(url, tokens[0], "GET", `/chat/decisions/${path}`)).data, []);
  assert.deepEqual((await rest(url, tokens[0], "GET", "/chat/sessions")).total, 0);

  // It is numbered on behind the end: nobody takes what is new for what they have heard.
  const again = success(await bob.ask("sendMessage", { to: ANN, content: "hi", clientId: "hi" }));
  assert.equal(again.seq, sent.seq + 2);
  assert.equal((await phone.until("message", { seq: again.seq })).content, "hi");
  const back = await come(url, anns, { context: { lastSeq: 1 } });
  assert.equal((await back.next("message")).seq, again.seq);
  assert.deepEqual((({ gap, to }) => ({ gap, to }))(await back.next("replayed")), { gap: true, to: again.seq });
  for (const inbox of [phone, bob, back]) inbox.close();
}

export async function a_widget_shows_whom_it_lists(url, ...tokens) {
  const shown = { screenName: "Bobby", avatar: "https://shop.example.com/bob.png", tagLine: "Sales", phone: "555" };
  const agents = [{ user: "Bob@Example.com", ...shown }, { user: "eve@example.com", screenName: "" }, null, "bob@example.com"];
  await rest(url, tokens[0], "POST", "/repository/create/chat_config", { data: { agents: "nobody" } });
  await rest(url, tokens[0], "POST", "/repository/create/chat_config", { data: { name: "widget", agents } });
  const profile = async (who) => (await fetch(`${url}/chat/get-profile/${who}`, { headers: { orgid: ORG } })).json();
  const { phone, ...told } = shown;
  const bobs = { email: "bob@example.com", name: "Bobby", ...told };
  assert.deepEqual(await profile("bob@example.com"), { ...bobs, status: "offline" });
  const bob = await come(url, tokens[1]);
  assert.deepEqual(await profile("BOB@example.com"), { ...bobs, status: "online" });
  assert.deepEqual(await profile("eve@example.com"), { email: "eve@example.com", name: "eve@example.com", status: "offline" });
  // Of the staff, and a customer, and nobody: all the same to whoever asks.
  await signUp(url, ANN);
  for (const who of ["ada@example.com", ANN, "nobody@example.com"]) {
    const { status, message } = await refused(url, undefined, "GET", `/chat/get-profile/${who}`);
    assert.deepEqual([status, message.endsWith(`no chat widget shows ${who}`)], [404, true]);
  }
  const wrong = await refused(url, undefined, "GET", "/chat/get-profile/bob");
  assert.deepEqual([wrong.status, wrong.problems[0].path], [400, "userId"]);
  bob.close();
}

export async function everybody_sees_who_is_here_as_far_as_they_may(url, ...tokens) {
  const bob = await come(url, tokens[1]);
  const anns = await signUp(url, ANN);
  const context = { deviceId: "phone-1", currentUrl: "https://shop.example.com/" };
  const phone = await come(url, anns, { context });
  const laptop = await come(url, anns);
  await bob.until("presence-change", { email: ANN, status: "online", role: "customer" });
  const eve = await come(url, tokens[2]);
  for (const inbox of [bob, phone]) await inbox.until("presence-change", { email: "eve@example.com", status: "available" });
  success(await eve.ask("set-status", { status: "busy" }));
  for (const inbox of [bob, phone]) await inbox.until("presence-change", { email: "eve@example.com", status: "busy" });
  assert.deepEqual((await phone.ask("set-status", { status: "busy" })).error, "forbidden");

  success(await phone.ask("visitor-location", { url: "https://shop.example.com/cart", title: "Cart", referrer: "" }));
  const online = await rest(url, tokens[0], "GET", "/chat/customers/online");
  assert.deepEqual([online.total, online.data[0].email, online.data[0].devices], [1, ANN, 2]);
  assert.equal(online.data[0].location.url, "https://shop.example.com/cart");
  const journey = await rest(url, tokens[0], "GET", `/chat/customers/${ANN}/journey?limit=5`);
  assert.deepEqual(journey.visits.map((visit) => visit.url), ["https://shop.example.com/cart"]);
  assert.equal(journey.online, true);

  const agents = async (query) => (await rest(url, tokens[0], "GET", `/chat/agents/online${query}`)).data.map((a) => a.email);
  assert.deepEqual(await agents(""), ["bob@example.com", "eve@example.com"]);
  assert.deepEqual(await agents("?status=busy"), ["eve@example.com"]);
  assert.deepEqual(await agents("?skill=french"), []);
  const presence = await rest(url, tokens[0], "GET", "/chat/agents/eve@example.com/presence");
  assert.deepEqual([presence.status, presence.online, presence.activeChats], ["busy", true, 0]);
  await rest(url, tokens[0], "POST", "/chat/agents/eve@example.com/status", { status: "away" });
  await phone.until("presence-change", { email: "eve@example.com", status: "away" });
  const stats = await rest(url, tokens[0], "GET", "/chat/presence/stats");
  assert.deepEqual([stats.agents.online, stats.agents.away, stats.customers.online], [2, 1, 1]);

  // The first to go is not the last.
  laptop.close();
  phone.close();
  await bob.until("presence-change", { email: ANN, status: "offline" });
  eve.close();
  await bob.until("presence-change", { email: "eve@example.com", status: "offline" });
  bob.close();
}

export async function the_staff_watches_greets_and_calls(url, ...tokens) {
  const [bob, eve] = [await come(url, tokens[1]), await come(url, tokens[2])];
  const anns = await signUp(url, ANN);
  const phone = await come(url, anns, { context: { deviceId: "phone-1" } });
  const { inbox: kiosk, told } = await enter(url, "/chat", {
    transports: ["websocket"],
    auth: { broadcastOnly: true, orgId: ORG, deviceId: "kiosk-1" },
  });
  assert.deepEqual([told.success, told.broadcastOnly], [true, true]);
  assert.equal((await kiosk.ask("chat-message", { message: "hello" })).error, "unknown_event");

  success(await bob.ask("engage", { deviceId: "kiosk-1", message: "may I help?" }));
  const greeted = await kiosk.next("engage");
  assert.deepEqual([greeted.message, greeted.agent.email], ["may I help?", "bob@example.com"]);
  assert.equal((await bob.ask("engage", { deviceId: "nowhere", message: "hi" })).error, "not_here");
  success(await bob.ask("engage", { deviceId: "phone-1", message: "may I help you?" }));
  assert.equal((await phone.next("message")).content, "may I help you?");
  assert.equal(success(await phone.ask("chat-message", { message: "yes" })).routedTo, "agent", "whoever greets, answers");

  success(await eve.ask("observe-chat", { chatId: CHAT }));
  success(await phone.ask("chat-message", { message: "please" }));
  assert.equal((await eve.next("message")).content, "please");
  success(await eve.ask("unobserve-chat", { chatId: CHAT }));
  assert.equal((await eve.ask("observe-chat", { chatId: "customer::nobody@x.io" })).error, "unknown_chat");
  assert.equal((await phone.ask("takeover-chat", { chatId: CHAT })).error, "forbidden");

  const payload = { sdp: "v=0", nested: [1, { a: null }] };
  success(await bob.ask("webrtc-offer", { to: ANN, chatId: CHAT, payload }));
  const offer = await phone.next("webrtc-offer");
  assert.deepEqual([offer.from, offer.chatId, offer.payload], ["bob@example.com", CHAT, payload]);
  success(await phone.ask("webrtc-answer", { to: "bob@example.com", chatId: CHAT, payload: { sdp: "a" } }));
  assert.equal((await bob.next("webrtc-answer")).from, ANN);
  success(await bob.ask("webrtc-ice", { to: "kiosk-1", payload: { candidate: "c" } }));
  assert.equal((await kiosk.next("webrtc-ice")).payload.candidate, "c");
  const stranger = await come(url, await register(url, "gus@example.com"));
  assert.equal((await stranger.ask("webrtc-offer", { to: ANN, payload })).error, "not_here", "customers do not call customers");
  for (const inbox of [bob, eve, phone, kiosk, stranger]) inbox.close();
}

export async function whoever_is_cut_off_at_any_step_finds_what_became_of_it(url, ...tokens) {
  const anns = await signUp(url, ANN);
  for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]]) {
    const [bob, eve] = [await come(url, tokens[1], { transports }), await come(url, tokens[2], { transports })];
    let phone = await come(url, anns, { transports });
    let lastSeq = 0;
    const seen = (message) => (lastSeq = Math.max(lastSeq, message.seq));
    /** Is cut off without a goodbye, has something happen meanwhile, and comes back. */
    const away = async (happens) => {
      phone.socket.io.engine.close();
      const came = await happens();
      phone = await come(url, anns, { transports, context: { lastSeq } });
      return came;
    };

    seen(success(await phone.ask("chat-message", { message: "hello" })));
    await phone.next("queued");
    await away(async () => {});
    assert.equal((await phone.next("queued")).position, 1, "still in line");

    await away(async () => success(await bob.ask("pick-next", {})));
    assert.equal((await phone.next("agent-assigned")).agent.email, "bob@example.com");

    const sent = await away(async () => success(await bob.ask("sendMessage", { to: ANN, content: "hi", type: "user" })));
    seen(await phone.until("message", { content: "hi" }));
    assert.equal(lastSeq, sent.seq);

    // What is only of the moment is not repeated; whoever types on is seen to.
    await away(async () => bob.emit("shareStatus", { to: ANN, chatId: CHAT, status: "typing" }));
    await phone.next("replayed");
    bob.emit("shareStatus", { to: ANN, chatId: CHAT, status: "idle" });
    assert.equal((await phone.next("status")).from, "bob@example.com");

    const own = success(await phone.ask("chat-message", { message: "seen?" }));
    seen(own);
    await away(async () => success(await bob.ask("updateMessageStatus", { uid: own.messageId, status: "read" })));
    const { history } = success(await phone.ask("chat-history", {}));
    assert.deepEqual([history.at(-1).seq, history.at(-1).status], [own.seq, "read"]);

    await away(async () => success(await bob.ask("transfer-chat", { chatId: CHAT, to: "eve@example.com", note: "" })));
    assert.equal((await phone.next("agent-assigned")).agent.email, "eve@example.com");

    // The one who answers is cut off as well, and goes on where she was.
    eve.socket.io.engine.close();
    const missed = success(await phone.ask("chat-message", { message: "eve?" }));
    seen(missed);
    const back = await come(url, tokens[2], { transports, context: { cursors: { [CHAT]: own.seq } } });
    assert.equal((await back.until("message", { content: "eve?" })).seq, missed.seq);

    await away(async () => success(await back.ask("close-chat", { chatId: CHAT, reason: "agent" })));
    assert.equal((await phone.next("chat-ended")).reason, "agent");
    const numbers = (await phone.ask("chat-history", { limit: 500 })).history.map((message) => message.seq);
    assert.deepEqual(numbers, numbers.map((_, n) => numbers[0] + n), "no gap, nothing twice");
    for (const inbox of [phone, bob, eve, back]) inbox.close();
  }
}

// Members of a community, on the program itself: what happens in a group is heard by all of them, once and in order.
import assert from "node:assert/strict";
import { open } from "./inbox.mjs";

const ORG = "my-org";
const PASSWORD = "correct horse battery";

async function rest(url, token, method, path, body) {
  const headers = { orgid: ORG, "content-type": "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  const answer = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

/** A customer with an account. */
async function signUp(url, name) {
  const email = `${name}@example.com`;
  const body = { email, password: PASSWORD, firstName: name };
  const { token } = await rest(url, null, "POST", "/profile/customer/signup", body);
  return { name, email, token };
}

/** Comes in; what has a number goes into the log from the first moment on. */
async function come(url, { token }, { transports = ["websocket"], cursors, log } = {}) {
  const inbox = open(url, "/community-chat", { transports, auth: { token, orgId: ORG, cursors } });
  if (log) follow(inbox, log);
  const told = await inbox.next("authenticate");
  assert.equal(told.success, true, JSON.stringify(told));
  return inbox;
}

const group = async (url, who, more) =>
  (await rest(url, who.token, "POST", "/client/community/groups", { name: "Dogs", type: "public", ...more })).id;

/** All that has a number, as it comes in. */
const NUMBERED = [
  "groupMessage", "newMessage", "messageUpdated", "messageDeleted", "reaction",
  "memberJoined", "memberLeft", "memberMuted", "groupUpdated",
];

function follow(inbox, into) {
  for (const event of NUMBERED) inbox.socket.on(event, (payload) => into.push({ event, ...payload }));
}

/** Resolves when something is so, looked at whenever something comes in. */
function until(inbox, isSo) {
  return new Promise((resolve) => {
    const look = () => isSo() && resolve();
    inbox.socket.onAny(() => queueMicrotask(look));
    look();
  });
}

export async function a_group_of_fifty_hears_all_in_one_order(url) {
  const PEOPLE = 50;
  const WORDS = 6;
  const people = await Promise.all(Array.from({ length: PEOPLE }, (_, n) => signUp(url, `member${n}`)));
  const members = people.slice(1).map(({ email }) => ({ email }));
  const groupId = await group(url, people[0], { members });
  const last = 1 + PEOPLE + PEOPLE * WORDS;
  const transports = [["websocket"], ["websocket"], ["polling", "websocket"], ["polling"]];
  const heard = people.map(() => []);
  const follows = people.map(async (who, n) => {
    const log = heard[n];
    const seen = () => log.at(-1)?.seq ?? 0;
    const enter = () => come(url, who, { transports: transports[n % 4], cursors: { [groupId]: seen() }, log });
    let inbox = await enter();
    for (let word = 0; word < WORDS; word++) {
      const message = { groupId, content: `${n} ${word}`, clientId: `${word}` };
      // A third of them are cut off while they speak, without a goodbye, and come again with what they have.
      const cut = n % 3 === 0 && word % 3 === 1;
      const asked = inbox.ask("sendMessage", message);
      if (cut) {
        inbox.socket.io.engine.close();
        inbox.socket.removeAllListeners();
        inbox.socket.offAny();
        asked.catch(() => {});
        inbox = await enter();
        // Whatever was not answered is sent again.
        assert.equal((await inbox.ask("sendMessage", message)).success, true);
      } else {
        const told = await asked;
        assert.equal(told.success, true, JSON.stringify(told));
        assert.equal(told.message.content, message.content);
      }
    }
    await until(inbox, () => seen() >= last);
    return inbox;
  });
  const inboxes = await Promise.all(follows);
  const words = (log) => log.filter(({ event }) => event === "groupMessage").map(({ content }) => content);
  for (const log of heard) {
    assert.deepEqual(log.map(({ seq }) => seq), Array.from({ length: last }, (_, n) => n + 1));
    assert.deepEqual(words(log), words(heard[0]));
  }
  for (let n = 0; n < PEOPLE; n++) {
    const of = words(heard[0]).filter((text) => text.startsWith(`${n} `));
    assert.deepEqual(of, Array.from({ length: WORDS }, (_, word) => `${n} ${word}`));
  }
  inboxes.forEach((inbox) => inbox.close());
}

async function signIn(url, name) {
  const email = `${name}@example.com`;
  const { token } = await rest(url, null, "POST", "/profile/customer/signin", { email, password: PASSWORD });
  return { name, email, token };
}

/** Before the server is killed; what comes after it is the next scenario. */
export async function a_group_before_the_server_is_killed(url) {
  const [ann, bob] = [await signUp(url, "ann"), await signUp(url, "bob")];
  const groupId = await group(url, ann, { members: [{ email: bob.email }] });
  const anns = await come(url, ann);
  const said = [];
  for (let n = 0; n < 20; n++) said.push(await anns.ask("sendMessage", { groupId, content: `${n}` }));
  assert.equal((await anns.ask("editMessage", { messageId: said[0].messageId, content: "zero" })).success, true);
  assert.equal((await anns.ask("react", { messageId: said[1].messageId, type: "like" })).success, true);
  assert.equal((await anns.ask("deleteMessage", { messageId: said[2].messageId })).seq, 26);
}

export async function the_group_after_the_server_was_killed(url) {
  const [ann, bob] = [await signIn(url, "ann"), await signIn(url, "bob")];
  const { data } = await rest(url, bob.token, "GET", "/client/community/groups");
  const [{ id: groupId, unreadCount }] = data;
  assert.equal(unreadCount, 20);
  for (const transports of [["websocket"], ["polling"]]) {
    const log = [];
    const bobs = await come(url, bob, { transports, cursors: { [groupId]: 3 }, log });
    const told = await bobs.next("replayed");
    assert.deepEqual([told.groupId, told.from, told.gap], [groupId, 4, false]);
    const anns = await come(url, ann);
    const { seq } = await anns.ask("sendMessage", { groupId, content: "new" });
    await until(bobs, () => log.at(-1)?.seq === seq);
    assert.deepEqual(log.map((heard) => heard.seq), Array.from({ length: seq - 3 }, (_, n) => n + 4));
    const words = log.filter(({ event }) => event === "groupMessage").map(({ content }) => content);
    assert.deepEqual([words.slice(0, 4), words.at(-1)], [["zero", "1", "", "3"], "new"]);
    [anns, bobs].forEach((inbox) => inbox.close());
  }
}

export async function two_people_speak_until_one_blocks_the_other(url) {
  const [ann, bob] = await Promise.all(["ann", "bob"].map((name) => signUp(url, name)));
  for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]]) {
    const [anns, bobs] = [await come(url, ann, { transports }), await come(url, bob, { transports })];
    const said = await anns.ask("sendMessage", { to: "bob@example.com", content: "hi", clientId: `${transports}` });
    assert.equal(said.success, true, JSON.stringify(said));
    for (const inbox of [anns, bobs]) {
      const heard = await inbox.next("newMessage");
      assert.deepEqual([heard.messageId, heard.from, heard.to], [said.messageId, "ann@example.com", "bob@example.com"]);
    }
    // It is left out for a client that has something waiting, or is between two polls: said until it is heard.
    let typed;
    anns.next("typing").then((told) => (typed = told));
    while (!typed) assert.equal((await bobs.ask("typing", { to: "ann@example.com", isTyping: true })).success, true);
    assert.deepEqual([typed.from, typed.isTyping], ["bob@example.com", true]);
    assert.equal((await bobs.ask("markRead", { peer: "ann@example.com" })).success, true);
    assert.equal((await anns.next("messageRead")).by, "bob@example.com");
    const { messages } = await anns.ask("history", { peer: "bob@example.com", limit: 1 });
    assert.deepEqual([messages[0].content, messages[0].status], ["hi", "read"]);

    await rest(url, ann.token, "POST", "/client/community/blocks", { email: "bob@example.com" });
    const refused = await bobs.ask("sendMessage", { to: "ann@example.com", content: "hello?" });
    assert.deepEqual([refused.success, refused.error], [false, "blocked"]);
    await rest(url, ann.token, "DELETE", "/client/community/blocks/bob@example.com");
    assert.equal((await bobs.ask("sendMessage", { to: "ann@example.com", content: "hello!" })).success, true);
    assert.equal((await anns.next("newMessage")).content, "hello!");
    assert.deepEqual(anns.unread.filter((event) => event === "newMessage"), []);
    const [{ peer, unreadCount }] = await rest(url, ann.token, "GET", "/client/community/messages/threads");
    assert.deepEqual([peer, unreadCount], ["bob@example.com", 1]);
    await rest(url, ann.token, "POST", "/community/messages/thread/bob@example.com/read");
    [anns, bobs].forEach((inbox) => inbox.close());
  }
}

export async function what_becomes_of_a_message_is_heard_live_and_later(url) {
  const [ann, bob, eve] = await Promise.all(["ann", "bob", "eve"].map((name) => signUp(url, name)));
  const groupId = await group(url, ann, { members: [{ email: bob.email }] });
  const [anns, bobs] = [await come(url, ann), await come(url, bob, { transports: ["polling"] })];
  const { messageId } = await bobs.ask("sendMessage", { groupId, content: "helo" });
  const second = await bobs.ask("sendMessage", { groupId, content: "secret", replyTo: messageId });
  assert.equal(second.message.replyTo, messageId);
  assert.equal((await bobs.ask("editMessage", { messageId, content: "hello" })).message.content, "hello");
  assert.equal((await anns.ask("react", { messageId, type: "like" })).action, "added");
  assert.equal((await anns.ask("react", { messageId, type: "wow" })).action, "added");
  assert.equal((await anns.ask("react", { messageId, type: "like" })).action, "removed");
  assert.equal((await anns.ask("editMessage", { messageId, content: "mine" })).error, "forbidden");
  assert.equal((await anns.ask("deleteMessage", { messageId: second.messageId })).success, true, "as an admin");
  for (const inbox of [anns, bobs]) {
    assert.equal((await inbox.next("messageUpdated")).content, "hello");
    await inbox.next("reaction");
    await inbox.next("reaction");
    assert.deepEqual((await inbox.next("reaction")).reactions.map(({ type }) => type), ["wow"]);
    assert.equal((await inbox.next("messageDeleted")).messageId, second.messageId);
  }
  // Whoever comes in now hears who came, and reads what there is.
  const eves = await come(url, eve);
  assert.equal((await eves.ask("sendMessage", { groupId, content: "hi" })).error, "not_member");
  const joined = await eves.ask("join-group", { groupId, lastSeq: 0 });
  assert.deepEqual([joined.success, joined.group.memberCount], [true, 3]);
  assert.equal((await anns.next("memberJoined")).member.email, "eve@example.com");
  const { messages, hasMore } = await eves.ask("history", { groupId, limit: 10 });
  assert.deepEqual(messages.map(({ content, status }) => [content, status]), [["hello", "sent"], ["", "deleted"]]);
  assert.equal(hasMore, false);
  // A mute holds, is told, and is taken back.
  await rest(url, ann.token, "PATCH", `/client/community/groups/${groupId}/members/eve@example.com`, { muted: true });
  assert.deepEqual([(await eves.next("memberMuted")).muted], [true]);
  assert.equal((await eves.ask("sendMessage", { groupId, content: "hi" })).error, "muted");
  await rest(url, ann.token, "PATCH", `/client/community/groups/${groupId}/members/eve@example.com`, { muted: false });
  await rest(url, ann.token, "PATCH", `/client/community/groups/${groupId}`, { onlyAdminsPost: true });
  assert.deepEqual((await eves.next("groupUpdated")) && (await eves.ask("sendMessage", { groupId, content: "hi" })).error, "only_admins_post");
  assert.equal((await eves.ask("leave-group", { groupId })).success, true);
  assert.equal((await bobs.next("memberLeft")).member.email, "eve@example.com");
  assert.equal((await eves.ask("history", { groupId, limit: 1 })).error, "not_member");
  [anns, bobs, eves].forEach((inbox) => inbox.close());
}

export async function every_wrong_event_is_answered_on_the_community(url, token) {
  const ann = await signUp(url, "ann");
  const groupId = await group(url, ann, { type: "private" });
  const anns = await come(url, ann, { cursors: { nobody: 1, [groupId]: 1 } });
  assert.deepEqual([(await anns.next("error")).code, (await anns.next("replayed")).groupId], ["unknown_person", groupId]);
  for (const [event, payload, code] of [
    ["sendMessage", { content: "to whom?" }, "missing_chat"],
    ["sendMessage", { groupId, to: "x@example.com", content: "which?" }, "missing_chat"],
    ["sendMessage", { groupId, content: " " }, "bad_message"],
    ["sendMessage", { groupId: "team", content: "x" }, "bad_payload"],
    ["sendMessage", { to: "nobody@example.com", content: "x" }, "unknown_person"],
    ["sendMessage", { to: "ann@example.com", content: "x" }, "bad_message"],
    ["editMessage", { messageId: "msg_00000000000000000000000000", content: "x" }, "unknown_message"],
    ["react", { messageId: 7, type: "like" }, "bad_payload"],
    ["join-group", { groupId: "grp_00000000000000000000000000" }, "unknown_group"],
    ["typing", { groupId: "grp_00000000000000000000000000", isTyping: true }, "unknown_group"],
    ["history", {}, "missing_chat"],
    ["presence", { emails: Array(201).fill("x@example.com") }, "bad_message"],
    ["dance", {}, "unknown_event"],
  ]) {
    const answer = await anns.ask(event, payload);
    assert.deepEqual([answer.success, answer.error], [false, code], `${event} ${JSON.stringify(payload).slice(0, 80)}`);
  }
  // One of the staff takes part too; a guest does not.
  const staff = await come(url, { token });
  assert.equal((await staff.ask("sendMessage", { to: "ann@example.com", content: "welcome" })).success, true);
  assert.equal((await anns.next("newMessage")).senderRole, "agent");
  assert.equal((await staff.ask("join-group", { groupId })).error, "forbidden");
  const { presence } = await staff.ask("presence", { emails: ["ann@example.com"] });
  assert.deepEqual(presence, [{ email: "ann@example.com", role: "customer", status: "online" }]);
  anns.close();
  assert.equal((await staff.next("presence-change")).status, "offline");
  const guest = await rest(url, null, "POST", "/profile/customer/register-guest", { email: "ann@example.com", name: "x", phone: "1" });
  const guests = await come(url, guest);
  assert.equal((await guests.ask("sendMessage", { to: "ann@example.com", content: "x" })).error, "forbidden");
  [staff, guests].forEach((inbox) => inbox.close());
}

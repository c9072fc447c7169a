// A customer on the left and the desk on the right, each with a socket of its own, as two people have them.

import { address, Refused, registerGuest, signIn } from "./api.js";
import { say } from "./dom.js";
import { Line } from "./chat-line.js";
import { token } from "./session.js";

const customer = new Line(document.getElementById("customer"), (message) => message.senderRole === "customer");
const desk = new Line(document.getElementById("desk"), (message) => message.senderRole === "agent");

/** Who a token says that it is for. */
function claims(token) {
  const bytes = Uint8Array.from(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Has a form that lets somebody in do so, and say why it did not. */
function entrance(line, enter) {
  line.part("entrance").addEventListener("submit", async (event) => {
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(event.target));
    try {
      line.trouble(null);
      await enter(fields);
    } catch (error) {
      line.trouble(error instanceof Refused ? error.message : String(error));
    }
  });
}

entrance(customer, async ({ org, name, email, configId }) => {
  const token = await registerGuest(org, { name, email, phone: "" });
  customer.open({ token, orgId: org, ...(configId && { configId }), context: { currentUrl: location.href } });
  customer.socket.on("queued", (told) => say(customer.part("standing"), told.message));
  customer.socket.on("queue-update", (told) => say(customer.part("standing"), told.message));
  customer.socket.on("agent-assigned", ({ agent }) => say(customer.part("standing"), `${agent.name} answers you.`));
  customer.socket.on("agent-changed", ({ newAgentName }) => say(customer.part("standing"), `${newAgentName} answers you now.`));
  customer.socket.on("chat-ended", () => say(customer.part("standing"), "The chat has ended. Write to begin anew."));
});

customer.say = (message, clientId) => customer.ask("chat-message", { message, clientId, files: [] });

entrance(desk, async ({ org, email, password }) => openDesk(await signIn(org, email, password)));

/** The chats that wait, by their ids. */
const waiting = new Map();

function showWaiting() {
  const names = [...waiting.values()];
  say(desk.part("waiting"), names.length ? `${names.length} waiting: ${names.slice(0, 3).join(", ")}` : "Nobody waits.");
}

async function readWaiting(token) {
  const answer = await fetch(address("chat/queue?pageSize=50"), { headers: { authorization: `Bearer ${token}` } });
  const { data } = answer.ok ? await answer.json() : { data: [] };
  waiting.clear();
  for (const { chatId, customerName } of data) waiting.set(chatId, customerName);
  showWaiting();
}

function openDesk(token) {
  desk.open({ token, orgId: claims(token).orgId });
  desk.socket.on("authenticate", () => readWaiting(token));
  desk.socket.on("queue-notification", ({ chatId, customerName }) => {
    waiting.set(chatId, customerName);
    showWaiting();
  });
  desk.socket.on("agent-assigned", async ({ chatId, agent, customerName }) => {
    waiting.delete(chatId);
    showWaiting();
    if (agent.email !== claims(token).email) return;
    if (desk.chatId !== chatId) await desk.turnTo(chatId, true);
    say(desk.part("standing"), `You answer ${customerName}.`);
  });
  desk.socket.on("chat-ended", ({ chatId }) => chatId === desk.chatId && say(desk.part("standing"), "The chat has ended."));
}

desk.say = (content, clientId) => {
  if (desk.chatId) return desk.ask("sendMessage", { chatId: desk.chatId, content, clientId, type: "user" });
  desk.trouble("Take a chat first.");
  return null;
};

desk.part("pick").addEventListener("click", async () => {
  const picked = await desk.ask("pick-next", {});
  if (!picked) return;
  if (!picked.chat) return say(desk.part("standing"), "Nobody waits.");
  waiting.delete(picked.chat.chatId);
  showWaiting();
  await desk.turnTo(picked.chat.chatId, true);
  say(desk.part("standing"), `You answer ${picked.chat.customerName}.`);
});

desk.part("status").addEventListener("change", (event) => desk.ask("set-status", { status: event.target.value }));

// Whoever is signed in to the operator's page in this tab need not do so again.
if (token()) {
  const own = claims(token());
  document.querySelectorAll("#customer input[name=org]").forEach((field) => (field.value = own.orgId));
  openDesk(token());
}

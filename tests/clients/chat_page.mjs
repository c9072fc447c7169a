// BASE_URL TOKEN ORG EMAIL PASSWORD node chat_page.mjs: a customer, the desk and an assistant on the demo page, in headless
// Chromium. TOKEN is an owner's. CHROMIUM and SHOTS as in page.mjs.
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { withProvider } from "./ai_provider.mjs";

const { BASE_URL, TOKEN, ORG, EMAIL, PASSWORD, SHOTS, CHROMIUM = "/usr/bin/chromium" } = process.env;
/** Stands between the browser and the server, so that the network between them can break. */
async function between(url) {
  const { hostname, port } = new URL(url);
  const open = new Set();
  let broken = false;
  const server = createServer((near) => {
    if (broken) return near.destroy();
    const far = connect(Number(port), hostname);
    for (const [one, other] of [[near, far], [far, near]]) {
      open.add(one);
      one.pipe(other);
      one.on("error", () => {});
      one.on("close", () => (open.delete(one), other.destroy()));
    }
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    break: () => ((broken = true), open.forEach((socket) => socket.destroy())),
    mend: () => (broken = false),
  };
}

/** Has somebody start a chat, by a widget where one is given. */
async function enter(customer, name, widget = "") {
  await customer.getByLabel("Organisation").fill(ORG);
  await customer.getByLabel("Name").fill(name);
  await customer.getByLabel("E-mail").fill(`${name.toLowerCase()}@example.com`);
  await customer.getByLabel("Widget").fill(widget);
  await customer.getByRole("button", { name: "Start a chat" }).click();
  await customer.getByText("Connected", { exact: true }).waitFor();
}

async function write(side, text) {
  await side.getByLabel("Message", { exact: true }).fill(text);
  await side.getByRole("button", { name: "Send" }).click();
}

const numbers = (side) => side.locator("li").evaluateAll((lines) => lines.map((line) => Number(line.dataset.seq)));

/** An assistant's answer grows on the page, through a drop, until it is a message; then the staff is asked for. */
async function anAssistantAnswers({ provider, call, turn }, page, network) {
  const create = (datatype, data) => call("POST", `/repository/create/${datatype}`, { data });
  await create("ai_assistant", { name: "helper", title: "Helper", config: { provider }, tools: ["server.memory.*"] });
  const { sk } = await create("chat_config", { name: "widget", ai: "helper", aiGreeting: "Hello, I am Helper." });
  await page.goto(`${network.url}/static/chat.html`);
  const customer = page.locator("#customer");
  const speaking = customer.locator("li.speaking");
  await enter(customer, "Eve", sk);
  await customer.locator("li", { hasText: /^Hello, I am Helper\.Helper · / }).waitFor();
  await write(customer, "Where is my order?");
  const first = await turn();
  first.say("It is ");
  await speaking.getByText("It is", { exact: true }).waitFor();
  first.use(0, "call_1", "server__memory__retrieve", { key: "order" });
  first.end("tool_calls");
  const second = await turn();
  second.say("on its ");
  await speaking.getByText("It is on its", { exact: true }).waitFor();
  if (SHOTS) await page.screenshot({ path: join(SHOTS, "chat-assistant.png") });
  network.break();
  await customer.getByText("Connecting again").waitFor();
  second.say("way.");
  network.mend();
  await customer.getByText("Connected", { exact: true }).waitFor({ timeout: 30_000 });
  await speaking.getByText("It is on its way.", { exact: true }).waitFor();
  second.end();
  await customer.locator('li[data-seq="3"]', { hasText: "It is on its way." }).waitFor();
  assert.equal(await speaking.count(), 0, "the message takes the place of what grew");
  await write(customer, "Thanks. May I talk to a person?");
  await customer.getByText("You're #1 in line").waitFor();
  assert.deepEqual(await numbers(customer), [1, 2, 3, 4]);
}

const network = await between(BASE_URL);
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
});

try {
  const context = await browser.newContext({ viewport: { width: 1100, height: 800 } });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (line) => {
    // A broken network is asked for below.
    if (line.type() === "error" && !/net::ERR_|WebSocket/.test(line.text())) faults.push(line.text());
  });
  await page.goto(`${network.url}/static/chat.html`);
  const [customer, desk] = [page.locator("#customer"), page.locator("#desk")];

  await desk.getByLabel("Organisation").fill(ORG);
  await desk.getByLabel("E-mail").fill(EMAIL);
  await desk.getByLabel("Password").fill(PASSWORD);
  await desk.getByRole("button", { name: "Sign in" }).click();
  await desk.getByText("Connected", { exact: true }).waitFor();

  await enter(customer, "Ann");
  await write(customer, "Is anybody there?");
  await customer.getByText("You're #1 in line").waitFor();
  await desk.getByText("1 waiting: Ann").waitFor();

  await desk.getByRole("button", { name: "Take the next chat" }).click();
  await desk.getByText("You answer Ann.").waitFor();
  await desk.getByText("Is anybody there?").waitFor();
  await customer.getByText("answers you.").waitFor();
  await desk.getByLabel("Message", { exact: true }).pressSequentially("Yes");
  await customer.getByText("is writing…").waitFor();
  await desk.getByRole("button", { name: "Send" }).click();
  await customer.locator("li", { hasText: "Yes" }).waitFor();
  await desk.locator("li", { hasText: "read" }).first().waitFor();
  if (SHOTS) await page.screenshot({ path: join(SHOTS, "chat.png") });

  // The network goes and comes back: everything is there once, in order.
  network.break();
  await customer.getByText("Connecting again").waitFor();
  network.mend();
  await customer.getByText("Connected", { exact: true }).waitFor({ timeout: 30_000 });
  await desk.getByText("Connected", { exact: true }).waitFor({ timeout: 30_000 });
  await write(customer, "Back again");
  await desk.locator("li", { hasText: "Back again" }).waitFor();
  assert.deepEqual(await numbers(customer), [1, 2, 3]);

  await desk.getByRole("button", { name: "End", exact: true }).click();
  await customer.getByText("The chat has ended.").waitFor();
  await withProvider(BASE_URL, TOKEN, (world) => anAssistantAnswers(world, page, network));
  assert.deepEqual(faults, [], "the page logged errors");
} finally {
  await browser.close();
}
process.exit(0);

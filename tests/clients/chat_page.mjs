// BASE_URL ORG EMAIL PASSWORD node chat_page.mjs: a customer and the desk on the demo page, in headless Chromium.
// CHROMIUM and SHOTS as in page.mjs.
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { chromium } from "playwright-core";

const { BASE_URL, ORG, EMAIL, PASSWORD, SHOTS, CHROMIUM = "/usr/bin/chromium" } = process.env;
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

  await customer.getByLabel("Organisation").fill(ORG);
  await customer.getByLabel("Name").fill("Ann");
  await customer.getByLabel("E-mail").fill("ann@example.com");
  await customer.getByRole("button", { name: "Start a chat" }).click();
  await customer.getByText("Connected", { exact: true }).waitFor();
  await customer.getByLabel("Message", { exact: true }).fill("Is anybody there?");
  await customer.getByRole("button", { name: "Send" }).click();
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
  await customer.getByLabel("Message", { exact: true }).fill("Back again");
  await customer.getByRole("button", { name: "Send" }).click();
  await desk.locator("li", { hasText: "Back again" }).waitFor();
  const numbers = await customer.locator("li").evaluateAll((lines) => lines.map((line) => Number(line.dataset.seq)));
  assert.deepEqual(numbers, [1, 2, 3]);

  await desk.getByRole("button", { name: "End", exact: true }).click();
  await customer.getByText("The chat has ended.").waitFor();
  assert.deepEqual(faults, [], "the page logged errors");
} finally {
  await browser.close();
}
process.exit(0);

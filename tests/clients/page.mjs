// BASE_URL=http://host:port TOKEN=jwt node page.mjs: walks an operator's page in headless Chromium.
// Exits with 0 when it does what it says, with a reason when not. Further settings, all by environment:
//   EVENT, DATA         what is published to be seen live (page.checked, {})
//   EXPECT              what its trace must come to hold, such as "run completed,delivery delivered"
//   LINK                the token of a link that signs in once, as the first start prints it
//   ORG EMAIL PASSWORD  somebody who may sign in by the form; without them only the refusal is tried
//   CHROMIUM, SHOTS     the browser (/usr/bin/chromium); a folder for screenshots
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer } from "node:net";
import { join } from "node:path";
import { chromium } from "playwright-core";

const { BASE_URL, TOKEN, LINK, ORG, EMAIL, PASSWORD, EXPECT, SHOTS } = process.env;
const { EVENT = "page.checked", DATA = "{}", CHROMIUM = "/usr/bin/chromium" } = process.env;
assert.ok(BASE_URL && TOKEN, "set BASE_URL and TOKEN");

const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
const QUEUES = ["automation", "automation-trigger", "billing", "escalation", "notification", "schedule", "social-sync"];
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
const DESKTOP = { viewport: { width: 1280, height: 900 } };
const live = "#live[data-tone=good]";

/** A page that fails the walk when it logs an error, breaks its policy or throws. */
async function visit(browser, options) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("console", (line) => {
    // A refusal that a test asks for is logged by the browser itself.
    const asked = /status of 40[13]/.test(line.text());
    if (line.type() === "error" && !asked) page.faults.push(line.text());
  });
  return page;
}

async function leave(page) {
  assert.deepEqual(page.faults, [], "the page logged errors");
  await page.context().close();
}

async function enter(page) {
  await page.goto(`${BASE_URL}/#token=${TOKEN}`);
  await page.waitForSelector(live);
}

async function shot(page, name) {
  if (SHOTS) await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}

async function publish(data = JSON.parse(DATA)) {
  const answer = await fetch(`${BASE_URL}/events`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({ event: EVENT, data }),
  });
  assert.equal(answer.status, 202, await answer.clone().text());
  return (await answer.json()).id;
}

/** What the server answers the operator. */
async function ask(method, path, body) {
  const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
  const answer = await fetch(BASE_URL + path, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

/** Stripe's calls to an integration that lasts as long as `walk`: `call(type, object)` gives the event's id. */
async function asStripe(walk) {
  const secret = "whsec_page";
  const saved = await ask("POST", "/upstream/save-integration", { type: "stripe", name: "page", credentials: { webhookSecret: secret } });
  try {
    await walk(async (type, object) => {
      const id = `evt_${crypto.randomUUID()}`;
      const [t, body] = [Math.floor(Date.now() / 1000), JSON.stringify({ id, type, data: { object } })];
      const v1 = createHmac("sha256", secret).update(`${t}.${body}`).digest("hex");
      const headers = { "content-type": "application/json", "stripe-signature": `t=${t},v1=${v1}` };
      const answer = await fetch(`${BASE_URL}/connect/webhook/stripe/${saved.id}`, { method: "POST", headers, body });
      assert.ok(answer.ok, await answer.text());
      return id;
    });
  } finally {
    await ask("DELETE", `/upstream/integrations/${saved.id}`);
  }
}

/** The row of the call that a vendor knows by `id`, once it was read. */
async function rowOfCall(page, id, status) {
  const row = page.locator("#calls > li", { hasText: id });
  await row.filter({ has: page.locator(".tag", { hasText: status }) }).waitFor();
  return row;
}

/** A port where nobody listens. */
function deadPort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** No sideways scrolling, and nothing that is cut off at the right. */
async function fits(page) {
  const beyond = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const out = [...document.body.querySelectorAll("*")].filter((one) => one.getBoundingClientRect().right > width + 1);
    return [document.documentElement.scrollWidth - width, ...out.map((one) => one.className || one.tagName)];
  });
  assert.deepEqual(beyond, [0], "the page is wider than the screen");
}

const walks = {
  async "the link signs in, and the token leaves the address bar"(browser) {
    const page = await visit(browser, DESKTOP);
    await enter(page);
    assert.equal(await page.evaluate(() => location.href), `${BASE_URL}/`);
    const known = await page.locator("[data-queue]").evaluateAll((rows) => rows.map((row) => row.dataset.queue));
    assert.deepEqual(known.sort(), QUEUES);
    await page.reload();
    await page.waitForSelector(live);
    await page.click("#sign-out");
    await page.waitForSelector("#entrance:not([hidden])");
    await page.reload();
    await page.waitForSelector("#entrance:not([hidden])");
    await leave(page);
  },

  async "a link signs in once"(browser) {
    if (!LINK) return "no LINK given";
    const page = await visit(browser, DESKTOP);
    await page.goto(`${BASE_URL}/#link=${LINK}`);
    await page.waitForSelector(live);
    assert.equal(await page.evaluate(() => location.href), `${BASE_URL}/`);
    await page.click("#sign-out");
    await page.waitForSelector("#entrance:not([hidden])");
    await page.evaluate((link) => (location.hash = `link=${link}`), LINK);
    await page.waitForSelector("#why:not([hidden])");
    assert.equal(await page.locator("#console").isVisible(), false);
    await leave(page);
  },

  async "an event appears on top without a reload, and its trace follows"(browser) {
    const page = await visit(browser, DESKTOP);
    await enter(page);
    await page.evaluate(() => (window.sameDocument = true));
    const id = await publish();
    const row = page.locator(`.events > li[data-event="${id}"]`);
    await row.waitFor();
    const text = await row.innerText();
    assert.ok(text.includes(EVENT), text);
    await row.locator(".event").press("Enter");
    await row.locator(`.node[data-id="${id}"]`).waitFor();
    for (const wanted of EXPECT?.split(",") ?? []) {
      const [kind, status] = wanted.trim().split(" ");
      const node = row.locator(`.node[data-kind="${kind}"]`);
      await node.filter({ has: page.locator(":scope > * .status, :scope > .line .status", { hasText: status }) }).first().waitFor();
    }
    await row.locator("summary").first().press("Enter");
    await row.locator("details[open] pre").first().waitFor();
    await shot(page, "trace");
    await row.locator(".event").press("Enter");
    await row.locator(".tree").waitFor({ state: "detached" });
    assert.equal(await page.evaluate(() => window.sameDocument), true);
    await leave(page);
  },

  async "an endpoint that fails is shown as soon as its breaker opens"(browser) {
    const page = await visit(browser, DESKTOP);
    await enter(page);
    const body = { url: `http://127.0.0.1:${await deadPort()}/gone`, events: [EVENT], description: "Gone <b>for good</b>", retrySchedule: [1] };
    const made = await fetch(`${BASE_URL}/webhooks/endpoints`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    assert.equal(made.status, 201, await made.clone().text());
    const { id } = await made.json();
    await page.reload();
    const row = page.locator(`[data-endpoint="${id}"]`);
    await row.filter({ has: page.locator(".tag", { hasText: "enabled" }) }).waitFor();
    for (let sent = 0; sent < 12; sent++) await publish({});
    await row.filter({ has: page.locator(".tag", { hasText: "failing" }) }).waitFor();
    const text = await row.innerText();
    assert.ok(text.includes("Gone <b>for good</b>") && text.includes("fails since"), text);
    await page.locator("#endpoints-note", { hasText: "1 endpoint in trouble" }).waitFor();
    await shot(page, "endpoints");
    const gone = await fetch(`${BASE_URL}/webhooks/endpoints/${id}`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    assert.ok(gone.ok, await gone.text());
    await leave(page);
  },

  async "a vendor's call appears without a reload, opens, and is read again"(browser) {
    const page = await visit(browser, DESKTOP);
    await enter(page);
    await page.evaluate(() => (window.sameDocument = true));
    await asStripe(async (call) => {
      const ignored = await rowOfCall(page, await call("product.created", {}), "ignored");
      const id = await call("payment_intent.succeeded", { id: "pi_1", description: "<b>text</b>" });
      const row = await rowOfCall(page, id, "understood");
      assert.match((await row.innerText()).replace(/\s+/g, " "), /stripe .*1 event$/);
      await row.locator(".event").press("Enter");
      await row.locator("pre", { hasText: `"description": "<b>text</b>"` }).waitFor();
      await row.locator("pre", { hasText: "stripe-signature: t=" }).waitFor();
      const event = row.locator(".link");
      await event.click();
      await page.locator(`.events > li[data-event="${await event.innerText()}"] .node`).first().waitFor();
      const replay = row.getByRole("button", { name: "Replay", exact: true });
      await page.route("**/replay", (route) => route.fulfill({ status: 403, json: { message: "not today" } }), { times: 1 });
      await replay.click();
      await row.locator(".notice", { hasText: "Not read again: not today" }).waitFor();
      await replay.click();
      await row.locator("[role=status]", { hasText: "Read again: 1 new event." }).waitFor();
      await row.locator(".facts", { hasText: "2 events · 1 replay" }).waitFor();
      assert.equal(await row.locator(".link").count(), 2);
      assert.equal(await row.locator(".notice").isVisible(), false);
      await shot(page, "calls");
      await ignored.locator(".event").click();
      await ignored.getByRole("button", { name: "Replay", exact: true }).click();
      await ignored.locator("[role=status]", { hasText: "Read again: nothing new came of it." }).waitFor();
    });
    assert.equal(await page.evaluate(() => window.sameDocument), true);
    await page.click("#sign-out");
    assert.equal(await page.locator("#calls > li").count(), 0);
    await leave(page);
  },

  async "whoever may not see calls sees everything else, and other troubles are told"(browser) {
    const page = await visit(browser, DESKTOP);
    let answer = { status: 403, json: { message: "calls are not for you" } };
    await page.route("**/upstream/calls?*", (route) => route.fulfill(answer));
    await enter(page);
    await page.locator(`[data-event="${await publish()}"]`).waitFor();
    assert.equal(await page.locator("#calls-section").isVisible(), false);
    answer = { status: 503, json: { message: "calls cannot be read" } };
    await page.reload();
    await page.locator("#calls-trouble", { hasText: "calls cannot be read" }).waitFor();
    page.faults = page.faults.filter((fault) => !fault.includes("status of 503"));
    await leave(page);
  },

  async "what comes from data is shown as text"(browser) {
    const page = await visit(browser, DESKTOP);
    await enter(page);
    const name = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
    const id = await publish({ name });
    const row = page.locator(`.events > li[data-event="${id}"]`);
    await row.locator(".event").click();
    await row.locator("summary").first().click();
    assert.ok((await row.locator(".about").innerText()).includes(name));
    assert.ok((await row.locator("details[open] pre").last().innerText()).includes("onerror"));
    assert.equal(await page.title(), "appengine");
    await leave(page);
  },

  async "held events wait until they are asked for"(browser) {
    const page = await visit(browser, DESKTOP);
    await enter(page);
    await page.click("#hold");
    const id = await publish();
    await page.locator("#hold", { hasText: "1 new" }).waitFor();
    assert.equal(await page.locator(`[data-event="${id}"]`).count(), 0);
    await page.click("#hold");
    await page.locator(`[data-event="${id}"]`).waitFor();
    await leave(page);
  },

  async "a lost feed is said, taken up again, and nothing is missing"(browser) {
    const page = await visit(browser, DESKTOP);
    let first = null;
    await page.routeWebSocket(/monitoring\/live/, (socket) => {
      socket.connectToServer();
      first ??= socket;
    });
    await enter(page);
    first.close({ code: 1012 });
    const id = await publish();
    await page.locator("#live", { hasText: "Reconnecting" }).waitFor();
    await page.locator(`[data-event="${id}"]`).waitFor();
    await page.waitForSelector(live);
    await leave(page);
  },

  async "an expired token leads to signing in"(browser) {
    const page = await visit(browser, DESKTOP);
    let first = null;
    await page.routeWebSocket(/monitoring\/live/, (socket) => {
      socket.connectToServer();
      first ??= socket;
    });
    await enter(page);
    first.close({ code: 4401 });
    await page.locator("#why", { hasText: "expired" }).waitFor();
    await page.fill("#by-token input", "no.token.atall");
    await page.click("#by-token button");
    await page.locator("#why", { hasText: "token" }).waitFor();
    await leave(page);
  },

  async "a phone shows it all without scrolling sideways, in light and dark"(browser) {
    for (const colorScheme of ["light", "dark"]) {
      const page = await visit(browser, { ...PHONE, colorScheme });
      await page.goto(BASE_URL);
      await page.waitForSelector("#entrance:not([hidden])");
      await fits(page);
      await shot(page, `phone-${colorScheme}-entrance`);
      await enter(page);
      const id = await publish({ name: "a-very-long-name-without-a-place-to-break-".repeat(4) });
      const row = page.locator(`[data-event="${id}"]`);
      await row.locator(".event").tap();
      await row.locator("summary").first().tap();
      await row.locator("pre").first().waitFor();
      await fits(page);
      await shot(page, `phone-${colorScheme}`);
      await asStripe(async (call) => {
        const told = await rowOfCall(page, await call("payment_intent.succeeded", { id: "a-very-long-id-".repeat(20) }), "understood");
        await told.locator(".event").tap();
        await told.locator("pre", { hasText: "a-very-long-id" }).waitFor();
        await told.getByRole("button", { name: "Replay", exact: true }).tap();
        await told.locator("[role=status]", { hasText: "Read again: 1 new event." }).waitFor();
        await fits(page);
        await shot(page, `phone-${colorScheme}-calls`);
      });
      await leave(page);
    }
  },

  async "the form refuses and admits"(browser) {
    const page = await visit(browser, DESKTOP);
    await page.goto(BASE_URL);
    const fill = async (org, email, password) => {
      await page.fill("[name=org]", org);
      await page.fill("[name=email]", email);
      await page.fill("[name=password]", password);
      await page.press("[name=password]", "Enter");
    };
    await fill(ORG ?? "nowhere", EMAIL ?? "nobody@example.com", "not the password");
    await page.waitForSelector("#why:not([hidden])");
    assert.notEqual(await page.innerText("#why"), "");
    assert.equal(await page.evaluate(() => location.href), `${BASE_URL}/`);
    if (PASSWORD) {
      await fill(ORG, EMAIL, PASSWORD);
      await page.waitForSelector(live);
      assert.ok((await page.innerText("#who")).includes(EMAIL));
    }
    await leave(page);
  },
};

const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
let failed = 0;
for (const [name, walk] of Object.entries(walks)) {
  try {
    const began = performance.now();
    const skipped = await walk(browser);
    const took = `${Math.round(performance.now() - began)} ms`;
    console.log(skipped ? `skip  ${name}: ${skipped}` : `ok    ${name}, ${took}`);
  } catch (error) {
    failed += 1;
    console.error(`FAIL  ${name}\n      ${error.stack ?? error}`);
  }
}
await browser.close();
process.exit(failed === 0 ? 0 : 1);

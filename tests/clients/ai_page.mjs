// BASE_URL=http://host:port TOKEN=jwt node ai_page.mjs: walks the page of questions and answers in headless Chromium. Its
// provider is in here, so that what is said, and when, is known. TOKEN is an owner's; with ORG, EMAIL and PASSWORD the form
// is tried, too. CHROMIUM and SHOTS as in page.mjs.
import assert from "node:assert/strict";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { chromium } from "playwright-core";

const { BASE_URL, TOKEN, ORG, EMAIL, PASSWORD, SHOTS, CHROMIUM = "/usr/bin/chromium" } = process.env;
assert.ok(BASE_URL && TOKEN, "set BASE_URL and TOKEN");

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
const DESKTOP = { viewport: { width: 1280, height: 900 } };

const listen = (server) => new Promise((done) => server.listen(0, "127.0.0.1", () => done(`http://127.0.0.1:${server.address().port}`)));

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
  return {
    url: await listen(server),
    break: () => ((broken = true), open.forEach((socket) => socket.destroy())),
    mend: () => (broken = false),
  };
}

/** Speaks OpenAI's Chat Completions. `asked()` is the next request, answered by whoever holds it. */
async function openProvider() {
  const [came, awaited] = [[], []];
  const server = createHttpServer(async (request, response) => {
    const bytes = [];
    for await (const chunk of request) bytes.push(chunk);
    const tell = (more) => {
      if (!response.headersSent) response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "walked-model", ...more })}\n\n`);
    };
    const choice = (delta, finish_reason = null) => tell({ choices: [{ index: 0, delta, finish_reason }] });
    const asked = {
      body: JSON.parse(Buffer.concat(bytes)),
      say: (content) => choice({ content }),
      end(reason = "stop") {
        choice({}, reason);
        tell({ choices: [], usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 } });
        response.end("data: [DONE]\n\n");
      },
      use(id, name, input) {
        choice({ tool_calls: [{ index: 0, id, type: "function", function: { name, arguments: JSON.stringify(input) } }] });
        asked.end("tool_calls");
      },
      refuse: (status, message) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ error: { message } })),
      left: new Promise((left) => response.on("close", left)),
    };
    if (awaited.length) awaited.shift()(asked);
    else came.push(asked);
  });
  return {
    url: await listen(server),
    asked: async () => came.shift() ?? new Promise((taker, fail) => {
      awaited.push(taker);
      AbortSignal.timeout(15_000).onabort = () => fail(new Error("the provider was not asked"));
    }),
    isIdle: () => came.length === 0,
  };
}

async function call(method, path, body) {
  const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
  const answer = await fetch(BASE_URL + path, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

const [network, provider] = await Promise.all([between(BASE_URL), openProvider()]);

/** A page that fails the walk when it logs an error, breaks its policy, throws, or has a token in an address. */
async function visit(browser, options = DESKTOP) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  page.faults = [];
  page.readings = [];
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("console", (line) => {
    // A broken network and a refusal that a walk asks for are logged by the browser itself.
    if (line.type() === "error" && !/net::ERR_|status of (401|404|410)/.test(line.text())) page.faults.push(line.text());
  });
  page.on("request", (request) => {
    if (request.url().includes(TOKEN)) page.faults.push(`a token in ${request.url()}`);
    if (request.url().includes("/ai/stream/") && request.method() === "GET") page.readings.push(request.headers()["last-event-id"] ?? null);
  });
  return page;
}

async function enter(browser, options, hash = "") {
  const page = await visit(browser, options);
  await page.goto(`${network.url}/static/ai.html#token=${TOKEN}${hash}`);
  await page.getByRole("button", { name: "New conversation" }).waitFor();
  assert.ok(!page.url().includes(TOKEN), "the token is still in the address");
  return page;
}

async function leave(page) {
  assert.deepEqual(page.faults, [], "the page logged errors");
  await page.context().close();
}

async function shot(page, name) {
  if (SHOTS) await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}

/** Asks by the keyboard; the request that the provider gets. */
async function ask(page, question) {
  await page.getByLabel("Question").fill(question);
  await page.getByLabel("Question").press("Enter");
  await page.locator(".exchange .question", { hasText: question }).last().waitFor();
  return provider.asked();
}

const last = (page) => page.locator(".exchange").last();
const stands = (page, text) => page.locator("#state", { hasText: text }).waitFor();
/** The last words are these, from the first to the last. */
const reads = (page, words) => last(page).locator(".words").filter({ hasText: new RegExp(`^${words.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`) }).waitFor();

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
  async "words come one after the other, and a reload in the middle goes on"(browser) {
    const page = await enter(browser);
    const asked = await ask(page, "How long is the river?");
    for (const said of ["One ", "One two ", "One two <b>three</b> "]) {
      asked.say(said.split(" ").at(-2) + " ");
      await reads(page, said);
    }
    assert.ok(await page.getByRole("button", { name: "Ask", exact: true }).isDisabled());
    await shot(page, "ai-coming");
    for (const words of ["One two <b>three</b> four ", "One two <b>three</b> four five "]) {
      await page.reload();
      await reads(page, words.slice(0, words.lastIndexOf(" ", words.length - 2) + 1));
      asked.say(words.split(" ").at(-2) + " ");
      await reads(page, words);
    }
    asked.say("end.");
    asked.end();
    await stands(page, "Answered");
    await last(page).getByText("walked-model · 11 tokens read, 7 written").waitFor();
    // Over and read again, it is the same, and so are those before it.
    const second = await ask(page, "And how wide?");
    assert.deepEqual(second.body.messages.slice(-3).map(({ content }) => content), ["How long is the river?", "One two <b>three</b> four five end.", "And how wide?"]);
    second.say("Not very.");
    second.end("length");
    await last(page).getByText("Cut: it reached its greatest length.").waitFor();
    await page.reload();
    await stands(page, "Answered");
    const told = await page.locator(".question, .words").allTextContents();
    assert.deepEqual(told, ["Question: How long is the river?", "One two <b>three</b> four five end.", "Question: And how wide?", "Not very."]);
    await leave(page);
  },

  async "a network that goes and comes back leaves no gap and no repeat"(browser) {
    const page = await enter(browser);
    const asked = await ask(page, "Will it hold?");
    asked.say("One ");
    await reads(page, "One ");
    network.break();
    await stands(page, "Connecting again");
    asked.say("two ");
    await shot(page, "ai-broken");
    network.mend();
    await reads(page, "One two ");
    // And for a browser that is offline until it is not.
    await page.context().setOffline(true);
    network.break();
    await stands(page, "Connecting again");
    asked.say("three ");
    asked.end();
    network.mend();
    await page.context().setOffline(false);
    await reads(page, "One two three ");
    await stands(page, "Answered");
    assert.equal(page.readings[0], null);
    assert.equal(page.readings.at(-1), "3", `it went on behind ${page.readings}`);
    await leave(page);
  },

  async "an answer that is stopped keeps what was said"(browser) {
    const page = await enter(browser);
    const asked = await ask(page, "Count to a million.");
    asked.say("One, two");
    await reads(page, "One, two");
    await page.getByRole("button", { name: "Stop" }).click();
    await stands(page, "Stopped");
    await asked.left;
    await last(page).getByText("Stopped. What was said is kept.").waitFor();
    await page.locator("#question:focus").waitFor();
    await page.reload();
    await stands(page, "Stopped");
    await reads(page, "One, two");
    await leave(page);
  },

  async "a refusal is said in words, and what is asked again is answered"(browser) {
    const page = await enter(browser);
    (await ask(page, "What is wrong?")).refuse(400, "This model does not like rivers");
    await stands(page, "Failed");
    await last(page).getByText(/^Failed to .*400: This model does not like rivers\..* provider_refused$/).waitFor();
    await shot(page, "ai-failed");
    await page.reload();
    await page.getByRole("button", { name: "Ask again" }).click();
    const again = await provider.asked();
    again.say("Nothing.");
    again.end();
    await reads(page, "Nothing.");
    assert.equal(await page.getByRole("button", { name: "Ask again" }).isVisible(), false);
    await leave(page);
  },

  async "a question that was taken without a word of it is not asked twice"(browser) {
    for (const way of ["button", "reload"]) {
      const page = await enter(browser);
      const lost = async (route) => (await route.fetch(), route.abort());
      await page.route("**/ai/agent/stream", lost, { times: 1 });
      const asked = await ask(page, "Once?");
      await last(page).getByText("The server cannot be reached.").waitFor();
      asked.say("Once.");
      if (way === "button") await page.getByRole("button", { name: "Try again" }).click();
      else await page.reload();
      await reads(page, "Once.");
      asked.end();
      await stands(page, "Answered");
      assert.equal(await page.locator(".exchange").count(), 1);
      assert.ok(provider.isIdle(), "it was asked twice");
      await leave(page);
    }
  },

  async "tools are shown, and those of the browser are used"(browser) {
    const page = await enter(browser);
    await page.getByLabel("The model may read this browser’s clock").check();
    const first = await ask(page, "What time is it here?");
    assert.deepEqual(first.body.tools.map((tool) => tool.function.name), ["browser_time"]);
    first.say("Let me look.");
    first.use("call_1", "browser_time", {});
    const second = await provider.asked();
    assert.match(JSON.stringify(second.body.messages.at(-1)), /call_1.*zone/);
    second.use("call_2", "weather", { of: "<b>here</b>" });
    const third = await provider.asked();
    await page.waitForFunction(() => sessionStorage.getItem("appengine.ai").includes("call_1"));
    await page.reload();
    third.say("Late.");
    third.end();
    await reads(page, "Late.");
    const tools = last(page).locator(".tool");
    assert.deepEqual(await tools.locator("summary").allTextContents(), ["Tool browser_time was used", "Tool weather failed"]);
    await tools.last().locator("summary").press("Enter");
    await tools.last().getByText(`"of": "<b>here</b>"`).waitFor();
    await shot(page, "ai-tools");
    await leave(page);
  },

  async "one answer alone is followed by a second page"(browser) {
    const page = await enter(browser);
    const asked = await ask(page, "For two?");
    asked.say("One ");
    await reads(page, "One ");
    const link = await page.getByRole("link", { name: "This answer alone" }).getAttribute("href");
    const other = await enter(browser, DESKTOP, `&${link.slice(1)}`);
    await reads(other, "One ");
    assert.equal(new URL(other.url()).hash, link);
    assert.equal(await other.getByLabel("Question").isVisible(), false);
    asked.say("two.");
    asked.end();
    await Promise.all([reads(page, "One two."), reads(other, "One two.")]);
    await Promise.all([stands(page, "Answered"), stands(other, "Answered")]);
    // One of long ago, and one that never was.
    for (const [id, why] of [["str_00000000000000000000000000", "can no longer be read"], [`${link.slice(8, -1)}${link.endsWith("0") ? 1 : 0}`, "there is none of that id"]]) {
      await other.evaluate((id) => (location.hash = `stream=${id}`), id);
      await other.locator(".exchange .notice", { hasText: why }).waitFor();
      await stands(other, "Failed");
    }
    await Promise.all([leave(page), leave(other)]);
  },

  async "who is not admitted signs in, and goes on"(browser) {
    const page = await enter(browser);
    const asked = await ask(page, "Still here?");
    asked.say("Yes");
    await reads(page, "Yes");
    const where = page.url();
    await page.evaluate(() => (location.hash += "&token=no.token.atall"));
    await page.locator("#why", { hasText: "token" }).waitFor();
    await fits(page);
    await shot(page, "ai-entrance");
    if (PASSWORD) {
      await page.getByLabel("Organisation").fill(ORG);
      await page.getByLabel("E-mail").fill(EMAIL);
      await page.getByLabel("Password").fill(PASSWORD);
      await page.getByRole("button", { name: "Sign in" }).click();
    } else {
      await page.getByLabel("Token").fill(TOKEN);
      await page.getByRole("button", { name: "Use this token" }).click();
    }
    await reads(page, "Yes");
    assert.equal(page.url(), where);
    asked.end();
    await stands(page, "Answered");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.reload();
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    assert.equal(await page.evaluate(() => location.hash + sessionStorage.length), "0");
    await leave(page);
  },

  async "events are read however their bytes are cut"(browser) {
    const page = await enter(browser);
    const read = await page.evaluate(async () => {
      const { EventReader } = await import("./ai-stream.js");
      const bytes = new TextEncoder().encode(": é\nid: 1\r\ndata: {\r\ndata:  ü}\r\n\r\n\rid:2\rdata:x:y\r\revent: z\ndata\n\nid: 3\ndata: half");
      const ways = Array.from(bytes, (_, cut) => {
        const reader = new EventReader();
        return JSON.stringify([...reader.push(bytes.slice(0, cut)), ...reader.push(bytes.slice(cut))]);
      });
      return [...new Set(ways)];
    });
    assert.deepEqual(read.map((way) => JSON.parse(way)), [[{ id: "1", data: "{\n ü}" }, { id: "2", data: "x:y" }, { id: "2", data: "" }]]);
    await leave(page);
  },

  async "a phone and a desk show it all without scrolling sideways, in light and dark"(browser) {
    for (const [name, options] of [["phone", PHONE], ["desk", DESKTOP]]) {
      for (const colorScheme of ["light", "dark"]) {
        const page = await enter(browser, { ...options, colorScheme });
        await page.getByText("Nothing was asked yet.").waitFor();
        await page.getByLabel("The model may read this browser’s clock").check();
        const asked = await ask(page, "a-very-long-question-without-a-place-to-break-".repeat(4));
        asked.say("A first word, then a tool.\n");
        asked.use("call_1", "browser_time", { why: "a-very-long-reason-".repeat(12) });
        await last(page).locator("summary").click();
        const next = await provider.asked();
        next.say("It is late, and there is more to say about it than fits. ".repeat(24) + "a-very-long-word-".repeat(12));
        await last(page).getByText("a-very-long-word-").waitFor();
        // Its end is in sight, above the field.
        const [words, field] = await Promise.all([last(page).locator(".words").last().boundingBox(), page.locator("#ask").boundingBox()]);
        assert.ok(words.y + words.height <= field.y + 1, `${JSON.stringify(words)} is behind ${JSON.stringify(field)}`);
        await fits(page);
        await shot(page, `ai-${name}-${colorScheme}-coming`);
        next.end();
        await stands(page, "Answered");
        (await ask(page, "Once more?")).refuse(401, "no");
        await stands(page, "Failed");
        await fits(page);
        await shot(page, `ai-${name}-${colorScheme}`);
        await leave(page);
      }
    }
  },
};

const saved = await call("POST", "/upstream/save-integration", { type: "openai", credentials: { apiKey: "sk-walk" }, settings: { baseUrl: provider.url, model: "walked-model" } });
const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
let failed = 0;
for (const [name, walk] of Object.entries(walks)) {
  try {
    const began = performance.now();
    await walk(browser);
    console.log(`ok    ${name}, ${Math.round(performance.now() - began)} ms`);
  } catch (error) {
    failed += 1;
    console.error(`FAIL  ${name}\n      ${error.stack ?? error}`);
    network.mend();
  }
}
await browser.close();
await call("DELETE", `/upstream/integrations/${saved.id}`);
process.exit(failed === 0 ? 0 : 1);

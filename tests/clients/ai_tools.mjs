// Tools of servers that the organisation has connected: listed, used by name, and used by models.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { EventSource } from "eventsource";
import { Came } from "./ai_provider.mjs";
import { TOKEN, before, looked, open, today } from "./ai_tool_servers.mjs";
import { signUp } from "./chat.mjs";

/** The frames of an answer, as they come. */
function frames({ url, token }, id) {
  const came = new Came();
  const source = new EventSource(`${url}/ai/stream/${id}?token=${token}`);
  source.onmessage = ({ data }) => {
    came.add(JSON.parse(data));
    if (["end", "error"].includes(came.all.at(-1).type)) source.close();
  };
  return came;
}

const last = ({ type }) => type === "end" || type === "error";

/** Connects a server of tools, for as long as `play` takes. */
async function connected(world, baseUrl, apiKey, play) {
  const name = `stock ${randomUUID()}`;
  const saved = await world.call("POST", "/upstream/save-integration", { type: "mcp", name, credentials: { apiKey }, settings: { baseUrl } });
  try {
    await play(name);
  } finally {
    await world.call("DELETE", `/upstream/integrations/${saved.id}`);
  }
}

async function with_servers(world, play) {
  for (const [era, serve, version] of [["today", today(), "2026-07-28"], ["before", before(), "2025-11-25"]]) {
    const stock = await open(serve);
    try {
      await connected(world, stock.url, TOKEN, (name) => play(`mcp.${name}`, stock, version));
    } catch (error) {
      throw new Error(`the library of ${era}: ${error.message}`, { cause: error });
    } finally {
      stock.server.closeAllConnections();
      stock.server.close();
    }
  }
}

export async function tools_of_connected_servers_are_listed_and_used_by_name(world) {
  await with_servers(world, async (stock, { asked }, version) => {
    const { tools, servers } = await world.call("GET", "/ai/mcp/tools");
    const find = tools.find(({ name }) => name === `${stock}.find`);
    assert.deepEqual([find.description, find.category, find.inputSchema.required], ["How many of a part are there", "mcp", ["part"]]);
    assert.deepEqual(servers, [{ name: stock.slice("mcp.".length), tools: 3, error: null }]);
    const use = (toolName, args) => world.call("POST", "/ai/mcp/execute", { toolName: `${stock}.${toolName}`, args });
    const { result } = await use("find", { part: "bolt" });
    assert.deepEqual(result, { part: "bolt", count: 7, for: "ada@example.com", org: "my-org" });
    assert.equal(asked.findLast(({ method }) => method === "POST").version, version);
    await assert.rejects(use("break", {}), /502.*the shelf has fallen over.*tool_failed/);
    await assert.rejects(use("find", {}), /502.*part/);
    await assert.rejects(use("nothing", {}), /502/);
  });
}

export async function a_server_of_tools_that_cannot_be_read_is_named(world) {
  const stock = await open(today());
  const first = async () => (await world.call("GET", "/ai/mcp/tools")).servers[0].error;
  await connected(world, stock.url, "another", async () => assert.match(await first(), /failed to reach `stock .*401/));
  stock.server.closeAllConnections();
  stock.server.close();
  await connected(world, stock.url, TOKEN, async (name) => {
    assert.match(await first(), /failed to reach `stock .*/);
    // An answer goes on without them.
    const { id, turn } = await world.begin({ availableTools: [`mcp.${name}.*`, "server.memory.retrieve"] });
    assert.equal(turn.asked.tools.length, 1);
    turn.end();
    assert.equal((await frames(world, id).first(last, "the end")).type, "end");
  });
}

export async function models_use_the_tools_of_connected_servers(world) {
  await with_servers(world, async (stock) => {
    const { id, turn } = await world.begin({ availableTools: [`${stock}.find`, `${stock}.b*`] });
    const names = turn.asked.tools.map((tool) => tool.function.name);
    assert.equal(names.length, 2);
    names.forEach((name) => assert.match(name, /^[\w-]{1,64}$/));
    const find = turn.asked.tools.find((tool) => tool.function.parameters.required?.[0] === "part").function.name;
    const part = `nut ${randomUUID()}`;
    turn.use(0, "c1", find, { part });
    turn.use(1, "c2", names.find((name) => name !== find), {});
    turn.use(2, "c3", `${stock}.hang`, {});
    turn.end("tool_calls");
    const next = await world.turn();
    const results = next.asked.messages.slice(-3).map(({ tool_call_id, content }) => [tool_call_id, content]);
    const [found, failed, missing] = ["c1", "c2", "c3"].map((call) => results.find(([of]) => of === call)[1]);
    assert.deepEqual(JSON.parse(found), { part, count: 7, for: "ada@example.com", org: "my-org" });
    assert.match(failed, /the shelf has fallen over/);
    assert.match(missing, /there is no tool/, "it was not offered");
    assert.equal(looked.filter((of) => of === part).length, 1, "once, though the others take longer or less");
    next.say("Seven.");
    next.end();
    const came = frames(world, id);
    await came.first(last, "the end");
    const used = came.all.filter(({ type }) => type === "tool_use").map(({ name, client }) => [name, client]);
    assert.deepEqual(used, [`${stock}.find`, `${stock}.break`, `${stock}.hang`].map((name) => [name, false]));
    assert.equal(came.all.find(({ type, id }) => type === "tool_result" && id === "c1").output.count, 7);
  });
}

/** Who is served by an organisation uses what it has given its assistants, and nothing else of it. */
export async function customers_use_what_the_assistant_was_given(world) {
  await with_servers(world, async (stock) => {
    const token = await signUp(world.url, `${randomUUID()}@example.com`);
    const headers = { orgid: "my-org", authorization: `Bearer ${token}`, "content-type": "application/json" };
    const post = (path, body) => fetch(world.url + path, { method: "POST", headers, body: JSON.stringify(body) });
    const listed = await (await fetch(`${world.url}/ai/mcp/tools`, { headers })).json();
    assert.deepEqual([listed.servers, listed.tools.filter(({ category }) => category === "mcp")], [[], []]);
    assert.equal((await post("/ai/mcp/execute", { toolName: `${stock}.find`, args: { part: "bolt" } })).status, 403);
    const name = `clerk ${randomUUID()}`;
    const data = { name, title: "Clerk", description: "You help.", tools: [`${stock}.find`] };
    await world.call("PUT", "/repository/create", { datatype: "ai_assistant", isNew: true, data });
    const ask = async (more) => {
      const settings = { provider: world.provider };
      const answer = await post("/ai/agent/stream", { message: "How many?", settings, availableTools: [`${stock}.*`], ...more });
      assert.equal(answer.status, 202, await answer.clone().text());
      return world.turn();
    };
    const alone = await ask({});
    assert.equal(alone.asked.tools, undefined);
    alone.end();
    const turn = await ask({ agentId: name });
    assert.equal(turn.asked.tools.length, 1);
    turn.use(0, "c1", turn.asked.tools[0].function.name, { part: "screw" });
    turn.end("tool_calls");
    const next = await world.turn();
    assert.match(next.asked.messages.at(-1).content, /"part":"screw","count":7,"for":".*@example.com"/);
    next.end();
  });
}

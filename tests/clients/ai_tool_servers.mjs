// Servers of tools, by both official libraries of the Model Context Protocol: the one of the version 2026-07-28, which
// holds nothing between requests, and the one before it, with its handshake and its sessions.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { McpServer as OldServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { McpServer, createMcpHandler } from "@modelcontextprotocol/server";
import { z } from "zod";

export const TOKEN = "tools-secret-0123456789";
const ABOUT = { name: "stock", version: "1.0.0" };
const FIND = { title: "Find a part", description: "How many of a part are there", inputSchema: { part: z.string() } };

/** The parts that were looked for. */
export const looked = [];

const found = (part, meta) => {
  looked.push(part);
  return {
    content: [{ type: "text", text: `7 of ${part}` }],
    structuredContent: { part, count: 7, for: meta["appengine/email"] ?? null, org: meta["appengine/orgId"] },
  };
};
const broken = () => ({ content: [{ type: "text", text: "the shelf has fallen over" }], isError: true });
/** Never answers. */
const stuck = () => new Promise(() => {});

/** The library of today. */
export function today() {
  const handler = createMcpHandler(() => {
    const server = new McpServer(ABOUT);
    const schema = z.object(FIND.inputSchema);
    server.registerTool("find", { ...FIND, inputSchema: schema }, ({ part }, ctx) => found(part, ctx.mcpReq._meta ?? {}));
    server.registerTool("break", { description: "Fails" }, broken);
    server.registerTool("hang", { description: "Hangs" }, stuck);
    return server;
  });
  return async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = ["GET", "HEAD"].includes(request.method) ? undefined : Buffer.concat(chunks);
    const headers = new Headers(request.headers);
    const answer = await handler.fetch(new Request(`http://127.0.0.1${request.url}`, { method: request.method, headers, body }));
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    for await (const chunk of answer.body ?? []) response.write(chunk);
    response.end();
  };
}

/** The library before it: a session for each client. */
export function before() {
  const sessions = new Map();
  return async (request, response) => {
    const known = sessions.get(request.headers["mcp-session-id"]);
    if (known) return known.handleRequest(request, response);
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => sessions.set(id, transport),
    });
    transport.onclose = () => sessions.delete(transport.sessionId);
    const server = new OldServer(ABOUT);
    server.registerTool("find", FIND, ({ part }, { _meta }) => found(part, _meta ?? {}));
    server.registerTool("break", { description: "Fails" }, broken);
    server.registerTool("hang", { description: "Hangs" }, stuck);
    await server.connect(transport);
    await transport.handleRequest(request, response);
  };
}

/** A server on a free port, which takes nobody without the token; what it was asked. */
export async function open(serve) {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push({ method: request.method, version: request.headers["mcp-protocol-version"] });
    if (request.headers.authorization === `Bearer ${TOKEN}`) return serve(request, response);
    return response.writeHead(401, { "content-type": "text/plain" }).end("who are you?");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${server.address().port}/mcp`, asked, server };
}

// node standardwebhooks.mjs: reads deliveries, one JSON line {secret, headers, body} each, and prints
// what the official library makes of each: {"valid": true} or {"valid": false, "reason": "..."}.
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  try {
    new Webhook(secret).verify(body, headers);
    console.log(JSON.stringify({ valid: true }));
  } catch (error) {
    console.log(JSON.stringify({ valid: false, reason: String(error.message ?? error) }));
  }
}

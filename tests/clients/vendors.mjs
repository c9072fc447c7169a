// Vendors' own libraries, and others that share no code with the server, sign calls: it takes them, and refuses each
// with one byte changed.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import hubspot from "@hubspot/api-client/lib/src/utils/signature.js";
import { sign as octokit } from "@octokit/webhooks-methods";
import { Webhook } from "standardwebhooks";
import Stripe from "stripe";
import { Webhook as Svix } from "svix";
import nacl from "tweetnacl";
import twilio from "twilio/lib/webhooks/webhooks.js";

const seconds = () => Math.floor(Date.now() / 1000);
const whsec = `whsec_${randomBytes(32).toString("base64")}`;
const pair = nacl.sign.keyPair();
const hex = (bytes) => Buffer.from(bytes).toString("hex");

// Each vendor: how it is connected, a body of its own, and the headers by which its library signs that body.
const vendors = {
  stripe: {
    credentials: { webhookSecret: "whsec_of_stripe" },
    body: JSON.stringify({ id: "evt_1", type: "payment_intent.succeeded", data: { object: { id: "pi_1" } } }),
    sign: (payload) => ({
      "stripe-signature": new Stripe("sk_test").webhooks.generateTestHeaderString({ payload, secret: "whsec_of_stripe" }),
    }),
  },
  twilio: {
    credentials: { authToken: "token-of-twilio" },
    body: new URLSearchParams({ MessageSid: "SM1", SmsStatus: "received", From: "+15005550006", To: "+15005550009", Body: "Grüße" }).toString(),
    type: "application/x-www-form-urlencoded",
    sign: (body, url) => ({
      "x-twilio-signature": twilio.getExpectedTwilioSignature("token-of-twilio", url, Object.fromEntries(new URLSearchParams(body))),
    }),
  },
  github: {
    credentials: { webhookSecret: "secret-of-github" },
    body: JSON.stringify({ action: "opened", repository: { full_name: "ada/engine" } }),
    sign: async (body) => ({
      "x-github-event": "issues",
      "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
      "x-hub-signature-256": await octokit("secret-of-github", body),
    }),
  },
  meta: {
    credentials: { appSecret: "secret-of-meta" },
    body: JSON.stringify({ object: "page", entry: [{ id: "1", time: seconds(), changes: [] }] }),
    sign: async (body) => ({ "x-hub-signature-256": await octokit("secret-of-meta", body) }),
  },
  hubspot: {
    credentials: { clientSecret: "secret-of-hubspot" },
    body: JSON.stringify([{ eventId: 1, subscriptionType: "contact.creation", objectId: 7, occurredAt: Date.now() }]),
    sign: (requestBody, url) => {
      const [clientSecret, timestamp] = ["secret-of-hubspot", Date.now()];
      const signature = hubspot.Signature.getSignature("POST", "v3", { clientSecret, requestBody, url, timestamp });
      return { "x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": `${timestamp}` };
    },
  },
  discord: {
    credentials: { publicKey: hex(pair.publicKey) },
    body: JSON.stringify({ type: 1, event: { type: "APPLICATION_AUTHORIZED", timestamp: new Date().toISOString(), data: {} } }),
    sign: (body) => {
      const timestamp = `${seconds()}`;
      const signed = nacl.sign.detached(Buffer.from(timestamp + body), pair.secretKey);
      return { "x-signature-ed25519": hex(signed), "x-signature-timestamp": timestamp };
    },
  },
  "standard-webhooks": {
    credentials: { secret: whsec },
    body: JSON.stringify({ type: "user.created", data: { id: "u_1" } }),
    sign: (body) => {
      const at = new Date();
      return {
        "webhook-id": "msg_1",
        "webhook-timestamp": `${Math.floor(at / 1000)}`,
        "webhook-signature": new Webhook(whsec).sign("msg_1", at, body),
      };
    },
  },
  svix: {
    credentials: { secret: whsec },
    body: JSON.stringify({ type: "user.created", data: { id: "u_2" } }),
    sign: (body) => {
      const at = new Date();
      return { "svix-id": "msg_2", "svix-timestamp": `${Math.floor(at / 1000)}`, "svix-signature": new Svix(whsec).sign("msg_2", at, body) };
    },
  },
};

export async function calls_that_vendors_libraries_sign_are_taken(url, token) {
  const headers = { orgid: "my-org", authorization: `Bearer ${token}`, "content-type": "application/json" };
  const ask = async (method, path, body) => {
    const answer = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
    assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
    return answer.json();
  };
  for (const [type, { credentials, body, type: media = "application/json", sign }] of Object.entries(vendors)) {
    const { webhookUrl } = await ask("POST", "/upstream/save-integration", { type, name: `of ${type}`, credentials });
    const call = async (signed, sent) =>
      fetch(webhookUrl, { method: "POST", body: sent, headers: { "content-type": media, ...signed } });
    const kept = async () => (await ask("GET", "/upstream/calls")).total;
    const [before, signed] = [await kept(), await sign(body, webhookUrl)];
    const at = Math.floor(body.length / 2);
    const other = body[at] === "1" ? "2" : "1";
    const refused = await call(signed, body.slice(0, at) + other + body.slice(at + 1));
    assert.ok(refused.status >= 400 && refused.status < 500, `${type}, one byte changed: ${refused.status}`);
    assert.equal(await kept(), before, `${type}: a refused call was kept`);
    const taken = await call(signed, body);
    assert.equal(Math.floor(taken.status / 100), 2, `${type}: ${taken.status} ${await taken.text()}`);
    assert.equal(await kept(), before + 1, type);
  }
}

"""vendors.py URL TOKEN: libraries in Python sign calls of vendors; the server takes them, and refuses each with one byte changed."""

import base64
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from slack_sdk.signature import SignatureVerifier
from twilio.request_validator import RequestValidator

url, token = sys.argv[1:3]


def ask(method, address, body=None, headers=None):
    request = urllib.request.Request(address, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


def api(method, path, body=None):
    headers = {"orgid": "my-org", "authorization": f"Bearer {token}", "content-type": "application/json"}
    status, answer = ask(method, url + path, body and json.dumps(body).encode(), headers)
    assert status == 200, (path, status, answer)
    return json.loads(answer)


def slack(body, _):
    now = str(int(time.time()))
    signature = SignatureVerifier("secret-of-slack").generate_signature(timestamp=now, body=body)
    return {"x-slack-request-timestamp": now, "x-slack-signature": signature, "content-type": "application/json"}


def twilio(body, address):
    fields = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
    signature = RequestValidator("token-of-twilio").compute_signature(address, fields)
    return {"x-twilio-signature": signature, "content-type": "application/x-www-form-urlencoded"}


key = ec.generate_private_key(ec.SECP256R1())
public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def sendgrid(body, _):
    now = str(int(time.time()))
    signature = base64.b64encode(key.sign(now.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    return {
        "x-twilio-email-event-webhook-signature": signature,
        "x-twilio-email-event-webhook-timestamp": now,
        "content-type": "application/json",
    }


def dumped(value):
    return json.dumps(value).encode()


vendors = [
    ("slack", {"signingSecret": "secret-of-slack"}, slack,
     dumped({"type": "event_callback", "event_id": "Ev1", "event": {"type": "app_mention", "text": "hi", "ts": "1.1", "channel": "C1", "user": "U1"}})),
    ("twilio", {"authToken": "token-of-twilio"}, twilio,
     urllib.parse.urlencode({"CallSid": "CA1", "From": "+15005550006", "To": "+15005550009", "CallStatus": "ringing", "Direction": "inbound"}).encode()),
    ("sendgrid", {"publicKey": base64.b64encode(public).decode()}, sendgrid,
     dumped([{"email": "ann@example.com", "event": "delivered", "sg_event_id": "e1", "sg_message_id": "m1", "timestamp": int(time.time())}]) + b"\r\n"),
]

for kind, credentials, sign, body in vendors:
    saved = api("POST", "/upstream/save-integration", {"type": kind, "credentials": credentials})
    address, before = saved["webhookUrl"], api("GET", "/upstream/calls")["total"]
    headers, at = sign(body, address), len(body) // 2
    changed = body[:at] + (b"2" if body[at : at + 1] == b"1" else b"1") + body[at + 1 :]
    status, answer = ask("POST", address, changed, headers)
    assert 400 <= status < 500, (kind, "one byte changed", status, answer)
    assert api("GET", "/upstream/calls")["total"] == before, (kind, "a refused call was kept")
    status, answer = ask("POST", address, body, headers)
    assert status // 100 == 2, (kind, status, answer)
    assert api("GET", "/upstream/calls")["total"] == before + 1, kind

"""python chat.py <http://host:port> <staff token>: a customer and an agent, by a client that shares nothing with the
JavaScript one. Exits with 0 when all holds, with a reason when not."""

import json
import queue
import socket
import sys
import urllib.request

import socketio
from engineio.payload import Payload

# As its documentation says to do for servers that send much at once: it takes 16 packets of one poll otherwise.
Payload.max_decode_packets = 1000

ORG = "my-org"
# A guard against waiting for ever, not a pause: nothing goes on when it is over.
PATIENCE = 30


class Inbox:
    """Keeps everything that a socket hears."""

    def __init__(self, url, transports, **auth):
        self.heard = {}
        self.socket = socketio.Client(reconnection=False)
        self.socket.on("*", self._put, namespace="/chat")
        self.socket.on("disconnect", lambda reason: self._put("disconnect", reason), namespace="/chat")
        self.socket.connect(url, auth={"orgId": ORG, **auth}, transports=transports, namespaces=["/chat"])
        self.told = self.next("authenticate")

    def _put(self, event, *payload):
        self._of(event).put(payload[0] if payload else None)

    def _of(self, event):
        return self.heard.setdefault(event, queue.Queue())

    def next(self, event):
        """The first argument of the next event, heard already or yet to come."""
        return self._of(event).get(timeout=PATIENCE)

    def unread(self, event):
        return self._of(event).qsize()

    def ask(self, event, payload):
        return self.socket.call(event, payload, namespace="/chat", timeout=PATIENCE)

    def emit(self, event, payload):
        self.socket.emit(event, payload, namespace="/chat")

    def drop(self):
        """The connection breaks, without a goodbye. Of a client that polls there is none to break: it asks no more."""
        engine = self.socket.eio
        if engine.current_transport == "websocket":
            engine.ws.sock.shutdown(socket.SHUT_RDWR)
            same(self.next("disconnect"), "transport error", "why it has gone")
        else:
            engine.state = "disconnected"

    def close(self):
        self.socket.disconnect()


def same(found, expected, what):
    if found != expected:
        raise AssertionError(f"{what}: {found!r} is not {expected!r}")


def sign_up(url, email):
    body = json.dumps({"email": email, "password": "correct horse battery", "firstName": "Ann"}).encode()
    headers = {"orgid": ORG, "content-type": "application/json"}
    request = urllib.request.Request(f"{url}/profile/customer/signup", body, headers)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)["token"]


def talk(url, customer, staff, transports):
    phone = Inbox(url, transports, token=customer)
    desk = Inbox(url, transports, token=staff)
    same((phone.told["success"], phone.told["user"]["role"]), (True, "customer"), "the customer's greeting")
    same((desk.told["success"], desk.told["user"]["role"]), (True, "agent"), "the agent's greeting")

    hello = phone.ask("chat-message", {"message": "hello"})
    same((hello["success"], hello["chatId"]), (True, "customer::ann@example.com"), "the customer's message")
    chat = hello["chatId"]
    same(phone.next("message")["sk"], hello["messageId"], "the customer hears it as well")
    same(desk.ask("join-chat", {"chatId": chat, "lastSeq": hello["seq"] - 1})["success"], True, "joining")
    heard = desk.next("message")
    same((heard["content"], heard["seq"], heard["senderRole"]), ("hello", hello["seq"], "customer"), "heard")
    same(desk.next("replayed")["count"], 1, "what the agent had missed")

    desk.emit("shareStatus", {"chatId": chat, "to": "ann@example.com", "status": "typing", "sentTime": 1})
    typing = phone.next("status")
    same((typing["status"], typing["from"]), ("typing", "ada@example.com"), "typing")

    answer = desk.ask("sendMessage", {"to": "ann@example.com", "content": "hi", "type": "user"})
    same(answer["seq"], hello["seq"] + 1, "the answer's number")
    for inbox in (phone, desk):
        same(inbox.next("message")["content"], "hi", "the answer")
    phone.emit("updateMessageStatus", {"uid": answer["messageId"], "status": "read"})
    same(desk.next("update")["status"], "read", "the receipt")

    # Gone without a goodbye, and back with the number of what it has.
    phone.drop()
    missed = [desk.ask("sendMessage", {"chatId": chat, "content": str(n)})["seq"] for n in range(20)]
    same(missed, list(range(answer["seq"] + 1, answer["seq"] + 21)), "numbers without a gap")
    back = Inbox(url, transports, token=customer, context={"lastSeq": answer["seq"]})
    same([back.next("message")["seq"] for _ in missed], missed, "what was missed, once and in order")
    told = back.next("replayed")
    same((told["from"], told["to"], told["count"], told["gap"]), (missed[0], missed[-1], 20, False), "replayed")
    last = desk.ask("sendMessage", {"chatId": chat, "content": "last"})
    same(back.next("message")["seq"], last["seq"], "what is new")
    same(back.unread("message"), 0, "messages that came twice")

    found = back.ask("chat-history", {"chatId": chat, "limit": 22})
    same((found["success"], found["hasMore"]), (True, True), "the history")
    words = [message["content"] for message in found["history"]]
    same(words, ["hi", *map(str, range(20)), "last"], "its messages, oldest first")
    same(found["history"][0]["status"], "read", "what was read is known as read")

    refused = back.ask("set-status", {"status": "busy"})
    same((refused["success"], refused["error"]), (False, "forbidden"), "what customers may not")
    same(back.ask("close-chat", {"chatId": chat, "reason": "customer_closed"})["success"], True, "closing")
    for inbox in (back, desk):
        same(inbox.next("chat-ended")["reason"], "customer_closed", "the end")
        inbox.close()


def main(url, staff):
    customer = sign_up(url, "ann@example.com")
    for transports in (["websocket"], ["polling"], ["polling", "websocket"]):
        talk(url, customer, staff, transports)


main(*sys.argv[1:])

//! Who is where, and calls between two of them: events of everybody (contract §5.3, §14 "Sockets").

use std::future::ready;
use std::sync::Arc;

use appengine_actors::session::Sessions;
use appengine_actors::session::chat::ChatId;
use appengine_actors::session::person::{Address, Side};
use appengine_actors::session::presence::{Here, Page};
use appengine_actors::session::seat::{Frame, Seat};
use appengine_actors::session::visits::MOST_TEXT;
use socketioxide::extract::SocketRef;

use super::{Asked, Chat};
use crate::gateway::namespace::{Member, on};
use crate::gateway::protocol::Failure;
use crate::gateway::protocol::desk::{Noted, Reached, Signal, Signalled, VisitorLocation};

/// Signals between the two ends of a call: relayed as they are.
pub(super) const SIGNALS: [&str; 3] = ["webrtc-offer", "webrtc-answer", "webrtc-ice"];

impl Chat {
    pub(super) fn bind_visit(&self, socket: &SocketRef, member: &Arc<Member>) {
        on(socket, member, "visitor-location", self.handler(member, Self::visitor_location));
        for name in SIGNALS {
            let relay = move |asked, signal| {
                Self::relay(name, asked, signal);
                ready(())
            };
            on(socket, member, name, self.handler(member, relay));
        }
    }

    /// Notes that a client has come.
    pub(super) fn here(&self, member: &Member, seat: &Arc<dyn Seat>) {
        let (now, about) = (self.clock.now(), &member.about);
        let url = about.current_url.clone().filter(|url| !url.is_empty() && url.len() <= MOST_TEXT);
        self.sessions.desks.arrive(
            &member.org,
            Here {
                seat: Arc::clone(seat),
                person: (!member.identity.viewer).then(|| member.person.clone()),
                device_id: about.device_id.clone(),
                config_id: about.config_id.clone(),
                since: now,
                page: url.map(|url| Page { url, title: None, referrer: None, at: now }),
            },
        );
    }

    async fn visitor_location(asked: Asked, VisitorLocation { url, title, referrer }: VisitorLocation) {
        let Asked { chat: Self { sessions, clock }, member, reply, .. } = asked;
        let Sessions { desks, visits, .. } = &*sessions;
        let texts = [Some(&url), title.as_ref(), referrer.as_ref()];
        if url.is_empty() || texts.into_iter().flatten().any(|text| text.len() > MOST_TEXT) {
            let why = format!("`url` has 1 to {MOST_TEXT} characters, `title` and `referrer` no more");
            return reply.send(&Failure::new("bad_payload", why));
        }
        let page = Page { url, title, referrer, at: clock.now() };
        let Some(seat) = member.seat.get() else { return };
        desks.shows(&member.org, *seat, page.clone());
        if member.person.side == Side::Agent || member.identity.viewer {
            // Nobody's journey: where they are is shown as long as they are here.
            return reply.send(&Noted { success: true });
        }
        let device = member.about.device_id.as_deref();
        match visits.visit(&member.org, &member.person, device, &page).await {
            Ok(()) => reply.send(&Noted { success: true }),
            Err(error) => reply.send(&Failure::new("unavailable", format!("failed to {error}"))),
        }
    }

    fn relay(name: &'static str, asked: Asked, Signal { to, chat_id, payload }: Signal) {
        let is_viewer = asked.member.identity.viewer;
        let chat = match (is_viewer, chat_id.as_deref()) {
            (true, _) | (false, None) => None,
            (false, Some(text)) => match asked.chat_of(Some(text), None) {
                Ok(chat) if chat.admits(&asked.member.person) => Some(chat),
                Ok(chat) => {
                    let why = format!("the chat {chat} is between others");
                    return asked.reply.send(&Failure::new("forbidden", why));
                }
                Err(failure) => return asked.reply.send(&failure),
            },
        };
        let Asked { chat: Self { sessions, .. }, member, reply, .. } = asked;
        let Sessions { desks, .. } = &*sessions;
        let is_staff = member.person.side == Side::Agent;
        let Some(to) = to.filter(|to| !to.is_empty()) else {
            let why = "say to whom: give `to`, the address or the device of the peer";
            return reply.send(&Failure::new("bad_payload", why));
        };
        let presence = desks.presence();
        let named = |side| presence.of(&member.org, &Address::of(&member.org, side, &to.to_lowercase()));
        let mut peers = named(Side::Agent);
        if is_staff {
            peers.extend(named(Side::Customer));
            // A guest is known by their conversation, whoever only watches by their device.
            peers.extend(chat.iter().flat_map(|chat| guests(desks, &member, chat, &to)));
            peers.extend(presence.on_device(&member.org, &to));
        }
        peers.retain(|here| Some(&here.seat.id()) != member.seat.get());
        peers.sort_by_key(|here| here.seat.id());
        peers.dedup_by_key(|here| here.seat.id());
        if peers.is_empty() {
            return reply.send(&Failure::new("not_here", format!("no client of {to} is here")));
        }
        let device_id = member.about.device_id.as_deref();
        let (from, to) = (member.person.email.as_str(), Some(to.as_str()));
        let signal = Signalled { from, to, chat_id: chat.as_ref(), device_id, payload: &payload };
        let Ok(frame) = Frame::of(name, &signal) else { return };
        let reached = peers.iter().filter(|here| here.seat.push(&frame).is_ok()).count();
        reply.send(&Reached { success: true, reached });
    }
}

/// The clients of the guest whose conversation it is, where their address is meant.
fn guests(
    desks: &appengine_actors::session::desk::Desks,
    member: &Member,
    chat: &ChatId,
    to: &str,
) -> Vec<Here> {
    let theirs = chat.parties(&member.org).into_iter();
    let here = theirs.flat_map(|address| desks.presence().of(&member.org, &address));
    here.filter(|here| here.person.as_ref().is_some_and(|person| person.guest && person.email == to))
        .collect()
}

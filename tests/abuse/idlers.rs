//! Clients that hold what they have and do nothing with it.

use appengine_actors::session::person::Side;

use crate::house::House;
use crate::wire::{ENGINE, Line, text_frame, upgrade_head};

/// Sessions that nobody polls are noticed by their pings.
const IMPATIENT: [(&str, &str); 3] = [
    ("APPENGINE__SOCKETS__PING_INTERVAL", "1s"),
    ("APPENGINE__SOCKETS__PING_TIMEOUT", "2s"),
    ("APPENGINE__SERVER__HEADER_TIMEOUT", "2s"),
];

#[test]
fn handshakes_that_go_no_further() {
    let house = House::with(&IMPATIENT);
    house.while_somebody_is_answered(|| {
        let heads: Vec<Line> = (1..=500)
            .map(|n| {
                let mut line = Line::open(house.address());
                let head = upgrade_head(ENGINE);
                line.send(&head[..n % head.len()]);
                line
            })
            .collect();
        let streams: Vec<Line> = (0..500)
            .map(|_| {
                let mut line = Line::open(house.address());
                assert_eq!(line.upgrade(ENGINE).status, 101);
                line
            })
            .collect();
        let sessions: Vec<_> = (0..100).map(|_| house.poll()).collect();
        for (_, target) in &sessions[..50] {
            // Begun to change to a stream, and left there.
            let sid = target.rsplit('=').next().unwrap();
            let mut line = Line::open(house.address());
            assert_eq!(line.upgrade(&format!("{ENGINE}&sid={sid}")).status, 101);
        }
        // The streams are let go when they are not answered for, and the sessions: nobody goes by themselves.
        streams.into_iter().chain(heads).for_each(Line::wait_for_end);
    });
}

#[test]
fn clients_that_never_read_keep_nobody_waiting() {
    const DEAF: usize = 20;
    const SAID: usize = 1_500;
    let house = House::open();
    house.while_somebody_is_answered(|| {
        let join = text_frame(r#"42/chat,1["join-chat",{"chatId":"team"}]"#);
        let deaf: Vec<Line> = (0..DEAF)
            .map(|_| {
                let mut line = house.come();
                line.send(&join);
                line
            })
            .collect();
        house.until("all are there", || house.hearers("team") == DEAF);
        let mut speaker = house.come();
        let content = "x".repeat(8_000);
        for n in 0..SAID {
            let word = format!(r#"42/chat,{n}["sendMessage",{{"chatId":"team","content":"{content}"}}]"#);
            assert!(speaker.pour(&text_frame(&word)), "{n}");
            loop {
                match speaker.frame() {
                    (1, text) if text == b"2" => speaker.send(text_frame("3")),
                    (1, text) if text.starts_with(b"43/chat,") => {
                        assert!(text.ends_with(b"}]") && text[..40].contains(&b't'), "{n}");
                        break;
                    }
                    (opcode, _) => assert_eq!(opcode, 1),
                }
            }
        }
        let hall = &house.server.machine.house.hall;
        // They have left the live line, each with what it has heard last; no more is kept for them than its bound.
        assert_eq!(hall.catching_up("chat:acme:team").len(), DEAF);
        assert_eq!(house.seats(Side::Agent, "mallory@acme.io"), DEAF + 1);
        drop(deaf);
    });
    assert_eq!(house.hearers("team"), 0);
}

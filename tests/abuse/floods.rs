//! Too much of what is allowed.

use appengine_actors::session::person::Side;

use crate::house::House;
use crate::wire::{ENGINE, Line, text_frame};

/// An answer to a question without a number, which is an acknowledgement of something.
fn acknowledged(line: &mut Line) -> String {
    loop {
        match line.frame() {
            (1, text) if text == b"2" => line.send(text_frame("3")),
            (1, text) => {
                let text = String::from_utf8(text).unwrap();
                if text.starts_with("43") {
                    return text;
                }
            }
            (opcode, _) => panic!("{opcode}"),
        }
    }
}

#[test]
fn floods_of_events_that_nobody_reads_the_answers_of() {
    let house = House::open();
    house.while_somebody_is_answered(|| {
        for event in [
            r#"42/chat,1["no-such-event",{"a":1}]"#,
            r#"42/chat,1["set-status",5]"#,
            r#"42/chat,1["set-status",{"status":"busy"}]"#,
            r#"42/chat,1["shareStatus",{"chatId":"team","status":"typing"}]"#,
            r#"42/chat,1["sendMessage",{"chatId":"team","content":"x"}]"#,
            r#"42/chat,1["chat-history",{"chatId":"team"}]"#,
            r#"42/chat,1["join-chat",{"chatId":"team","lastSeq":0}]"#,
        ] {
            let mut line = house.come();
            // Whether all of it is taken, or the connection is cut, is the server's to say.
            let _ = line.pour(&text_frame(event).repeat(2_000));
        }
    });
    assert_eq!(house.hearers("team"), 0);
}

#[test]
fn a_flood_by_polling() {
    let house = House::open();
    house.while_somebody_is_answered(|| {
        let (mut line, target) = house.poll();
        let event = r#"42/chat,["sendMessage",{"chatId":"team","content":"x"}]"#;
        let body = [event; 1_500].join("\u{1e}");
        for _ in 0..20 {
            let answer = line.post(&target, &body);
            // It never polls: at some time its buffer is full and the session ends.
            if answer.status == 400 {
                break;
            }
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        line.post(&target, "1");
    });
}

#[test]
fn ten_thousand_conversations_are_joined() {
    let house = House::open();
    house.while_somebody_is_answered(|| {
        let mut line = house.come();
        let (mut taken, mut refused) = (0, 0);
        for n in 0..10_000 {
            line.send(text_frame(&format!(
                r#"42/chat,{n}["join-chat",{{"chatId":"room-{n}","lastSeq":0}}]"#
            )));
            let answer = acknowledged(&mut line);
            if answer.contains("\"success\":true") {
                taken += 1;
            } else {
                assert!(answer.contains("too_many_chats"), "{answer}");
                refused += 1;
            }
        }
        // What one client hears at once is bounded, and it is told.
        assert_eq!((taken, refused), (1_000, 9_000));
        assert_eq!((house.hearers("room-0"), house.hearers("room-9999")), (1, 0));
    });
    assert!((0..1_000).all(|n| house.hearers(&format!("room-{n}")) == 0), "every room is empty again");
}

#[test]
fn a_storm_of_clients_that_come_and_go() {
    let house = House::open();
    house.while_somebody_is_answered(|| {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..200 {
                        let mut line = Line::open(house.address());
                        assert_eq!(line.upgrade(ENGINE).status, 101);
                        match n % 4 {
                            // Gone at once, or while it is let in, or while it is brought to what it missed.
                            0 => {}
                            1 => line.send(text_frame(&format!("40/chat,{}", house.auth))),
                            2 => line.join("/chat", &house.auth),
                            _ => {
                                line.join("/chat", &house.auth);
                                let join = r#"42/chat,1["join-chat",{"chatId":"witness","lastSeq":0}]"#;
                                line.send(text_frame(join));
                            }
                        }
                        if n % 20 == 0 {
                            let (mut polls, target) = house.poll();
                            polls.post(&target, "1");
                        }
                    }
                });
            }
        });
    });
    assert_eq!((house.seats(Side::Agent, "wes@acme.io"), house.hearers("witness")), (0, 0));
}

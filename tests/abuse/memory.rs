//! What many connections have taken is given back, or used again: the real binary, whose memory is its own.

use appengine_actors::clock::{Clock, SystemClock};

use crate::support::binary::House;
use crate::support::{ADA, ORG, PATIENCE};
use crate::wire::{ENGINE, Line, text_frame};

#[test]
fn memory_does_not_grow_with_those_who_were_there() {
    let house = House::new();
    let server = house.start();
    let token = house.token(&["--org", ORG, "--email", ADA]);
    let auth = format!(r#"{{"token":"{token}","orgId":"{ORG}"}}"#);
    let owner = house.owner(&server);
    let address = server.address().parse().unwrap();
    let metrics = || owner.get("/monitoring/system-metrics", 200).json();
    let memory = || metrics()["process"]["memoryBytes"].as_u64().unwrap() >> 20;
    let mut after = Vec::new();
    for round in 0..6 {
        let lines: Vec<Line> = (0..400)
            .map(|n| {
                let mut line = Line::open(address);
                assert_eq!(line.upgrade(ENGINE).status, 101);
                line.join("/chat", &auth);
                // Ten rooms of forty, in which each tells the others something. What is stored is measured elsewhere:
                // it is kept by the store's caches, up to their bounds.
                let room = n % 10;
                line.send(text_frame(&format!(r#"42/chat,1["join-chat",{{"chatId":"room-{room}"}}]"#)));
                let told =
                    format!(r#"42/chat,2["shareStatus",{{"chatId":"room-{room}","status":"typing"}}]"#);
                line.send(text_frame(&told).repeat(20));
                line
            })
            .collect();
        assert_eq!(metrics()["sockets"]["streams"], 400, "round {round}");
        drop(lines);
        let begun = SystemClock::new();
        while metrics()["sockets"]["streams"] != 0 {
            assert!(begun.elapsed() < PATIENCE, "round {round}: {}", metrics()["sockets"]);
        }
        after.push(memory());
    }
    // Two rounds fill caches. Had each connection of the others left ten kilobytes, it would be more than this.
    assert!(after[5] < after[1] + 16, "MiB after each round: {after:?}");
    server.stop();
}

//! Socket.IO 5, packet by packet, as its protocol document has it; each table over both transports.

use super::house::House;
use super::script::Step::{Ended, Hear, HearBytes, Say, SayBytes};
use super::script::{Step, Talker};

const JOIN: Step = Say(r#"40/echo,{"token":"agent:amy@acme.io","orgId":"acme"}"#);
const JOINED: Step = Hear(r#"40/echo,{"sid":…"#);
const GREETED: Step = Hear(r#"42/echo,["authenticate",{"success":true}]"#);

fn play(script: &[Step]) {
    let house = House::open();
    for mut talker in Talker::both(house.address) {
        talker.play(script);
    }
}

#[test]
fn a_namespace_is_joined_with_and_without_a_payload() {
    play(&[
        JOIN,
        JOINED,
        GREETED,
        // The main namespace has no name in its packets.
        Say(r#"40{"token":"agent:amy@acme.io","orgId":"acme"}"#),
        Hear(r#"40{"sid":…"#),
        Hear(r#"42["authenticate",{"success":true,"user":{"email":"amy@acme.io"…"#),
        // Whoever says nothing about themselves is told so, and let go of that namespace alone.
        Say("40/chat,"),
        Hear(r#"40/chat,{"sid":…"#),
        Hear(r#"42/chat,["authenticate",{"success":false,"error":"missing_orgid"…"#),
        Hear("41/chat,"),
        Say(r#"42/echo,1["number",1]"#),
        Hear(r#"42/echo,["number",1]"#),
        Hear("43/echo,1[1]"),
    ]);
}

#[test]
fn an_unknown_namespace_is_refused_and_the_connection_goes_on() {
    play(&[
        Say("40/nowhere,"),
        Hear(r#"44/nowhere,{"message":"Invalid namespace"}"#),
        Say("40/echo/deeper,{}"),
        Hear(r#"44/echo/deeper,{"message":"Invalid namespace"}"#),
        JOIN,
        JOINED,
        GREETED,
    ]);
}

#[test]
fn joining_twice_is_joining_once() {
    play(&[JOIN, JOINED, GREETED, JOIN, Say(r#"42/echo,1["number",1]"#), Hear(r#"42/echo,["number",1]"#)]);
}

#[test]
fn namespaces_share_a_connection_and_are_left_one_by_one() {
    play(&[
        JOIN,
        JOINED,
        GREETED,
        Say(r#"40/chat,{"token":"agent:amy@acme.io","orgId":"acme"}"#),
        Hear(r#"40/chat,{"sid":…"#),
        Hear(r#"42/chat,["authenticate",{"success":true…"#),
        Say("41/echo,"),
        Say(r#"42/chat,1["set-status",{"status":"busy"}]"#),
        Hear(r#"43/chat,1[{"success":true,"status":"busy"}]"#),
        // And come back to.
        JOIN,
        JOINED,
        GREETED,
    ]);
}

#[test]
fn an_event_before_its_namespace_is_joined_ends_the_connection() {
    for said in
        [r#"42["number",1]"#, r#"42/echo,["number",1]"#, r#"42/chat,["set-status",{}]"#, "43/echo,1[]"]
    {
        play(&[Say(said), Ended]);
    }
    // After it was left, too.
    play(&[JOIN, JOINED, GREETED, Say("41/echo,"), Say(r#"42/echo,["number",1]"#), Ended]);
}

#[test]
fn an_event_is_acknowledged_by_its_own_number_when_it_asks_for_it() {
    play(&[
        JOIN,
        JOINED,
        GREETED,
        Say(r#"42/echo,["number",1]"#),
        Hear(r#"42/echo,["number",1]"#),
        Say(r#"42/echo,0["number",2]"#),
        Hear(r#"42/echo,["number",2]"#),
        Hear("43/echo,0[2]"),
        Say(r#"42/echo,9007199254740991["number",3]"#),
        Hear(r#"42/echo,["number",3]"#),
        Hear("43/echo,9007199254740991[3]"),
    ]);
}

#[test]
fn the_server_asks_and_is_answered() {
    play(&[
        JOIN,
        JOINED,
        GREETED,
        Say(r#"42/echo,["ask",5]"#),
        Hear(r#"42/echo,1["question",5]"#),
        // An answer to nothing is dropped.
        Say("43/echo,77[6]"),
        Say("43/echo,1[7]"),
        Hear(r#"42/echo,["answered",7]"#),
    ]);
}

#[test]
fn bytes_are_sent_beside_their_event() {
    play(&[
        JOIN,
        JOINED,
        GREETED,
        Say(r#"451-/echo,["bytes-back",{"_placeholder":true,"num":0}]"#),
        SayBytes(&[0, 1, 0xfe, 0xff]),
        Hear(r#"451-/echo,["bytes",{"_placeholder":true,"num":0}]"#),
        HearBytes(&[0, 1, 0xfe, 0xff]),
        Say(r#"451-/echo,7["bytes",{"_placeholder":true,"num":0}]"#),
        SayBytes(&[9, 8, 7]),
        Hear(r#"461-/echo,7[{"_placeholder":true,"num":0}]"#),
        HearBytes(&[9, 8, 7]),
        Say(r#"42/echo,["ask-bytes",5]"#),
        Hear(r#"42/echo,1["question",5]"#),
        Say(r#"461-/echo,1[{"_placeholder":true,"num":0}]"#),
        SayBytes(&[1, 2, 3, 4, 5]),
        Hear(r#"42/echo,["answered",5]"#),
        // Nothing at all is something too.
        Say(r#"451-/echo,8["bytes",{"_placeholder":true,"num":0}]"#),
        SayBytes(&[]),
        Hear(r#"461-/echo,8[{"_placeholder":true,"num":0}]"#),
        HearBytes(&[]),
    ]);
}

#[test]
fn broken_packets_end_the_connection() {
    for said in [
        // No such type; CONNECT_ERROR is the server's alone.
        "48",
        "4x/echo,",
        r#"44/echo,{"message":"x"}"#,
        // No event, no name, no list.
        "42/echo,",
        "42/echo,{}",
        "42/echo,[]",
        "42/echo,[5]",
        "42/echo,[\"number\"",
        "42/echo,1",
        // An acknowledgement without its number.
        "43/echo,[1]",
        "43/echo,",
        // Attachments that are no number, or more than are taken.
        "45/echo,[\"bytes\"]",
        "45-/echo,[\"bytes\"]",
        "45x-/echo,[\"bytes\"]",
        "4517-/echo,[\"bytes\",{\"_placeholder\":true,\"num\":0}]",
        "4599999999999999999999-/echo,[\"bytes\"]",
    ] {
        play(&[JOIN, JOINED, GREETED, Say(said), Ended]);
    }
}

#[test]
fn bytes_that_belong_to_nothing_end_the_connection() {
    play(&[JOIN, JOINED, GREETED, SayBytes(&[1]), Ended]);
    // An event that is begun before the bytes of the one before have come.
    play(&[
        JOIN,
        JOINED,
        GREETED,
        Say(r#"451-/echo,1["bytes",{"_placeholder":true,"num":0}]"#),
        Say(r#"42/echo,2["number",2]"#),
        Ended,
    ]);
}

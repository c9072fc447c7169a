//! Bytes that are not what they should be.

use crate::house::{House, POLL};
use crate::wire::{ENGINE, Line, frame, text_frame};

const TEN_MEGABYTES: usize = 10 << 20;

/// The head of a frame that says how long it is, which may be a lie.
fn head(first: u8, length: u64) -> Vec<u8> {
    [&[first, 0x80 | 127], length.to_be_bytes().as_slice(), &[0; 4]].concat()
}

#[test]
fn packets_of_ten_megabytes_end_their_connection() {
    let house = House::open();
    house.while_somebody_is_answered(|| {
        let large = "x".repeat(TEN_MEGABYTES);
        let word = format!(r#"42/chat,1["sendMessage",{{"chatId":"team","content":"{large}"}}]"#);
        let bytes = vec![7; TEN_MEGABYTES];
        // Continued ten times, each part within the limit of a frame.
        let part = |first: u8| [head(first, 1 << 20), vec![b'x'; 1 << 20]].concat();
        let parts = [part(0x01), part(0x00).repeat(9)].concat();
        for said in [
            text_frame(&word),
            frame(2, &bytes),
            parts,
            // So long that nobody could have it.
            head(0x81, u64::MAX >> 1),
            head(0x82, 1 << 40),
        ] {
            let mut line = house.come();
            // Whether it is all written before the end is a matter of luck.
            let _ = line.pour(&said);
            line.wait_for_end();
        }
        // An attachment may be as large as a message, and all of one event together no larger.
        let mut line = house.come();
        let event = r#"4516-/chat,["no-such-event",{"_placeholder":true,"num":0}]"#;
        line.send(text_frame(event));
        let _ = line.pour(&frame(2, &vec![7; 1 << 19]).repeat(16));
        line.wait_for_end();
    });
}

#[test]
fn bodies_of_ten_megabytes_are_refused() {
    let house = House::open();
    house.while_somebody_is_answered(|| {
        for _ in 0..2 {
            let (mut line, target) = house.poll();
            line.send(format!(
                "POST {target} HTTP/1.1\r\nhost: x\r\ncontent-length: {TEN_MEGABYTES}\r\n\r\n"
            ));
            let _ = line.pour(&vec![b'4'; TEN_MEGABYTES]);
            // It may have hung up on whoever goes on writing, and then there is no answer to be read.
            line.wait_for_end();
            Line::open(house.address()).post(&target, "1");
        }
    });
    assert_eq!(Line::open(house.address()).get(POLL).status, 200);
}

/// Good packets with some of their bytes changed, and bytes that were never good. The same on each run.
#[test]
fn nonsense_harms_nobody() {
    let house = House::open();
    // Marsaglia's xorshift.
    let mut state = 88_172_645_463_325_252_u64;
    let mut below = move |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % n
    };
    let good = [
        r#"42/chat,1["sendMessage",{"chatId":"team","content":"x"}]"#,
        r#"42/chat,1["join-chat",{"chatId":"team","lastSeq":0}]"#,
        r#"42/chat,1["shareStatus",{"chatId":"team","status":"typing"}]"#,
        r#"451-/chat,1["blob",{"_placeholder":true,"num":0}]"#,
        r#"40/chat,{"token":"x","orgId":"acme","context":{"cursors":{"team":1}}}"#,
        "41/chat,",
        r#"43/chat,1["x"]"#,
        "2",
        "3",
    ];
    house.while_somebody_is_answered(|| {
        for _ in 0..200 {
            let mut line = house.come();
            for _ in 0..10 {
                let mut bytes = good[below(good.len())].as_bytes().to_vec();
                for _ in 0..below(4) {
                    let (at, with) = (below(bytes.len()), u8::try_from(below(128)).unwrap());
                    bytes[at] = with;
                }
                if below(5) == 0 {
                    bytes.truncate(below(bytes.len()));
                }
                let opcode = [1, 1, 1, 1, 1, 2, 0, 9, 10, 3][below(10)];
                if !line.pour(&frame(opcode, &bytes)) {
                    break;
                }
            }
        }
        for _ in 0..100 {
            let mut line = Line::open(house.address());
            assert_eq!(line.upgrade(ENGINE).status, 101);
            let bytes: Vec<u8> = (0..below(300)).map(|_| u8::try_from(below(256)).unwrap()).collect();
            let _ = line.pour(&bytes);
        }
    });
}

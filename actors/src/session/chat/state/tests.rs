use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::clock::Timestamp;
use crate::ids::MessageId;
use crate::session::chat::ChatId;
use crate::session::line::GROUP;

type State = ChatState<u32>;

fn draft(n: u64, client_id: Option<&str>) -> MessageDraft {
    MessageDraft {
        client_id: client_id.map(str::to_owned),
        ..MessageDraft::of_server(MessageId::new(Timestamp::from_millis(n)), json!(n))
    }
}

fn numbered(drafts: Vec<MessageDraft>, after: u64) -> Vec<Message> {
    let chat = ChatId::new("team").unwrap();
    let number =
        |(draft, seq): (MessageDraft, u64)| draft.into_message(chat.clone(), seq, Timestamp::default());
    drafts.into_iter().zip(after + 1..).map(number).collect()
}

/// Writes what is next, as the actor does.
fn write(state: &mut State) -> Vec<(u32, Message)> {
    let group = state.next_group();
    let new = numbered(group, state.last());
    state.wrote(new, &[])
}

#[test]
fn one_group_is_written_at_a_time_and_the_rest_is_in_the_next() {
    let mut state = State::new(Vec::new());
    state.say(draft(1, None), 1).unwrap();
    let first = state.next_group();
    assert_eq!(first.len(), 1);
    for n in 2..100 {
        state.say(draft(n, None), u32::try_from(n).unwrap()).unwrap();
    }
    assert_eq!(state.next_group(), [], "the first is not on the disk yet");
    let answers = state.wrote(numbered(first, 0), &[]);
    assert_eq!(answers.iter().map(|(wait, m)| (*wait, m.seq)).collect::<Vec<_>>(), [(1, 1)]);
    assert_eq!((write(&mut state).len(), state.last()), (GROUP, 65));
    assert_eq!((write(&mut state).len(), state.last(), state.is_quiet()), (34, 99, true));
}

#[test]
fn what_is_asked_for_again_is_said_once_and_answered_to_both() {
    let mut state = State::new(Vec::new());
    let one = draft(1, Some("c-1"));
    state.say(one.clone(), 1).unwrap();
    state.say(one, 2).unwrap();
    state.say(draft(2, Some("c-1")), 3).unwrap();
    let group = state.next_group();
    state.say(draft(3, Some("c-1")), 4).unwrap();
    let answers = state.wrote(numbered(group, 0), &[]);
    assert_eq!(
        answers.iter().map(|(wait, m)| (*wait, m.seq)).collect::<Vec<_>>(),
        [(1, 1), (2, 1), (3, 1), (4, 1)]
    );
    assert!(state.is_quiet());
}

#[test]
fn what_was_said_before_is_answered_with_that() {
    let mut state = State::new(Vec::new());
    let said = numbered(vec![draft(1, Some("c-1"))], 0);
    state.wrote(said.clone(), &[]);
    state.say(draft(2, Some("c-1")), 7).unwrap();
    state.next_group();
    assert_eq!(state.wrote(Vec::new(), &said), [(7, said[0].clone())]);
    assert_eq!(state.last(), 1);
}

#[test]
fn too_much_is_refused_and_what_failed_leaves_no_gap() {
    let mut state = State::new(Vec::new());
    for n in 0..MOST_WAITING as u64 {
        state.say(draft(n, None), 0).unwrap();
    }
    assert_eq!(state.say(draft(999, None), 0), Err(Busy));
    state.next_group();
    assert_eq!(state.failed().len(), GROUP);
    assert_eq!((write(&mut state).first().map(|(_, m)| m.seq), state.last()), (Some(1), GROUP as u64));
}

#[test]
fn a_group_that_is_written_again_keeps_its_place() {
    let mut state = State::new(Vec::new());
    state.say(draft(1, None), 1).unwrap();
    state.next_group();
    state.say(draft(2, None), 2).unwrap();
    let late = draft(3, None);
    state.say(late.clone(), 3).unwrap();
    let answers = state.again(numbered(vec![draft(9, None), late], 0), &[]);
    assert_eq!(
        answers.iter().map(|(wait, m)| (*wait, m.seq)).collect::<Vec<_>>(),
        [(3, 2)],
        "it was written"
    );
    let answers = write(&mut state);
    assert_eq!(answers.iter().map(|(wait, m)| (*wait, m.seq)).collect::<Vec<_>>(), [(1, 3), (2, 4)]);
}

proptest! {
    /// Whatever is said, fails and is written: numbers rise by one, and memory has an unbroken end of them.
    #[test]
    fn numbers_have_no_gap(steps in proptest::collection::vec((0..4_u8, 1..90_u64), 1..60)) {
        let mut state = State::new(Vec::new());
        let (mut all, mut next, mut group) = (Vec::new(), 0, Vec::new());
        for (step, count) in steps {
            match step {
                0 => for _ in 0..count {
                    next += 1;
                    _ = state.say(draft(next, None), 0);
                },
                1 if group.is_empty() => group = state.next_group(),
                2 => {
                    state.failed();
                    group.clear();
                }
                _ => {
                    let new = numbered(std::mem::take(&mut group), state.last());
                    all.extend(new.iter().map(|message| message.seq));
                    state.wrote(new, &[]);
                }
            }
            prop_assert_eq!(state.last(), all.len() as u64);
            prop_assert!(all.iter().copied().eq(1..=all.len() as u64));
            for seq in state.last().saturating_sub(5)..=state.last() {
                let since = state.since(seq).map(|found| found.iter().map(|m| m.seq).collect::<Vec<_>>());
                prop_assert_eq!(since, Some((seq + 1..=state.last()).collect()));
            }
        }
    }
}

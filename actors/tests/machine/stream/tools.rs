//! Tools: the server's are used in the name of whoever asks, others by whoever reads.

use std::time::Duration;

use appengine_actors::session::stream::StreamsError;
use appengine_actors::session::stream::messages::{StreamError, ToolOutput};

use super::*;

fn output(id: &str, output: Value) -> ToolOutput {
    ToolOutput { id: id.to_owned(), output, is_error: false }
}

#[actix::test]
async fn the_servers_own_are_used_and_the_model_goes_on() {
    let (house, model) = start();
    let id = begin(&house).await;
    let turn = model.turn();
    turn.says("I look.");
    turn.wants("1", "server.echo");
    turn.wants("2", "server.nothing");
    turn.wants("3", "server.large");
    turn.piece(Piece::Finish(Finish::ToolCalls));
    quiet().await;
    let next = model.turn();
    let told = next.prompt.messages.iter().filter_map(|message| match message {
        Message::Tool { id, output, is_error, .. } => Some((id.as_str(), output.clone(), *is_error)),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    let echoed = json!({"org": house.org, "by": "ada@example.com", "input": {"q": 1, "unit": "mm"}});
    assert_eq!(told[0], ("1", echoed, false));
    assert!(told[1].2 && told[2].2, "{told:?}");
    next.says("Found.");
    next.finishes();
    let (frames, is_over) = read(&house, id, 0).await;
    assert!(is_over);
    assert_eq!(
        words(&frames),
        "I look.[1 server.echo][2 server.nothing][3 server.large][1 done][2 failed][3 failed]Found.[stop]"
    );
}

#[actix::test]
async fn the_run_waits_for_those_of_whoever_reads_also_across_a_restart() {
    let (house, model) = start();
    let id = begin(&house).await;
    model.turn().wants("1", "client.map");
    model.turn().wants("2", "client.map");
    model.turn().piece(Piece::Finish(Finish::ToolCalls));
    let (frames, is_over) = read(&house, id, 0).await;
    assert!(!is_over);
    assert_eq!(words(&frames), "[1 client.map!][2 client.map!]");
    let house = house.crash(0);
    quiet().await;
    let take = async |results: Vec<ToolOutput>| streams(&house).take_results(&house.org, id, results).await;
    let unasked = |id: &str| Err(StreamsError::Stream(StreamError::Unasked(id.to_owned())));
    assert_eq!(take(vec![output("3", json!(1))]).await, unasked("3"));
    assert_eq!(take(vec![output("1", json!(1)), output("1", json!(2))]).await, unasked("1"));
    assert_eq!(take(vec![output("1", json!(1))]).await, Ok(()));
    assert_eq!(take(vec![output("1", json!(2))]).await, unasked("1"));
    assert_eq!(model.turns().len(), 1, "it waits for both");
    assert_eq!(take(vec![output("2", json!("here"))]).await, Ok(()));
    quiet().await;
    assert_eq!(model.turns().len(), 2);
    model.turn().says("There.");
    model.turn().finishes();
    let (frames, is_over) = read(&house, id, 0).await;
    assert!(is_over);
    assert_eq!(words(&frames), "[1 client.map!][2 client.map!][1 done][2 done]There.[stop]");
    assert_eq!(take(vec![output("2", json!(1))]).await, Err(StreamsError::Stream(StreamError::Over)));
}

#[actix::test]
async fn the_run_does_not_wait_for_ever() {
    let (house, model) = start();
    let id = begin(&house).await;
    model.turn().wants("1", "client.map");
    model.turn().piece(Piece::Finish(Finish::ToolCalls));
    house.advance(Duration::from_secs(599)).await;
    assert!(!read(&house, id, 0).await.1);
    house.advance(Duration::from_secs(2)).await;
    let (frames, is_over) = read(&house, id, 0).await;
    assert!(is_over);
    assert_eq!(words(&frames), "[1 client.map!][tools_unanswered]");
}

#[actix::test]
async fn a_model_that_only_uses_tools_comes_to_an_end() {
    let (house, model) = start();
    let id = begin(&house).await;
    for _ in 0..5 {
        model.turn().wants("1", "server.echo");
        model.turn().piece(Piece::Finish(Finish::ToolCalls));
        quiet().await;
    }
    assert_eq!(model.turns().len(), 5);
    let (frames, is_over) = read(&house, id, 0).await;
    assert!(is_over && words(&frames).ends_with("[step_limit]"), "{}", words(&frames));
}

//! Readers come and go, from wherever they are.

use super::*;

#[actix::test]
async fn an_answer_is_told_kept_and_remembered() {
    let (house, model) = start();
    let begun = Beginning { conversation: Some("c1".to_owned()), ..beginning(&house, "Hello?") };
    let id = streams(&house).begin(&house.org, begun).await.unwrap();
    quiet().await;
    let turn = model.turn();
    assert_eq!(turn.prompt.system, "Be kind.");
    turn.piece(Piece::Model("gpt-x".to_owned()));
    turn.says("Hel");
    quiet().await;
    turn.says("lo");
    turn.finishes();
    let (frames, is_over) = read(&house, id, 0).await;
    assert!(is_over);
    assert_numbered(&frames, 0);
    assert_eq!(words(&frames), "Hello[stop]");
    let head = head(&house, id).await;
    let Said::Start { stream_id, message_id, model } = &*frames[0].said else { panic!("{frames:?}") };
    assert_eq!(
        (stream_id, message_id, model.as_str()),
        (&id.to_string(), &head.message_id.to_string(), "gpt-x")
    );
    let usage = Said::Usage { input_tokens: 10, output_tokens: 5, estimated: false };
    assert_eq!(*frames[frames.len() - 2].said, usage);
    assert_eq!(
        (head.status, head.finish.as_deref(), head.last, head.output_tokens),
        (StreamStatus::Done, Some("stop"), frames.len() as u64, 5)
    );
    let exchanges = streams(&house).exchanges(&house.org, "c1", 10).await.unwrap();
    let [exchange] = exchanges.as_slice() else { panic!("{exchanges:?}") };
    assert_eq!((exchange.question.as_str(), exchange.answer.as_str()), ("Hello?", "Hello"));
    assert_eq!(exchange.sk, head.message_id);
    assert_eq!(
        events(&house, "ai.run.completed").await,
        [json!({
            "streamId": id, "messageId": head.message_id, "conversationId": "c1", "chatId": null, "assistantId": null, "model": "gpt-x",
            "status": "done", "finishReason": "stop", "inputTokens": 10, "outputTokens": 5,
        })]
    );
}

#[actix::test]
async fn a_reader_begins_anywhere_and_has_what_is_behind_it_once() {
    let (house, model) = start();
    let id = begin(&house).await;
    let turn = model.turn();
    for word in 0..40 {
        turn.says(&format!("{word} {} ", "x".repeat(300)));
        quiet().await;
    }
    let (half, is_over) = read(&house, id, 0).await;
    assert!(!is_over && half.len() > 40, "{}", half.len());
    turn.finishes();
    let (all, is_over) = read(&house, id, 0).await;
    assert!(is_over);
    assert_numbered(&all, 0);
    assert_eq!(all[..half.len()], half);
    for place in 0..=all.len() as u64 {
        let (rest, is_over) = read(&house, id, place).await;
        assert!(is_over);
        assert_eq!(rest, all[usize::try_from(place).unwrap()..], "behind {place}");
    }
    // A place that nobody has is behind the end.
    assert_eq!(read(&house, id, 10_000).await, (Vec::new(), true));
}

#[actix::test]
async fn whoever_waits_is_told_as_it_comes_and_whoever_is_slow_holds_up_nobody() {
    let (house, model) = start();
    let id = begin(&house).await;
    let turn = model.turn();
    let head = head(&house, id).await;
    let mut quick = streams(&house).read(&head, 0);
    let mut slow = streams(&house).read(&head, 0);
    let mut heard = Vec::new();
    for word in ["a", "b", "c"] {
        turn.says(word);
        quiet().await;
        heard.extend(quick.next().await.unwrap().unwrap());
    }
    assert_eq!(words(&heard), "abc");
    turn.finishes();
    quiet().await;
    let mut late = Vec::new();
    while let Some(frames) = slow.next().await.unwrap() {
        late.extend(frames);
    }
    while let Some(frames) = quick.next().await.unwrap() {
        heard.extend(frames);
    }
    assert_eq!(late, heard);
    assert_numbered(&late, 0);
}

#[actix::test]
async fn words_that_come_faster_than_they_are_kept_are_one_frame() {
    let (house, model) = start();
    let id = begin(&house).await;
    for _ in 0..1_000 {
        model.turn().says("word ");
    }
    model.turn().finishes();
    let (frames, _) = read(&house, id, 0).await;
    assert_eq!(words(&frames).len(), 5_000 + "[stop]".len());
    assert!(frames.len() < 200, "{}", frames.len());
    let long = "x".repeat(200_000);
    let id = begin(&house).await;
    model.turn().says(&long);
    model.turn().finishes();
    let (frames, is_over) = read(&house, id, 0).await;
    assert!(is_over);
    assert_eq!(words(&frames), format!("{long}[stop]"));
}

#[actix::test]
async fn what_nobody_reads_is_kept_all_the_same() {
    let (house, model) = start();
    let id = begin(&house).await;
    model.turn().says("Nobody hears this.");
    model.turn().finishes();
    house.advance(std::time::Duration::from_secs(60)).await;
    let house = house.restart().await;
    let (frames, is_over) = read(&house, id, 0).await;
    assert!(is_over);
    assert_eq!(words(&frames), "Nobody hears this.[stop]");
}

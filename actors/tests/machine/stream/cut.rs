//! Runs that are cut: by the death of their actor, of the process, or of the model.

use appengine_actors::store::StoreError;

use super::*;

const INTERRUPTED: &str = "Half[interrupted]";

#[actix::test]
async fn a_run_that_a_restart_has_cut_breaks_off_in_so_many_words() {
    let (house, model) = start();
    let id = begin(&house).await;
    model.turn().says("Half");
    let (before, _) = read(&house, id, 0).await;
    let house = house.crash(0);
    quiet().await;
    let (frames, is_over) = read(&house, id, 0).await;
    assert!(is_over);
    assert_eq!(words(&frames), INTERRUPTED);
    assert_numbered(&frames, 0);
    assert_eq!(frames[..before.len()], before, "what was told stays as it was");
    let Said::Error { retryable, .. } = &*frames[frames.len() - 1].said else { panic!() };
    assert!(retryable);
    assert_eq!(head(&house, id).await.status, StreamStatus::Failed);
    assert_eq!(events(&house, "ai.run.failed").await.len(), 1);
    // It is over once, however often the server starts.
    let house = house.crash(0);
    assert_eq!(read(&house, id, 0).await, (frames, true));
    assert_eq!(model.turns().len(), 1);
}

#[actix::test]
async fn or_it_goes_on_where_it_was() {
    let (house, model) = start_with(|setup| setup.settings.streams.resume = true);
    let id = begin(&house).await;
    model.turn().says("Half");
    let (before, _) = read(&house, id, 0).await;
    let house = house.crash(0);
    quiet().await;
    let messages = model.turn().prompt.messages;
    assert!(
        matches!(messages.as_slice(), [Message::User { .. }, Message::Assistant { text, .. }, Message::User { .. }] if text == "Half"),
        "{messages:?}"
    );
    model.turn().says(" and half");
    model.turn().finishes();
    let (frames, is_over) = read(&house, id, before.len() as u64).await;
    assert!(is_over);
    assert_numbered(&frames, before.len() as u64);
    assert_eq!(words(&frames), " and half[stop]");
    assert_eq!(words(&read(&house, id, 0).await.0), "Half and half[stop]");
}

#[actix::test]
async fn one_that_was_only_begun_is_asked_after_the_restart() {
    let (house, model) = start();
    let id = streams(&house).begin(&house.org, beginning(&house, "Hello?")).await.unwrap();
    let house = house.crash(0);
    quiet().await;
    model.turn().says("Late");
    model.turn().finishes();
    assert_eq!(words(&read(&house, id, 0).await.0), "Late[stop]");
}

#[actix::test]
async fn readers_find_the_run_again_when_its_actor_has_died() {
    let (house, model) = start_with(|setup| setup.settings.streams.resume = true);
    let id = begin(&house).await;
    model.turn().says("Half");
    quiet().await;
    let mut reader = streams(&house).read(&head(&house, id).await, 0);
    let mut frames = reader.next().await.unwrap().unwrap();
    // The store refuses a page: the actor goes, and nobody has heard of what was on it.
    house.store().fail_next(1, &StoreError::Unavailable("the disk is full".to_owned()));
    model.turn().says(" lost");
    quiet().await;
    let next = reader.next();
    let (more, ()) = futures_util::join!(next, async {
        quiet().await;
        model.turn().says(" and half");
        model.turn().finishes();
    });
    frames.extend(more.unwrap().unwrap());
    while let Some(more) = reader.next().await.unwrap() {
        frames.extend(more);
    }
    assert_numbered(&frames, 0);
    assert_eq!(words(&frames), "Half and half[stop]");
}

#[actix::test]
async fn a_model_that_fails_is_told_of_in_the_stream() {
    for (cut, code) in [(true, "stream_broken"), (false, "provider_unavailable")] {
        let (house, model) = start();
        let id = begin(&house).await;
        model.turn().says("Half");
        quiet().await;
        if cut {
            model.hang_up();
        } else {
            let message = "reach the provider".to_owned();
            model.turn().fails(ModelError { code: "provider_unavailable", message, retryable: true });
        }
        let (frames, is_over) = read(&house, id, 0).await;
        assert!(is_over);
        assert_eq!(words(&frames), format!("Half[{code}]"));
        let head = head(&house, id).await;
        assert_eq!((head.status, head.finish.as_deref()), (StreamStatus::Failed, Some(code)));
    }
}

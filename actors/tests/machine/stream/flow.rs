//! Flows in which an assistant answers.

use appengine_actors::flow::run::RunStatus;
use appengine_actors::ids::RecordId;

use super::*;

async fn saved(house: &TestHouse, trigger: &str, config: Value) -> RecordId {
    let note = json!({"datatype": "note", "data": {"text": "{{answer}}", "by": "{{model}}"}});
    let actions = json!([{"type": "ai_agent", "config": config}, {"type": "create_data", "config": note}]);
    house.short_flow(trigger, actions).await
}

#[actix::test]
async fn the_answer_is_a_variable_and_is_asked_for_once() {
    let (house, model) = start();
    house.found_org().await;
    let assistant = json!({"name": "helper", "description": "You help.", "status": "active"});
    let assistant = house.create("ai_assistant", assistant).await;
    let config = json!({"assistantId": assistant.sk, "message": "Greet {{name}}"});
    let flow = saved(&house, "order.paid", config).await;
    house.publish("order.paid", json!({"name": "Ann"})).await;
    quiet().await;
    let turn = model.turn();
    assert_eq!(turn.prompt.system, "You help.");
    let asked = Message::User { text: "Greet Ann".to_owned(), images: Vec::new() };
    assert_eq!(turn.prompt.messages, [asked]);
    turn.piece(Piece::Model("gpt-x".to_owned()));
    turn.says("Hello, Ann");
    // The step gives its place to others, and is taken again.
    for _ in 0..3 {
        house.advance(std::time::Duration::from_secs(11)).await;
        house.advance(std::time::Duration::from_secs(2)).await;
    }
    assert_eq!(model.turns().len(), 1, "the same answer");
    turn.finishes();
    for _ in 0..3 {
        house.advance(std::time::Duration::from_secs(2)).await;
    }
    let runs = house.runs(&flow).await;
    assert_eq!(runs[0].status, RunStatus::Completed, "{runs:?}");
    assert_eq!(runs[0].step_count, 2, "a step that is taken again counts once");
    let notes = house.records("note").await;
    assert_eq!(notes[0].data["text"], "Hello, Ann");
    assert_eq!(notes[0].data["by"], "gpt-x");
}

#[actix::test]
async fn an_answer_that_broke_off_is_asked_for_anew() {
    let (house, model) = start();
    house.found_org().await;
    let config = json!({"message": "Hello", "retry": {"maxRetries": 2, "retryDelaySeconds": 1}});
    let flow = saved(&house, "order.paid", config).await;
    house.publish("order.paid", json!({})).await;
    quiet().await;
    model.turn().says("Half");
    quiet().await;
    let house = house.crash(0);
    for _ in 0..90 {
        house.advance(std::time::Duration::from_secs(1)).await;
    }
    assert_eq!(model.turns().len(), 2);
    model.turn().says("Whole");
    model.turn().finishes();
    for _ in 0..5 {
        house.advance(std::time::Duration::from_secs(2)).await;
    }
    assert_eq!(house.runs(&flow).await[0].status, RunStatus::Completed);
    assert_eq!(house.records("note").await[0].data["text"], "Whole");
}

#[actix::test]
async fn answers_that_lead_to_answers_come_to_an_end() {
    let (house, model) = start();
    house.found_org().await;
    let flow = saved(&house, "ai.run.completed", json!({"message": "Again"})).await;
    let id = begin(&house).await;
    model.turn().finishes();
    let mut turns = 1;
    for _ in 0..50 {
        house.advance(std::time::Duration::from_secs(1)).await;
        if model.turns().len() > turns {
            turns = model.turns().len();
            model.turn().finishes();
        }
    }
    assert!(read(&house, id, 0).await.1);
    let runs = house.runs(&flow).await;
    assert!(runs.iter().any(|run| run.status == RunStatus::Cancelled), "{runs:?}");
    assert!((2..10).contains(&turns), "{turns}");
}

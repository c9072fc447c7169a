//! How API keys are used, as their records show it.

use appengine_actors::clock::Clock;
use appengine_actors::keys;
use appengine_actors::record::model::Record;
use appengine_actors::store::{Store, decode};
use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{House, ORG};

/// The statuses of a visit with a key to each of these.
async fn visits(house: &House, key: &Value, paths: &[&str]) -> Vec<u16> {
    let headers = [("orgid", ORG), ("x-api-key", key.as_str().unwrap())];
    let mut statuses = Vec::new();
    for path in paths {
        statuses.push(house.visit(Method::GET, path, &headers, Value::Null).await.0);
    }
    statuses
}

#[actix_web::test]
async fn what_a_key_was_let_through_with_is_shown_within_a_minute() {
    let house = House::open().await;
    let ada = house.owner();
    let rates = json!({"perMinute": 3});
    let body = json!({"name": "k", "scopes": ["read:data"], "rateLimits": rates});
    let made = ada.done("/api-key/create", body).await;
    let path = format!("/repository/get/apikey/{}", made["sk"].as_str().unwrap());
    let (key, before) = (&made["data"]["key"], ada.get(&path).await.1);
    assert_eq!(before["data"]["usageStats"], json!({"totalRequests": 0}));
    let log = ada.get("/events?limit=500").await.1;
    let (who, deliveries) = ("/profile/whoami", "/webhooks/deliveries");
    assert_eq!(visits(&house, key, &[who, deliveries, who, who, who]).await, [200, 403, 200, 200, 429]);
    let last = house.clock.now();
    assert_eq!(ada.get(&path).await.1, before);
    house.clock.advance(std::time::Duration::from_secs(60));
    let mut after = before.clone();
    for _ in 0..1_000 {
        after = ada.get(&path).await.1;
        if after != before {
            break;
        }
    }
    let mut expected = before.clone();
    expected["data"]["lastUsedAt"] = json!(last);
    expected["data"]["usageStats"] = json!({"totalRequests": 3, "firstUsedAt": last});
    assert_eq!(after, expected, "and neither version nor time");
    assert_eq!(ada.get("/events?limit=500").await.1, log);
    // It goes on from there, also where somebody sends back what they read before.
    let renamed = json!({"data": {"name": "n", "usageStats": before["data"]["usageStats"]}});
    let renamed = ada.done(&path.replace("/get/", "/update/"), renamed).await;
    assert_eq!(
        (&renamed["data"]["usageStats"], &renamed["version"]),
        (&expected["data"]["usageStats"], &json!(1))
    );
}

#[actix_web::test]
async fn a_server_that_stops_in_good_order_loses_no_use() {
    let house = House::open().await;
    let made = house.owner().done("/api-key/create", json!({"name": "k"})).await;
    assert_eq!(visits(&house, &made["data"]["key"], &["/profile/whoami"; 2]).await, [200, 200]);
    let House { app, store, .. } = house;
    app.stop().await;
    let sk = made["sk"].as_str().unwrap().parse().unwrap();
    let key = keys::record(&ORG.parse().unwrap(), &"apikey".parse().unwrap(), &sk);
    let found = store.get(key).await.unwrap().unwrap();
    let record: Record = decode(&found.value).unwrap();
    assert_eq!(record.data["usageStats"]["totalRequests"], 2);
}

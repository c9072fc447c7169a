//! Whatever is sent, the answer is a clear 4xx in the one shape of errors.

use reqwest::Method;
use serde_json::{Value, json};

use crate::house::House;

#[actix_web::test]
async fn bad_input_is_refused_in_the_one_shape() {
    let house = House::open().await;
    let ada = house.owner();
    ada.create("contact", "c-1", json!({})).await;
    let deep = format!("{{\"query\": {}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let nested = format!("{{\"query\": {}1{}}}", "{\"a\":".repeat(40), "}".repeat(40));
    let large = format!("{{\"data\": {{\"x\": \"{}\"}}}}", "x".repeat(200 * 1024));
    let huge = format!("{{\"data\": \"{}\"}}", "x".repeat(2 << 20));
    let table: [(&str, &str, &str, u16); 24] = [
        ("POST", "/repository/find/contact", "{", 400),
        ("POST", "/repository/find/contact", "[]", 400),
        ("POST", "/repository/find/contact", "", 400),
        ("POST", "/repository/find/contact", "{\"query\": []}", 400),
        ("POST", "/repository/find/contact", "{\"options\": 1}", 400),
        ("POST", "/repository/find/contact", "{\"options\": {\"page\": -1}}", 400),
        ("POST", "/repository/find/contact", "{\"options\": {\"lastItem\": \"junk\"}}", 400),
        ("POST", "/repository/find/contact", "{\"query\": {\"modifydate\": {\"$gte\": \"garbage\"}}}", 400),
        ("POST", "/dynamic-query/find", "{\"collection\": \"a\", \"filter\": {\"createdate\": \"x\"}}", 400),
        ("POST", "/repository/find/contact", &deep, 400),
        ("POST", "/repository/find/contact", &nested, 400),
        ("POST", "/repository/find/a%20b", "{}", 400),
        ("POST", "/repository/find/..%2Fcontact", "{}", 400),
        ("GET", "/repository/find-page-data/contact?p=0", "", 400),
        ("GET", "/repository/find-page-data/contact?p=x", "", 400),
        ("GET", "/repository/find-page-data/contact?unknown=1", "", 400),
        ("GET", "/repository/get/contact/%00", "", 400),
        ("POST", "/repository/create/contact", &large, 413),
        ("POST", "/repository/create/contact", &huge, 413),
        ("POST", "/repository/create", "{\"isNew\": true, \"datatype\": 1, \"data\": {}}", 400),
        ("POST", "/repository/update/contact/c-1", "{\"data\": {}, \"version\": \"1\"}", 400),
        ("POST", "/repository/delete/contact", "[1]", 400),
        ("POST", "/repository/aggregate/contact", "\"x\"", 400),
        ("PATCH", "/repository/create", "{}", 405),
    ];
    for (method, path, body, expected) in table {
        let body = (!body.is_empty()).then(|| body.to_owned());
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let (status, problem) = ada.call(method, path, body).await;
        assert_eq!(status, expected, "{path}: {problem}");
        assert_eq!(problem["statusCode"], expected, "{path}: {problem}");
        for field in ["error", "message", "reason", "code", "path"] {
            assert!(problem[field].is_string(), "{path}: {problem}");
        }
    }
    assert_eq!(ada.get("/repository/get/contact/c-1").await.1["version"], Value::from(0));
}

//! stub
use super::admit::Caller;
use crate::problem::Problem;
use serde_json::Value;
pub fn routes() -> Vec<super::route::Route> {
    Vec::new()
}
pub async fn find_page(
    _c: &Caller,
    _r: &appengine_actors::record::service::Records,
    _m: &appengine_actors::machine::Machine,
    _d: &str,
    _q: &Value,
    _o: &Value,
) -> Result<Value, Problem> {
    Err(Problem::internal(&"x"))
}

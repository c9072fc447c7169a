//! stub
pub fn routes() -> Vec<super::route::Route> {
    Vec::new()
}

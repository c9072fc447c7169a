//! REST and SSE. This file is the route table: every path there is, who may call it and what handles
//! it. A handler extracts, builds one message, awaits and maps the reply; it decides nothing.

pub mod admit;
pub mod around;
pub mod automation;
pub mod cors;
pub mod dynamic_query;
pub mod event_types;
pub mod events;
pub mod feed;
pub mod jobs;
pub mod key_limits;
pub mod metrics;
pub mod monitoring;
pub mod openapi;
pub mod page;
pub mod paging;
pub mod people;
pub mod profile;
pub mod queues;
pub mod rate;
pub mod repository;
pub mod route;
pub mod schedules;
pub mod shown;
pub mod take;
pub mod webhooks;

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};

use crate::problem::{Detail, Problem};
use route::Route;

/// Every route, chapter by chapter.
#[must_use]
pub fn routes() -> Vec<Route> {
    let chapters = [
        page::routes(),
        openapi::routes_of_document(),
        profile::routes(),
        people::routes(),
        repository::routes(),
        dynamic_query::routes(),
        events::routes(),
        automation::routes(),
        schedules::routes(),
        webhooks::routes(),
        event_types::routes(),
        monitoring::routes(),
        queues::routes(),
        jobs::routes(),
        feed::routes(),
    ];
    chapters.into_iter().flatten().collect()
}

/// Enters the route table into an App.
pub fn configure(config: &mut web::ServiceConfig) {
    let mut by_path: BTreeMap<&'static str, Vec<Route>> = BTreeMap::new();
    let mut order = Vec::new();
    for route in routes() {
        if !by_path.contains_key(route.path) {
            order.push(route.path);
        }
        by_path.entry(route.path).or_default().push(route);
    }
    // Fixed words before names: `/automation/executions` is no flow's id.
    order.sort_by_key(|path| shape(path));
    for path in order {
        let Some(routes) = by_path.remove(path) else { continue };
        let methods = routes.iter().flat_map(Route::methods);
        let allow = methods.map(|method| method.to_string()).collect::<Vec<_>>().join(", ");
        let mut resource = web::resource(path);
        for route in &routes {
            resource = resource.route(route.make());
        }
        config.service(resource.default_service(web::to(move || {
            let allow = allow.clone();
            async move { HttpResponse::MethodNotAllowed().insert_header(("allow", allow)).finish() }
        })));
    }
    config.app_data(web::PathConfig::default().error_handler(|error, request| {
        // Datatypes and names are taken as they are: what can be wrong is the id, which stands last.
        let part = request.match_info().iter().last().map_or("path", |(name, _)| name);
        let detail = Detail { path: part.to_owned(), message: error.to_string() };
        Problem::invalid_as("invalid_path", "the path cannot be taken", vec![detail]).into()
    }));
}

/// Sorts fixed words before names, part by part.
fn shape(path: &str) -> Vec<(bool, &str)> {
    path.split('/').map(|part| (part.starts_with('{'), part)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_there_once() {
        let mut seen = std::collections::BTreeSet::new();
        for route in routes() {
            assert!(seen.insert((route.path, route.method.to_string())), "{} {}", route.method, route.path);
        }
    }

    #[test]
    fn fixed_words_come_before_names() {
        assert!(shape("/automation/executions") < shape("/automation/{id}"));
        assert!(shape("/a/b/c") < shape("/a/{b}/c"));
    }
}

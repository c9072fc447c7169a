//! REST and SSE. This file is the route table: every path there is, who may call it and what handles
//! it. A handler extracts, builds one message, awaits and maps the reply; it decides nothing.

pub mod admit;
pub mod ai;
pub mod around;
pub mod automation;
pub mod chat;
pub mod community;
pub mod connect;
pub mod cors;
pub mod dynamic_query;
pub mod event_types;
pub mod events;
pub mod feed;
pub mod files;
pub mod jobs;
pub mod keep;
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
pub mod upstream;
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
        ai::routes(),
        people::routes(),
        repository::routes(),
        dynamic_query::routes(),
        events::routes(),
        automation::routes(),
        chat::routes(),
        schedules::routes(),
        community::routes(),
        connect::routes(),
        upstream::routes(),
        webhooks::routes(),
        event_types::routes(),
        monitoring::routes(),
        queues::routes(),
        jobs::routes(),
        feed::routes(),
        files::routes(),
    ];
    chapters.into_iter().flatten().collect()
}

/// Enters the route table into an App. Paths that begin with the same word are one scope: a request is held
/// against the patterns of its own only.
pub fn configure(config: &mut web::ServiceConfig) {
    let mut by_path: BTreeMap<&'static str, Vec<Route>> = BTreeMap::new();
    for route in routes() {
        by_path.entry(route.path).or_default().push(route);
    }
    let mut by_word: BTreeMap<&'static str, Vec<(&'static str, Vec<Route>)>> = BTreeMap::new();
    for (path, routes) in by_path {
        let (word, rest) = path.split_at(first_word(path));
        by_word.entry(word).or_default().push((rest, routes));
    }
    for (word, mut resources) in by_word.into_iter().rev() {
        // Fixed words before names: `/automation/executions` is no flow's id.
        resources.sort_by(|(one, _), (other, _)| shape(one).cmp(&shape(other)));
        let resources = resources.into_iter().map(|(rest, routes)| resource(rest, &routes));
        match word {
            "" => _ = resources.fold(&mut *config, |config, resource| config.service(resource)),
            word => _ = config.service(resources.fold(web::scope(word), actix_web::Scope::service)),
        }
    }
    config.app_data(web::PathConfig::default().error_handler(|error, request| {
        // Datatypes and names are taken as they are: what can be wrong is the id, which stands last.
        let part = request.match_info().iter().last().map_or("path", |(name, _)| name);
        let detail = Detail { path: part.to_owned(), message: error.to_string() };
        Problem::invalid_as("invalid_path", "the path cannot be taken", vec![detail]).into()
    }));
}

/// Where the first part of a path ends, if that is a fixed word: `/automation` of `/automation/{id}`.
fn first_word(path: &str) -> usize {
    let end = path.get(1..).and_then(|path| path.find('/')).map_or(path.len(), |at| at + 1);
    if path == "/" || path.starts_with("/{") { 0 } else { end }
}

/// The routes of one path. Other methods are told which there are.
fn resource(path: &str, routes: &[Route]) -> actix_web::Resource {
    let methods = routes.iter().flat_map(Route::methods);
    let allow = methods.map(|method| method.to_string()).collect::<Vec<_>>().join(", ");
    let resource = routes.iter().fold(web::resource(path), |all, route| all.route(route.make()));
    resource.default_service(web::to(move || {
        let allow = allow.clone();
        async move { HttpResponse::MethodNotAllowed().insert_header(("allow", allow)).finish() }
    }))
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
    fn the_first_word_is_a_whole_one() {
        let table = [("/", 0), ("/{id}/a", 0), ("/a", 2), ("/a/{id}", 2), ("/a.json", 7)];
        for (path, end) in table {
            assert_eq!(first_word(path), end, "{path}");
        }
    }

    #[test]
    fn fixed_words_come_before_names() {
        assert!(shape("/automation/executions") < shape("/automation/{id}"));
        assert!(shape("/a/b/c") < shape("/a/{b}/c"));
    }
}

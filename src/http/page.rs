//! The operator's page and the demos of a chat and of a language model's answers: the files of `static/`, compiled
//! in. They show nothing by themselves: all data comes from the API, to whoever has a token.

use std::sync::LazyLock;

use actix_web::http::header::{self, EntityTag, Header, HeaderName, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse, web};
use sha2::{Digest, Sha256};

use super::route::{Access, Route};
use crate::problem::Problem;

/// The routes of this chapter.
#[must_use]
pub fn routes() -> Vec<Route> {
    let tag = "About";
    vec![
        Route::get("/", Access::Open, index).about(tag, "The operator's page").gives_media(HTML).hidden(),
        Route::get("/static/{file}", Access::Open, file).about(tag, "A part of the operator's page").hidden(),
    ]
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// What the browser holds the page to: its own files and its own server, no inline code, no parsing of
/// HTML by scripts, no frames, and no form that leaves by itself and would carry a password in a URL.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

const SECURITY: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
    (header::CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
];

/// A file of the page.
struct Asset {
    name: &'static str,
    media: &'static str,
    bytes: &'static [u8],
    /// The beginning of the SHA-256 of its bytes.
    tag: EntityTag,
}

macro_rules! asset {
    ($name:literal, $media:expr) => {
        Asset::new($name, $media, include_bytes!(concat!("../../static/", $name)))
    };
}

static INDEX: LazyLock<Asset> = LazyLock::new(|| asset!("index.html", HTML));
static PARTS: LazyLock<[Asset; 32]> = LazyLock::new(|| {
    [
        asset!("ai-address.js", SCRIPT),
        asset!("ai-answer.js", SCRIPT),
        asset!("ai-ask.js", SCRIPT),
        asset!("ai-stream.js", SCRIPT),
        asset!("ai-talk.js", SCRIPT),
        asset!("ai-tools.js", SCRIPT),
        asset!("ai-view.js", SCRIPT),
        asset!("ai.css", CSS),
        asset!("ai.html", HTML),
        asset!("ai.js", SCRIPT),
        asset!("api.js", SCRIPT),
        asset!("app.css", CSS),
        asset!("app.js", SCRIPT),
        asset!("call.js", SCRIPT),
        asset!("calls.js", SCRIPT),
        asset!("chat-answer.js", SCRIPT),
        asset!("chat-line.js", SCRIPT),
        asset!("chat.css", CSS),
        asset!("chat.html", HTML),
        asset!("chat.js", SCRIPT),
        asset!("dom.js", SCRIPT),
        asset!("endpoints.js", SCRIPT),
        asset!("events.js", SCRIPT),
        asset!("format.js", SCRIPT),
        asset!("live.js", SCRIPT),
        asset!("mark.svg", SVG),
        asset!("nodes.js", SCRIPT),
        asset!("pace.js", SCRIPT),
        asset!("queues.js", SCRIPT),
        asset!("session.js", SCRIPT),
        asset!("socket.io.js", SCRIPT),
        asset!("trace.js", SCRIPT),
    ]
});

async fn index(request: HttpRequest) -> HttpResponse {
    INDEX.answer(&request)
}

async fn file(request: HttpRequest, name: web::Path<String>) -> Result<HttpResponse, Problem> {
    let part = PARTS.iter().find(|part| part.name == name.as_str());
    let part = part.ok_or_else(|| Problem::not_found("the operator's page has no such file"))?;
    Ok(part.answer(&request))
}

impl Asset {
    fn new(name: &'static str, media: &'static str, bytes: &'static [u8]) -> Self {
        let digest: String =
            Sha256::digest(bytes).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        Self { name, media, bytes, tag: EntityTag::new_strong(digest) }
    }

    /// The file, or 304 to a browser that has it. Browsers ask each time: a new version is seen at once.
    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let known = request.headers().contains_key(header::IF_NONE_MATCH) && self.is_known(request);
        let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        for header in SECURITY {
            answer.insert_header(header);
        }
        answer.insert_header((header::CACHE_CONTROL, "no-cache"));
        answer.insert_header(header::ETag(self.tag.clone()));
        if known { answer.finish() } else { answer.content_type(self.media).body(self.bytes) }
    }

    fn is_known(&self, request: &HttpRequest) -> bool {
        match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => true,
            Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&self.tag)),
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use actix_web::http::StatusCode;
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::{App, body::MessageBody, dev::ServiceResponse};

    use super::*;

    async fn get(path: &str, tag: Option<&str>) -> ServiceResponse<impl MessageBody> {
        let app = init_service(App::new().configure(|config| {
            for route in routes() {
                config.route(route.path, route.make());
            }
        }));
        let mut request = TestRequest::get().uri(path);
        if let Some(tag) = tag {
            request = request.insert_header((header::IF_NONE_MATCH, tag));
        }
        call_service(&app.await, request.to_request()).await
    }

    fn folder() -> impl Iterator<Item = String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("static");
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap())
    }

    #[test]
    fn every_file_of_the_folder_is_served() {
        let served: BTreeSet<_> = PARTS.iter().chain([&*INDEX]).map(|part| part.name.to_owned()).collect();
        assert_eq!(served, folder().collect());
    }

    #[test]
    fn the_page_asks_only_for_its_own_files_and_runs_nothing_inline() {
        // What the library says in its errors names its own documents.
        let own = PARTS.iter().filter(|part| part.name != "socket.io.js");
        for part in own.chain([&*INDEX]) {
            let text = std::str::from_utf8(part.bytes).unwrap();
            for banned in [
                "//cdn",
                "https://",
                "innerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "style=",
                "<style",
            ] {
                assert!(!text.contains(banned), "{}: {banned}", part.name);
            }
        }
        let index = std::str::from_utf8(INDEX.bytes).unwrap();
        let asked = index.split(['"']).filter_map(|text| text.strip_prefix("static/"));
        for name in asked {
            assert!(PARTS.iter().any(|part| part.name == name), "{name}");
        }
        assert_eq!(index.matches("<script").count(), 1);
    }

    #[actix_web::test]
    async fn a_file_comes_with_its_type_its_tag_and_the_policy() {
        let answer = get("/", None).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers().get(header::CONTENT_TYPE).unwrap(), HTML);
        for (name, value) in SECURITY {
            assert_eq!(answer.headers().get(&name).unwrap(), value);
        }
        assert_eq!(read_body(answer).await, INDEX.bytes);
        let script = get("/static/app.js", None).await;
        assert_eq!(script.headers().get(header::CONTENT_TYPE).unwrap(), SCRIPT);
        let tag = script.headers().get(header::ETAG).unwrap().to_str().unwrap().to_owned();
        let again = get("/static/app.js", Some(&tag)).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert!(again.headers().contains_key(header::CONTENT_SECURITY_POLICY));
        assert!(read_body(again).await.is_empty());
        assert_eq!(get("/static/app.js", Some("\"another\"")).await.status(), StatusCode::OK);
    }

    #[actix_web::test]
    async fn nothing_else_is_found() {
        for path in ["/static/index.html", "/static/nothing.js", "/static/..%2fCargo.toml", "/static/%00"] {
            assert_eq!(get(path, None).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
}

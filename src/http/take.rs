//! Takes bodies and parameters apart, so that everything wrong with them is answered in the one shape
//! of errors, naming what is wrong.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::StreamExt;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::problem::{Detail, Problem};

/// A body of so many bytes takes about a millisecond to parse.
const LARGE: usize = 64 * 1024;

/// Bounds of bodies.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Bytes.
    pub bytes: usize,
    /// Levels of nesting.
    pub depth: usize,
}

/// A JSON body of a known shape.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// A JSON body of a known shape, or none.
#[derive(Debug)]
pub struct MaybeJson<T>(pub Option<T>);

/// A body's bytes as they came, whatever they are said to be.
#[derive(Debug)]
pub struct RawBody(pub Vec<u8>);

/// Query parameters of a known shape.
#[derive(Debug)]
pub struct Params<T>(pub T);

/// A JSON object as a `T`. By itself a derived `Deserialize` takes a list for the fields in their order too,
/// which no client means.
#[derive(Debug)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(fields)).map(Object)
            }
        }

        deserializer.deserialize_map(Fields(PhantomData))
    }
}

type Taking<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl<T: DeserializeOwned + Send + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Taking<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let bytes = read(&request, payload).await?;
            if bytes.is_empty() {
                return Err(Problem::bad_request("missing_body", "the body is empty; send a JSON object"));
            }
            take(bytes, limits(&request)).await.map(Json)
        })
    }
}

impl<T: DeserializeOwned + Send + 'static> FromRequest for MaybeJson<T> {
    type Error = Problem;
    type Future = Taking<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let bytes = read(&request, payload).await?;
            let body = if bytes.is_empty() { None } else { Some(take(bytes, limits(&request)).await?) };
            Ok(Self(body))
        })
    }
}

impl FromRequest for RawBody {
    type Error = Problem;
    type Future = Taking<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move { read_all(&request, payload).await.map(Self) })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Params<T> {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(parameters(request.query_string()).map(Self))
    }
}

/// Query parameters of a known shape, and which of them is not.
fn parameters<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let pairs = serde_urlencoded::Deserializer::new(url::form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { "query".to_owned() } else { path };
        let detail = Detail { path, message: error.into_inner().to_string() };
        Problem::invalid_as("invalid_parameter", "the query parameters cannot be taken", vec![detail])
    })
}

fn limits(request: &HttpRequest) -> BodyLimits {
    let found = request.app_data::<web::Data<BodyLimits>>().map(|limits| *limits.get_ref());
    found.unwrap_or(BodyLimits { bytes: 1 << 20, depth: 64 })
}

/// Reads a body within the limit; one that says beforehand that it is larger is refused unread.
async fn read(request: &HttpRequest, payload: Payload) -> Result<Vec<u8>, Problem> {
    check_type(request)?;
    read_all(request, payload).await
}

async fn read_all(request: &HttpRequest, mut payload: Payload) -> Result<Vec<u8>, Problem> {
    let limit = limits(request).bytes;
    let too_large = || {
        let message = format!("the body is larger than {limit} bytes; send less at a time");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", message)
    };
    let told =
        request.headers().get("content-length").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if told.is_some_and(|told| told > limit as u64) {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(told.map_or(0, |told| usize::try_from(told).unwrap_or(0)));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| {
            Problem::bad_request("bad_body", format!("the body ended early or could not be read: {error}"))
        })?;
        if bytes.len() + chunk.len() > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Refuses a body that is compressed.
///
/// # Errors
/// 415.
pub fn check_encoding(request: &HttpRequest) -> Result<(), Problem> {
    let encoded = request.headers().get(CONTENT_ENCODING);
    if encoded.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let message = "compressed bodies are not taken here; send it without `Content-Encoding`";
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_content_encoding",
            message,
        ));
    }
    Ok(())
}

fn check_type(request: &HttpRequest) -> Result<(), Problem> {
    check_encoding(request)?;
    let Some(given) = request.headers().get(CONTENT_TYPE) else { return Ok(()) };
    let given = given.to_str().unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence.is_empty() || essence == "application/json" || essence.ends_with("+json") {
        return Ok(());
    }
    let shown: String = essence.chars().take(64).collect();
    let message = format!("`{shown}` is not taken here; send `Content-Type: application/json`");
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message))
}

/// Parses a body; a large one elsewhere, so that other requests of this thread do not wait for it.
async fn take<T>(bytes: Vec<u8>, limits: BodyLimits) -> Result<T, Problem>
where
    T: DeserializeOwned + Send + 'static,
{
    if bytes.len() < LARGE {
        return parse(&bytes, limits);
    }
    let parsed = web::block(move || parse(&bytes, limits)).await;
    parsed.map_err(|error| Problem::internal(&error))?
}

/// JSON of a known shape, and where it is not of that shape.
///
/// # Errors
/// 400, with the path of what is wrong.
pub fn parse<T: DeserializeOwned>(bytes: &[u8], limits: BodyLimits) -> Result<T, Problem> {
    if depth(bytes) > limits.depth {
        let message = format!("the body is nested deeper than {} levels", limits.depth);
        return Err(Problem::bad_request("too_deep", message));
    }
    // Keeping the path in mind costs as much as parsing: it is asked for only where something is wrong.
    serde_json::from_slice(bytes).or_else(|_| located(bytes))
}

/// The same, with the path of what is wrong.
fn located<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        if cause.is_data() {
            let path = if path == "." { "body".to_owned() } else { path };
            Problem::invalid("the body cannot be taken", vec![Detail { path, message: plain(&cause) }])
        } else {
            Problem::bad_request("malformed_json", format!("the body is no JSON: {cause}"))
        }
    })?;
    json.end()
        .map_err(|error| Problem::bad_request("malformed_json", format!("the body is no JSON: {error}")))?;
    Ok(read)
}

/// What serde says, without the place, which is told as a path.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    text.get(..end).unwrap_or(&text).to_owned()
}

/// How deep brackets are nested, without parsing: a cheap guard before the parser recurses.
fn depth(bytes: &[u8]) -> usize {
    let (mut now, mut most, mut quoted, mut escaped) = (0_usize, 0_usize, false, false);
    for byte in bytes {
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'[' | b'{' => {
                now += 1;
                most = most.max(now);
            }
            b']' | b'}' => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const LIMITS: BodyLimits = BodyLimits { bytes: 1 << 20, depth: 64 };

    #[derive(Debug, serde::Deserialize)]
    struct Shape {
        #[expect(dead_code, reason = "only read")]
        name: String,
    }

    #[test]
    fn what_is_wrong_is_told_with_its_path() {
        let refused = parse::<Shape>(br#"{"name": 1}"#, LIMITS).unwrap_err().to_string();
        assert!(refused.contains("name: invalid type: integer `1`, expected a string"), "{refused}");
        let refused = parse::<Shape>(b"{", LIMITS).unwrap_err().to_string();
        assert!(refused.contains("malformed_json"), "{refused}");
        let refused = parse::<Value>(b"{} {}", LIMITS).unwrap_err().to_string();
        assert!(refused.contains("malformed_json"), "{refused}");
        assert!(parse::<Value>(b"\"\xff\"", LIMITS).is_err());
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Query {
            limit: Option<u32>,
        }
        let wrong = |query: &str| parameters::<Query>(query).unwrap_err().to_string();
        assert!(
            wrong("limit=abc").contains("limit: invalid digit found in string"),
            "{}",
            wrong("limit=abc")
        );
        assert!(wrong("limit=1&limit=2").contains("duplicate field `limit`"));
        assert!(
            wrong("limt=1").contains("limt: unknown field `limt`, expected `limit`"),
            "{}",
            wrong("limt=1")
        );
        assert_eq!(parameters::<Query>("limit=7").unwrap().limit, Some(7));
        assert_eq!(parameters::<Query>("").unwrap().limit, None);
    }

    #[test]
    fn a_list_is_no_object() {
        let listed = parse::<Object<Shape>>(br#"["x"]"#, LIMITS).unwrap_err().to_string();
        assert!(listed.contains("body: invalid type: sequence, expected an object"), "{listed}");
        let inside = parse::<Vec<Object<Shape>>>(br#"[{"name": "x"}, ["x"]]"#, LIMITS).unwrap_err();
        assert!(inside.to_string().contains("[1]: invalid type: sequence"), "{inside}");
        let wrong = parse::<Vec<Object<Shape>>>(br#"[{"name": 1}]"#, LIMITS).unwrap_err().to_string();
        assert!(wrong.contains("[0].name: invalid type: integer"), "{wrong}");
    }

    #[test]
    fn depth_counts_brackets_outside_of_strings() {
        assert_eq!(depth(br#"{"a": ["[[[", "\"[["]}"#), 2);
        let deep = "[".repeat(10_000);
        let refused = parse::<Value>(deep.as_bytes(), LIMITS).unwrap_err().to_string();
        assert!(refused.contains("too_deep"), "{refused}");
    }
}

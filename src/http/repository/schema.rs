//! What the API document says of queries, options and records: as exact as JSON Schema can be, so that
//! what it allows is taken and what it forbids is refused. Kept beside the code that reads the same
//! things; nothing is decided here.
//!
//! Left out on purpose, though it is taken: `$date` and `$options` in queries, and the older options
//! `limit`, `skip`, `sortType` and `random`, which exclude others in ways that a schema cannot say.

mod pipeline;
mod query;
mod record;

use utoipa::openapi::schema::{
    AdditionalProperties, AllOfBuilder, AnyOfBuilder, ArrayBuilder, Object, ObjectBuilder, Schema,
    SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr};

pub use pipeline::{PipelineBody, Stage};
pub use query::{InnerOperators, Literal, Operators, Options, Query, SubQuery, sort};
pub use record::{
    BaseModel, Collections, CreateBody, CreateInBody, DeletedMany, Documents, FindBody, Ids, PartialBody,
    RecordPage, SearchBody, Unique, UpdateBody, base_model, count, keyword, moment,
};

/// A schema in place or by name.
pub type Any = RefOr<Schema>;

/// One name of a dotted path.
pub const NAME: &str = r"[^.$][^.]{0,63}";

/// Dotted paths: up to seven names.
#[must_use]
pub fn path_pattern() -> String {
    format!(r"^{NAME}(\.{NAME}){{0,6}}$")
}

/// A collection's name.
pub const DATATYPE: &str = "^[A-Za-z0-9_-]{1,64}$";

/// A record's id.
pub const RECORD_ID: &str = r"^[^\s\x00-\x1f\x7f-\x9f/\\?#]+$";
/// The same of a record that is to be made: empty where it has none yet.
pub const NEW_RECORD_ID: &str = r"^[^\s\x00-\x1f\x7f-\x9f/\\?#]*$";

/// Where a list goes on.
pub const CURSOR: &str = r"^[0-9a-f]{1,16}\.[^\s\x00-\x1f\x7f-\x9f/\\?#]+$";

/// Declares types that stand for a schema in the API document, under their names and with their comments;
/// where a reader needs them, `like` gives examples, which `tests/document.rs` sends to the server.
macro_rules! schemas {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident uses [$($used:ty),*] is $build:expr $(, like [$($example:tt),+ $(,)?])?;
    )*) => {$(
        $(#[doc = $doc])*
        pub struct $name;

        impl utoipa::PartialSchema for $name {
            fn schema() -> crate::http::repository::schema::Any {
                let schema = crate::http::repository::schema::described($build, concat!($($doc),*).trim());
                $(let schema = crate::http::repository::schema::such_as(schema, vec![$(serde_json::json!($example)),+]);)?
                schema
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                std::borrow::Cow::Borrowed(stringify!($name))
            }

            fn schemas(schemas: &mut Vec<(String, crate::http::repository::schema::Any)>) {
                let used: [(&str, fn() -> crate::http::repository::schema::Any); _] =
                    [$((stringify!($used), <$used as utoipa::PartialSchema>::schema)),*];
                schemas.extend(used.map(|(name, schema)| (name.to_owned(), schema())));
                $(<$used as utoipa::ToSchema>::schemas(schemas);)*
            }
        }
    )*};
}
pub(in crate::http) use schemas;

/// A schema with words for people.
#[must_use]
pub fn described(mut schema: Any, text: &str) -> Any {
    let description = match &mut schema {
        RefOr::T(Schema::Object(object)) => Some(&mut object.description),
        RefOr::T(Schema::Array(array)) => Some(&mut array.description),
        RefOr::T(Schema::AnyOf(any)) => Some(&mut any.description),
        RefOr::T(Schema::AllOf(all)) => Some(&mut all.description),
        _ => None,
    };
    if let Some(description) = description {
        *description = Some(text.to_owned());
    }
    schema
}

/// A schema with examples of what it allows.
#[must_use]
pub fn such_as(mut schema: Any, examples: Vec<serde_json::Value>) -> Any {
    match &mut schema {
        RefOr::T(Schema::Object(object)) => object.examples = examples,
        RefOr::T(Schema::Array(array)) => array.examples = examples,
        RefOr::T(Schema::AnyOf(any)) => any.examples = examples,
        RefOr::T(Schema::AllOf(all)) => all.examples = examples,
        _ => {}
    }
    schema
}

/// Any value.
#[must_use]
pub fn anything() -> Any {
    RefOr::T(Schema::Object(Object::with_type(SchemaType::AnyValue)))
}

/// A schema by its name.
#[must_use]
pub fn named<T: utoipa::ToSchema>() -> Any {
    RefOr::Ref(Ref::from_schema_name(T::name()))
}

/// Any value of a type.
#[must_use]
pub fn of(kind: Type) -> Any {
    ObjectBuilder::new().schema_type(kind).into()
}

/// Any of these.
#[must_use]
pub fn any_of(items: impl IntoIterator<Item = Any>) -> Any {
    items.into_iter().fold(AnyOfBuilder::new(), AnyOfBuilder::item).into()
}

/// All of these.
#[must_use]
pub fn all_of(items: impl IntoIterator<Item = Any>) -> Any {
    items.into_iter().fold(AllOfBuilder::new(), AllOfBuilder::item).into()
}

/// This, or null.
#[must_use]
pub fn or_null(schema: Any) -> Any {
    any_of([schema, of(Type::Null)])
}

/// A text that keeps a pattern.
#[must_use]
pub fn text(pattern: &str) -> Any {
    crate::http::route::text(pattern)
}

/// A whole number within bounds.
#[must_use]
pub fn whole(least: u32, most: u32) -> Any {
    crate::http::route::whole(least, most)
}

/// One of these values.
#[must_use]
pub fn one_of<V: Into<serde_json::Value>>(values: impl IntoIterator<Item = V>) -> Any {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).enum_values(Some(values)).into()
}

/// A list.
#[must_use]
pub fn list(items: Any) -> ArrayBuilder {
    ArrayBuilder::new().items(items)
}

/// An object, to be built further.
#[must_use]
pub fn object() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Object)
}

/// An object with these properties and no others.
#[must_use]
pub fn closed<'a>(properties: impl IntoIterator<Item = (&'a str, Any)>) -> ObjectBuilder {
    let nothing_else: AdditionalProperties<Schema> = AdditionalProperties::FreeForm(false);
    let all = properties.into_iter().fold(object(), |object, (name, schema)| object.property(name, schema));
    all.additional_properties(Some(nothing_else))
}

/// An object whose names keep a pattern, and whose values are of a schema.
#[must_use]
pub fn map(names: &str, values: Any) -> ObjectBuilder {
    let names = Schema::Object(ObjectBuilder::new().schema_type(Type::String).pattern(Some(names)).build());
    object().property_names(Some(names)).additional_properties(Some(values))
}

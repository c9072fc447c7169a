//! What the API document says of assistants. Other fields than these are kept as they are.

use appengine_actors::session::stream::assistant::LONGEST_NAME;
use utoipa::openapi::schema::{ObjectBuilder, Type};

use crate::http::repository::schema::{
    Any, any_of, described, list, object, of, one_of, or_null, schemas, text,
};

schemas! {
    /// An assistant.
    AssistantBody uses [] is shape().property("name", name()).required("name").into(), like [{
        "name": "helper", "title": "Help desk", "description": "You help customers of a bicycle shop.",
        "behaviorRules": ["Answer briefly."], "knowledgeSources": [{"sourceType": "collection", "name": "faq"}],
        "tools": [{"key": "server.memory.*"}], "config": {"provider": "openai", "temperature": 0.3},
        "visibility": "organization", "onboardingPrompt": "Hello! How can I help?",
    }];

    /// What changes of an assistant; null takes a field away.
    AssistantPatch uses [] is shape().property("name", name()).into(), like [{"status": "inactive", "tools": null}];
}

fn name() -> Any {
    let name = ObjectBuilder::new().schema_type(Type::String).pattern(Some(r"\S"));
    described(name.max_length(Some(LONGEST_NAME)).into(), "what it is asked for by, where nobody uses its id")
}

fn words(about: &str) -> Any {
    described(or_null(of(Type::String)), about)
}

fn shape() -> ObjectBuilder {
    let tool = object().property("key", of(Type::String)).required("key");
    let tool = any_of([of(Type::String), tool.into()]);
    let collection = object()
        .property("sourceType", one_of(["collection"]))
        .property("name", text("."))
        .required("sourceType")
        .required("name");
    let other = object().property("sourceType", one_of(["document", "url", "custom"])).required("sourceType");
    let source = any_of([collection.into(), other.into()]);
    let temperature = ObjectBuilder::new().schema_type(Type::Number).minimum(Some(0.0)).maximum(Some(2.0));
    let config = object()
        .property("provider", or_null(of(Type::String)))
        .property("model", or_null(of(Type::String)))
        .property("temperature", or_null(temperature.into()));
    object()
        .property("title", words("what people call it"))
        .property("description", words("what it is, in words for the model"))
        .property("status", or_null(one_of(["active", "inactive", "archived"])))
        .property(
            "visibility",
            described(
                or_null(one_of(["owner", "team", "organization", "global"])),
                "who may ask it by themselves: `global`, and where nothing is said, also end users",
            ),
        )
        .property("tools", or_null(list(tool).into()))
        .property("knowledgeSources", or_null(list(source).into()))
        .property("config", or_null(config.into()))
        .property("personality", words("what it is like, in words for the model"))
        .property("onboardingPrompt", words("what it says first in a chat"))
}

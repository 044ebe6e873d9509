//! Reads a [`Part`] from JSON.
//!
//! What serde derives for a flattened field, and for an enum with its tag inside, first copies the whole object into a
//! tree of values, because the tag may come last. Here every field that any kind has is read into its own place at
//! once, and the kind picks its own at the end.

use compact_str::CompactString;
use serde::{Deserialize, Deserializer, de};

use super::{
    ApiId, ArgsState, Audio, CacheHint, Citation, Document, Image, Media, Native, Opaque, Part, PartKind,
    RawJson, Reasoning, Refusal, Seal, Text, ToolCall, ToolResult, ToolResultContent,
};
use crate::tool::Intent;

/// The fields of all kinds. Where two kinds have a field of the same name, it is of the same type.
#[derive(Deserialize)]
struct Fields {
    r#type: Type,
    text: Option<String>,
    #[serde(default)]
    citations: Vec<Citation>,
    seal: Option<Seal>,
    media: Option<Media>,
    detail: Option<CompactString>,
    title: Option<String>,
    call_id: Option<CompactString>,
    name: Option<CompactString>,
    args_raw: Option<String>,
    state: Option<ArgsState>,
    content: Option<Vec<ToolResultContent>>,
    #[serde(default)]
    is_error: bool,
    category: Option<CompactString>,
    api: Option<ApiId>,
    json: Option<RawJson>,
    native: Option<Native>,
    cache_hint: Option<CacheHint>,
    intent: Option<Intent>,
}

/// The names of [`PartKind`].
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Type {
    Text,
    Image,
    Document,
    Audio,
    Reasoning,
    ToolCall,
    ToolResult,
    Refusal,
    Opaque,
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Fields::deserialize(deserializer)?.into_part()
    }
}

impl Fields {
    fn into_part<E: de::Error>(self) -> Result<Part, E> {
        let kind = match self.r#type {
            Type::Text => PartKind::Text(Text {
                text: given("text", self.text)?,
                citations: self.citations,
                seal: self.seal,
            }),
            Type::Image => PartKind::Image(Image {
                media: given("media", self.media)?,
                detail: self.detail,
                seal: self.seal,
            }),
            Type::Document => {
                PartKind::Document(Document { media: given("media", self.media)?, title: self.title })
            }
            Type::Audio => PartKind::Audio(Audio { media: given("media", self.media)? }),
            Type::Reasoning => {
                PartKind::Reasoning(Reasoning { text: self.text.unwrap_or_default(), seal: self.seal })
            }
            Type::ToolCall => PartKind::ToolCall(ToolCall {
                call_id: given("call_id", self.call_id)?,
                name: given("name", self.name)?,
                args_raw: given("args_raw", self.args_raw)?,
                state: given("state", self.state)?,
                seal: self.seal,
            }),
            Type::ToolResult => PartKind::ToolResult(ToolResult {
                call_id: given("call_id", self.call_id)?,
                name: given("name", self.name)?,
                content: given("content", self.content)?,
                is_error: self.is_error,
            }),
            Type::Refusal => {
                PartKind::Refusal(Refusal { text: given("text", self.text)?, category: self.category })
            }
            Type::Opaque => PartKind::Opaque(Opaque {
                native: Native { api: given("api", self.api)?, json: given("json", self.json)? },
            }),
        };
        Ok(Part { kind, native: self.native, cache_hint: self.cache_hint, intent: self.intent })
    }
}

fn given<T, E: de::Error>(name: &'static str, value: Option<T>) -> Result<T, E> {
    value.ok_or_else(|| E::missing_field(name))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::{option, prelude::*, sample::select};
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::{
        chat::SealKind,
        tool::{Purpose, RiskLevel},
    };

    /// What serde derives, which the hand-written reader must agree with.
    #[derive(Deserialize)]
    struct Derived {
        #[serde(flatten)]
        kind: PartKind,
        native: Option<Native>,
        cache_hint: Option<CacheHint>,
        intent: Option<Intent>,
    }

    fn native() -> impl Strategy<Value = Native> {
        let json = select(vec!["{\"a\": 1e2}", "null", "[\"\\u00e9\", 12345678901234567890123]"]);
        ("[a-z_]{1,12}", json)
            .prop_map(|(api, json)| Native { api: ApiId::new(api), json: RawJson::parse(json).unwrap() })
    }

    fn seal() -> impl Strategy<Value = Seal> {
        let kinds = select(vec![SealKind::Signature, SealKind::Redacted, SealKind::ThoughtSignature]);
        ("[a-z_]{1,12}", option::of("\\PC{0,9}"), kinds, any::<String>()).prop_map(
            |(api, model, kind, bytes)| Seal {
                api: ApiId::new(api),
                model: model.map(Into::into),
                kind,
                bytes,
            },
        )
    }

    fn citation() -> impl Strategy<Value = Citation> {
        let text = || option::of(any::<String>());
        (text(), text(), text(), native()).prop_map(|(url, title, quote, native)| Citation {
            url,
            title,
            quote,
            native,
        })
    }

    fn media() -> impl Strategy<Value = Media> {
        prop_oneof![
            any::<Vec<u8>>()
                .prop_map(|data| Media::Bytes { media_type: "a/b".into(), data: Bytes::from(data) }),
            Just(Media::Url { url: "https://example.org/a".parse().unwrap(), media_type: None }),
            any::<String>().prop_map(|id| Media::FileRef {
                api: ApiId::new("an_api"),
                id,
                media_type: Some("c/d".into())
            }),
        ]
    }

    fn image() -> impl Strategy<Value = Image> {
        (media(), option::of("[a-z]{1,9}"), option::of(seal())).prop_map(|(media, detail, seal)| Image {
            media,
            detail: detail.map(Into::into),
            seal,
        })
    }

    fn content() -> impl Strategy<Value = ToolResultContent> {
        prop_oneof![
            any::<String>().prop_map(|text| ToolResultContent::Text { text }),
            image().prop_map(ToolResultContent::Image),
        ]
    }

    fn kind() -> impl Strategy<Value = PartKind> {
        let text = any::<String>;
        let states = select(vec![ArgsState::Complete, ArgsState::Incomplete, ArgsState::Invalid]);
        prop_oneof![
            (text(), prop::collection::vec(citation(), 0..3), option::of(seal()))
                .prop_map(|(text, citations, seal)| PartKind::Text(Text { text, citations, seal })),
            image().prop_map(PartKind::Image),
            (media(), option::of(text()))
                .prop_map(|(media, title)| PartKind::Document(Document { media, title })),
            media().prop_map(|media| PartKind::Audio(Audio { media })),
            (text(), option::of(seal()))
                .prop_map(|(text, seal)| PartKind::Reasoning(Reasoning { text, seal })),
            (text(), text(), text(), states, option::of(seal())).prop_map(
                |(id, name, args_raw, state, seal)| {
                    PartKind::ToolCall(ToolCall {
                        call_id: id.into(),
                        name: name.into(),
                        args_raw,
                        state,
                        seal,
                    })
                }
            ),
            (text(), text(), prop::collection::vec(content(), 0..3), any::<bool>()).prop_map(
                |(id, name, content, is_error)| {
                    PartKind::ToolResult(ToolResult {
                        call_id: id.into(),
                        name: name.into(),
                        content,
                        is_error,
                    })
                }
            ),
            (text(), option::of("[a-z]{1,9}")).prop_map(|(text, category)| {
                PartKind::Refusal(Refusal { text, category: category.map(Into::into) })
            }),
            native().prop_map(|native| PartKind::Opaque(Opaque { native })),
        ]
    }

    fn part() -> impl Strategy<Value = Part> {
        let intents = option::of(any::<String>().prop_map(|scope| Intent {
            purpose: Purpose::Maintenance,
            scope,
            risk_level: RiskLevel::Low,
        }));
        let hints = option::of(select(vec![CacheHint::Short, CacheHint::Long]));
        (kind(), option::of(native()), hints, intents).prop_map(|(kind, native, cache_hint, intent)| Part {
            kind,
            native,
            cache_hint,
            intent,
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_and_begins_with_its_type(part in part()) {
            let json = serde_json::to_string(&part).unwrap();
            let start = format!("{{\"type\":\"{}\"", part.kind.name());
            prop_assert!(json.starts_with(&start), "{}", json);
            prop_assert_eq!(&serde_json::from_str::<Part>(&json).unwrap(), &part);
            let derived: Derived = serde_json::from_str(&json).unwrap();
            let Derived { kind, native, cache_hint, intent } = derived;
            prop_assert_eq!(Part { kind, native, cache_hint, intent }, part);
        }

        #[test]
        fn order_and_unknown_fields_do_not_matter(part in part(), last in any::<prop::sample::Index>()) {
            // Without the JSON of providers, whose bytes do not outlive a tree of values.
            let part = Part { native: None, ..part };
            prop_assume!(!matches!(&part.kind, PartKind::Opaque(_)));
            prop_assume!(!matches!(&part.kind, PartKind::Text(text) if !text.citations.is_empty()));
            let Value::Object(fields) = serde_json::to_value(&part).unwrap() else { unreachable!() };
            let mut fields: Vec<_> = fields.into_iter().collect();
            fields.push(("not_known_yet".into(), json!({ "a": [1, null, "type"] })));
            let at = last.index(fields.len());
            fields.rotate_left(at);
            let texts = fields.iter().map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())));
            let json = format!("{{{}}}", texts.collect::<Vec<_>>().join(","));
            prop_assert_eq!(serde_json::from_str::<Part>(&json).unwrap(), part.clone());
            // From a tree of values too, as tests and tools read it.
            let tree: Map<_, _> = fields.into_iter().collect();
            prop_assert_eq!(serde_json::from_value::<Part>(Value::Object(tree)).unwrap(), part);
        }
    }

    #[test]
    fn what_is_missing_or_not_known_is_named() {
        for (json, problem) in [
            (r#"{"text":"a"}"#, "missing field `type`"),
            (r#"{"type":"text"}"#, "missing field `text`"),
            (r#"{"type":"tool_call","call_id":"a","name":"b","args_raw":"{}"}"#, "missing field `state`"),
            (r#"{"type":"opaque","api":"a"}"#, "missing field `json`"),
            (r#"{"type":"hologram"}"#, "unknown variant `hologram`"),
            (r#"{"type":"text","text":"a","text":"b"}"#, "duplicate field `text`"),
        ] {
            let error = serde_json::from_str::<Part>(json).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }
}

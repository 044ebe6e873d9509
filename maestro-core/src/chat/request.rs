//! What a model is asked.

use std::{fmt, str::FromStr, sync::Arc};

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::{Message, RawJson};
use crate::{
    error::{Error, FieldError, Result},
    provider::ModelId,
};

/// A question to a model: the conversation so far and how to go on, in no provider's words.
///
/// What a provider cannot take (a penalty, a stop string) is dropped with a line in the
/// [`TranslationReport`](super::TranslationReport), never silently and never as an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatRequest {
    /// The model to ask.
    pub model: ModelId,
    /// Instructions that stand before the conversation, in order. They are joined by blank lines where a provider
    /// takes only one.
    pub system: Vec<Arc<str>>,
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// The tools that the model may call. Their order is kept, for the sake of prompt caches.
    pub tools: Vec<ToolDefinition>,
    /// Whether, and which, tools are to be called.
    pub tool_choice: ToolChoice,
    /// Whether the model may call several tools at once.
    pub parallel_tools: ParallelTools,
    /// The most tokens to write; absent for the provider's own limit.
    pub max_output_tokens: Option<u32>,
    /// The sampling temperature in thousandths; absent for the model's own.
    pub temperature_milli: Option<u32>,
    /// Nucleus sampling in thousandths; absent for the model's own.
    pub top_p_milli: Option<u32>,
    /// Strings at which the model stops.
    pub stop: Vec<String>,
    /// How hard to think; absent for the model's own default.
    pub effort: Option<Effort>,
    /// The form of the answer.
    pub output: OutputFormat,
    /// A stable key of the conversation, for providers that route by it to keep caches warm. Others pass it over without
    /// a line in the report, since it changes no answer.
    pub cache_key: Option<CompactString>,
}

impl ChatRequest {
    /// A question of these messages to `model`, with everything else as the provider has it.
    pub fn new(model: ModelId, messages: Vec<Message>) -> Self {
        Self {
            model,
            system: Vec::new(),
            messages,
            tools: Vec::new(),
            tool_choice: ToolChoice::Auto,
            parallel_tools: ParallelTools::Allowed,
            max_output_tokens: None,
            temperature_milli: None,
            top_p_milli: None,
            stop: Vec::new(),
            effort: None,
            output: OutputFormat::Text,
            cache_key: None,
        }
    }
}

/// Whether the model may call several tools at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ParallelTools {
    /// It may.
    #[default]
    Allowed,
    /// One call at a time.
    OneAtATime,
}

/// A tool that a model may call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolDefinition {
    /// Its name.
    pub name: ToolName,
    /// What it does and when to use it, for the model to read.
    pub description: String,
    /// The JSON Schema of its arguments, an object.
    pub parameters: RawJson,
    /// Whether the provider must hold the model to the schema exactly, where it can.
    #[serde(default)]
    pub strictness: Strictness,
}

/// Whether a model is held to a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strictness {
    /// The schema guides the model.
    #[default]
    Lenient,
    /// The schema binds the model, where the provider can do that.
    Strict,
}

/// The name of a tool: a letter or `_`, then up to 63 letters, digits, `_` and `-`, which every provider accepts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ToolName(CompactString);

impl ToolName {
    /// Checks a name. [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when some provider would refuse it.
    pub fn new(name: impl AsRef<str>) -> Result<Self> {
        let name = name.as_ref();
        let mut chars = name.chars();
        let good = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
            && name.len() <= 64;
        if good {
            Ok(Self(name.into()))
        } else {
            Err(Error::invalid(
                "define a tool",
                [FieldError::new(
                    "name",
                    format!("{name:?} is not a letter or _ and then up to 63 of A-Z a-z 0-9 _ -"),
                )],
            ))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ToolName {
    type Error = Error;
    fn try_from(name: String) -> Result<Self> {
        Self::new(name)
    }
}

impl From<ToolName> for String {
    fn from(name: ToolName) -> Self {
        name.0.into()
    }
}

impl fmt::Display for ToolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether, and which, tools are to be called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// No tool.
    None,
    /// At least one, whichever.
    Required,
    /// This one.
    Tool(ToolName),
}

/// How hard a model should think. Providers round to what they have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// Not at all.
    None,
    /// As little as the model can.
    Minimal,
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// As much as the model can.
    Max,
}

impl FromStr for Effort {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "none" => Self::None,
            "minimal" => Self::Minimal,
            "low" => Self::Low,
            "medium" => Self::Medium,
            "high" => Self::High,
            "max" => Self::Max,
            _ => {
                let problem = format!("{text:?} is none of none, minimal, low, medium, high, max");
                return Err(Error::invalid("read an effort", [FieldError::new("effort", problem)]));
            }
        })
    }
}

/// The form of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum OutputFormat {
    /// Text.
    #[default]
    Text,
    /// JSON that fits a schema.
    JsonSchema {
        /// A name for the schema.
        name: ToolName,
        /// The schema.
        schema: RawJson,
    },
}

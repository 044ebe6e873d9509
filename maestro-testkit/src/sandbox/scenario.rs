//! Scenarios: scripted replies and faults.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::authorization::{Grant, OauthScript};

/// A protocol the sandbox speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// OpenAI, whichever endpoint; a request has this dialect when it is neither of the two below.
    Openai,
    /// OpenAI's `POST /v1/responses`.
    OpenaiResponses,
    /// OpenAI's `POST /v1/chat/completions`.
    OpenaiChat,
    /// ChatGPT's backend, the host for access tokens; `openai` does not stand for it.
    Chatgpt,
    /// Anthropic.
    Anthropic,
    /// Gemini.
    Gemini,
    /// Code Assist, Gemini's host for Google accounts; `gemini` does not stand for it.
    CodeAssist,
    /// The authorization server under `/oauth`.  Only a scenario that names it is tried there.
    Authorization,
}

/// What one request, or a number of them, is answered with.
///
/// All parts may be left out: an empty scenario answers as the sandbox does without one.  Unknown keys are
/// refused, in files and over HTTP.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[must_use]
pub struct Scenario {
    /// Which requests it is for; all that ask for a reply when left out.
    #[serde(rename = "match")]
    pub matching: Match,
    /// How many requests it answers before it is used up; any number when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Milliseconds before the headers of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// Milliseconds between the headers and the first byte of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_byte_ms: Option<u64>,
    /// What is said in place of the default reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<ReplyScript>,
    /// An error status in place of a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusScript>,
    /// These bytes in place of a reply, with status 200 unless [`Scenario::status`] says another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<RawScript>,
    /// What goes wrong on the way, and how the bytes are cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamScript>,
    /// What goes wrong with an exchange at the authorization server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth: Option<OauthScript>,
}

/// Which requests a scenario is for: those that fit all the parts that are set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// The protocol; `openai` stands for both of OpenAI's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialect: Option<Dialect>,
    /// A part of the path.  Only a scenario that names one is tried on listings and token counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The whole name of the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// A part of the text of the last user message, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// What is exchanged at the authorization server's token endpoint.  Without it, and without a path, a scenario
    /// is for every exchange there and for nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
}

/// A scripted reply.  It is said as it stands: limits and stop sequences of the request do not cut it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReplyScript {
    /// Reasoning before the answer, with the provider's seal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// The text, cut into deltas of a few words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The text as exactly these deltas; not together with `text`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deltas: Option<Vec<String>>,
    /// Tool calls after the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<Vec<ToolCallScript>>,
    /// Why it ends; `tool_calls` when there are calls, else `stop`, when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish: Option<FinishScript>,
    /// The usage to report in place of the counted one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<UsageScript>,
    /// How many times the text's deltas are said in a row, for load; once when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat: Option<u64>,
}

/// A tool call of a scripted reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCallScript {
    /// The tool's name.
    pub name: String,
    /// The arguments; a string is sent as it stands, so that it may be broken JSON.
    #[serde(default)]
    pub arguments: Value,
}

/// Why a scripted reply ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishScript {
    /// All is said.
    Stop,
    /// The limit was reached; the arguments of the last tool call are cut in half.
    Length,
    /// The tools are to be run.
    ToolCalls,
    /// The model declined: the text is sent as a refusal where the dialect has such a thing.
    Refusal,
    /// A filter stopped it.
    ContentFilter,
}

/// Usage numbers, in tokens; what is left out is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UsageScript {
    /// All input, cached input included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// The part of the input that came from a cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_tokens: Option<u64>,
    /// All output, reasoning included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// The part of the output that was reasoning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<u64>,
}

/// An answer with a status of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusScript {
    /// The HTTP status, 200 to 599.
    pub code: u16,
    /// Headers to add.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body: a string is sent as text, anything else as JSON; the provider's own for that status when left
    /// out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

/// Bytes to answer as they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawScript {
    /// The content type; `text/event-stream` for streams and `application/json` else when left out, no header
    /// at all when empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The body.
    pub body: String,
}

/// How a stream is delivered and what breaks it.  Numbers of events count whole events from the start of the
/// stream; one that is larger than the stream takes effect after its last event.
///
/// Of an answer that is not streamed, only `cut_after_events` (half the body is sent), `stall_after_events`
/// (likewise) and `chunk_bytes` have a meaning.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StreamScript {
    /// Sends HTTP chunks of this many bytes, wherever they cut; one event a chunk when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunk_bytes: Option<usize>,
    /// Milliseconds before each event but the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_delay_ms: Option<u64>,
    /// Breaks the connection after this many events, in the middle of the chunked body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_after_events: Option<usize>,
    /// Ends the body cleanly after this many events, without a terminal one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_after_events: Option<usize>,
    /// Sends nothing more after this many events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stall_after_events: Option<usize>,
    /// How long a stall lasts, in milliseconds; for ever when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stall_ms: Option<u64>,
    /// Cuts the JSON of the event after this many in half.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub malformed_after_events: Option<usize>,
    /// Sends the provider's error event after a number of events, and ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_after_events: Option<ErrorScript>,
    /// Line endings other than the provider's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line_ending: Option<LineEnding>,
    /// Begins the body with a byte-order mark.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub bom: bool,
    /// Sends a comment line before each event.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub comments: bool,
    /// Leaves out the line ends after the last event.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub omit_final_newline: bool,
}

/// An error in the middle of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorScript {
    /// After how many events.
    pub events: usize,
    /// The provider's type, code or status; its word for being overloaded when left out.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What ends a line of an event stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LineEnding {
    /// Line feed.
    Lf,
    /// Carriage return and line feed.
    Crlf,
    /// Carriage return alone.
    Cr,
}

/// What is wrong with a scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// It is not the JSON of a scenario; the text names the key and those that are known.
    #[error("{0}")]
    Json(String),
    /// A value is out of range, or two parts exclude one another.
    #[error("{field}: {problem}")]
    Field {
        /// The key, with dots.
        field: &'static str,
        /// What it has to be.
        problem: &'static str,
    },
}

impl Scenario {
    /// A scenario that answers this text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { reply: Some(ReplyScript { text: Some(text.into()), ..Default::default() }), ..Self::default() }
    }

    /// A scenario that answers exactly these deltas.
    pub fn deltas<T: Into<String>>(deltas: impl IntoIterator<Item = T>) -> Self {
        let deltas = Some(deltas.into_iter().map(Into::into).collect());
        Self { reply: Some(ReplyScript { deltas, ..Default::default() }), ..Self::default() }
    }

    /// A scenario that answers this status, with the provider's own body for it.
    pub fn status(code: u16) -> Self {
        let status = StatusScript { code, headers: BTreeMap::new(), body: None };
        Self { status: Some(status), ..Self::default() }
    }

    /// A scenario that answers these bytes.
    pub fn raw(content_type: impl Into<String>, body: impl Into<String>) -> Self {
        let raw = RawScript { content_type: Some(content_type.into()), body: body.into() };
        Self { raw: Some(raw), ..Self::default() }
    }

    /// A scenario that answers as usual and delivers it so.
    pub fn stream(stream: StreamScript) -> Self {
        Self { stream: Some(stream), ..Self::default() }
    }

    /// Only for this protocol.
    pub fn on(mut self, dialect: Dialect) -> Self {
        self.matching.dialect = Some(dialect);
        self
    }

    /// Only for paths that contain this.
    pub fn on_path(mut self, path: impl Into<String>) -> Self {
        self.matching.path = Some(path.into());
        self
    }

    /// Only for this model.
    pub fn on_model(mut self, model: impl Into<String>) -> Self {
        self.matching.model = Some(model.into());
        self
    }

    /// Only when the last user message contains this.
    pub fn when_contains(mut self, text: impl Into<String>) -> Self {
        self.matching.contains = Some(text.into());
        self
    }

    /// Only for exchanges of this kind at the authorization server.
    pub fn on_grant(mut self, grant: Grant) -> Self {
        self.matching.dialect = Some(Dialect::Authorization);
        self.matching.grant = Some(grant);
        self
    }

    /// A scenario for the authorization server's token endpoint.
    pub fn oauth(script: OauthScript) -> Self {
        Self { oauth: Some(script), ..Self::default() }.on(Dialect::Authorization)
    }

    /// Only for this many requests.
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Adds a header to the answer; it makes the status 200 if none was set.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let status = self.status.get_or_insert_with(|| StatusScript {
            code: 200,
            headers: BTreeMap::new(),
            body: None,
        });
        status.headers.insert(name.into(), value.into());
        self
    }

    /// Delivers the answer so.
    pub fn delivered(mut self, stream: StreamScript) -> Self {
        self.stream = Some(stream);
        self
    }

    /// Reads one scenario or an array of them.
    ///
    /// # Errors
    /// When the text is not that, or a value in it makes no sense.
    pub fn parse(json: &str) -> Result<Vec<Self>, ScenarioError> {
        let wrong = |error: serde_json::Error| ScenarioError::Json(error.to_string());
        let scenarios: Vec<Self> = if json.trim_start().starts_with('[') {
            serde_json::from_str(json).map_err(wrong)?
        } else {
            vec![serde_json::from_str(json).map_err(wrong)?]
        };
        scenarios.iter().try_for_each(Self::validate)?;
        Ok(scenarios)
    }

    /// The wait before the headers.
    pub(super) fn delay(&self) -> Option<Duration> {
        self.delay_ms.map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_refused_and_the_known_ones_are_listed() {
        let error = Scenario::parse(r#"{"strem":{}}"#).unwrap_err().to_string();
        assert!(
            error.contains("`strem`") && error.contains("`stream`") && error.contains("`match`"),
            "{error}"
        );
        let error = Scenario::parse(r#"[{"stream":{"cut":1}}]"#).unwrap_err().to_string();
        assert!(error.contains("`cut_after_events`"), "{error}");
    }

    #[test]
    fn a_scenario_survives_its_json() {
        let scenario =
            Scenario::deltas(["a", "b"]).on(Dialect::OpenaiChat).times(2).delivered(StreamScript {
                chunk_bytes: Some(7),
                error_after_events: Some(ErrorScript { events: 1, ..Default::default() }),
                line_ending: Some(LineEnding::Cr),
                bom: true,
                ..Default::default()
            });
        let json = serde_json::to_string(&scenario).unwrap();
        assert_eq!(Scenario::parse(&json).unwrap(), [scenario]);
    }
}

//! The conversation vocabulary: what people, models and tools said, in a form that loses nothing.
//!
//! A [`Message`] is an ordered list of [`Part`]s. Each part has neutral fields that every provider understands and,
//! where those do not say everything, the [native JSON](Native) of the provider that made it. Two laws follow:
//!
//! 1. For the *same* API, native JSON is replayed verbatim and in order.
//! 2. For *another* API, a part is rendered from its neutral fields; foreign [`Seal`]s and opaque parts stay behind.
//!
//! The parts of an answer arrive as [`StreamEvent`]s; [`Collector`](crate::stream::Collector) puts them together.

mod api;
mod event;
mod finish;
mod message;
mod normalise;
mod part;
mod part_read;
mod raw_json;
mod request;
mod seal;
mod usage;

pub use api::{ApiId, Origin};
pub use event::{DeltaText, Notice, PartEnd, PartStart, StreamEvent};
pub use finish::Finish;
pub use message::{Message, Role};
pub use normalise::{
    Action, CallIdRule, CallSeals, Carries, EmptyText, FilteredTurns, FirstTurn, LastTurn, MediaPlace,
    MediaRule, MidSystem, Neighbours, Normalised, ReasoningRule, RefusalRule, ReportLine, ResultPlace,
    SealScope, TargetRules, ToolNameRule, TranslationReport, normalise,
};
pub use part::{
    ArgsEnd, ArgsState, Audio, CacheHint, Citation, Document, Image, Media, Native, Opaque, Part, PartKind,
    Reasoning, Refusal, Text, ToolCall, ToolResult, ToolResultContent,
};
pub use raw_json::RawJson;
pub use request::{
    ChatRequest, Effort, OutputFormat, ParallelTools, Strictness, ToolChoice, ToolDefinition, ToolName,
};
pub use seal::{Seal, SealKind};
pub use usage::Usage;

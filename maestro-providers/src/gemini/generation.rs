//! `generationConfig`: sampling, limits, the form of the answer, and how hard to think.

use maestro_core::chat::{Action, ChatRequest, Effort, OutputFormat, TranslationReport};
use serde::Serialize;
use serde_json::value::RawValue;

use super::Generation;
use crate::json;

/// The most stop strings that are taken.
const MAX_STOPS: usize = 5;

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GenerationConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    response_mime_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_json_schema: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<ThinkingConfig>,
}

/// A budget or a level, never both: that is refused.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ThinkingConfig {
    include_thoughts: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_budget: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_level: Option<&'static str>,
}

impl<'a> GenerationConfig<'a> {
    pub(super) fn of(
        request: &'a ChatRequest,
        generation: Generation,
        report: &mut TranslationReport,
    ) -> Self {
        let schema = match &request.output {
            OutputFormat::Text => None,
            OutputFormat::JsonSchema { schema, .. } => Some(json::raw(schema)),
        };
        let stops = match request.stop.get(..MAX_STOPS) {
            Some(first) if request.stop.len() > MAX_STOPS => {
                report.note(Action::Dropped, "stop strings beyond the fifth");
                first
            }
            _ => &request.stop,
        };
        Self {
            temperature: request.temperature_milli.map(json::from_milli),
            top_p: request.top_p_milli.map(json::from_milli),
            max_output_tokens: request.max_output_tokens,
            stop_sequences: stops,
            response_mime_type: schema.map(|_| "application/json"),
            response_json_schema: schema,
            thinking_config: request
                .effort
                .and_then(|effort| ThinkingConfig::of(effort, generation, request.model.as_str(), report)),
        }
    }

    pub(super) fn is_default(&self) -> bool {
        self.temperature.is_none()
            && self.top_p.is_none()
            && self.max_output_tokens.is_none()
            && self.stop_sequences.is_empty()
            && self.response_mime_type.is_none()
            && self.thinking_config.is_none()
    }
}

impl ThinkingConfig {
    /// Nothing is sent unless the caller asks for an effort. Models of the third generation take a level and cannot be
    /// kept from thinking; those of 2.5 take a budget, of which 0 means not at all, save for the Pro model, whose least
    /// is 128; older ones do not think.
    fn of(
        effort: Effort,
        generation: Generation,
        model: &str,
        report: &mut TranslationReport,
    ) -> Option<Self> {
        match generation {
            Generation::Three => {
                let level = match effort {
                    Effort::None | Effort::Minimal => "MINIMAL",
                    Effort::Low => "LOW",
                    Effort::Medium => "MEDIUM",
                    Effort::High | Effort::Max => "HIGH",
                };
                if effort == Effort::None {
                    report.note(Action::Downgraded, "effort: this model thinks at least minimally");
                }
                let include_thoughts = !matches!(effort, Effort::None);
                Some(Self { include_thoughts, thinking_level: Some(level), thinking_budget: None })
            }
            Generation::TwoFive => {
                let budget = match effort {
                    Effort::None if model.contains("pro") => {
                        report.note(Action::Downgraded, "effort: this model thinks at least a little");
                        128
                    }
                    Effort::None => 0,
                    Effort::Minimal => 512,
                    Effort::Low => 2048,
                    Effort::Medium => 8192,
                    Effort::High => 16_384,
                    Effort::Max => 24_576,
                };
                let include_thoughts = effort != Effort::None;
                Some(Self { include_thoughts, thinking_budget: Some(budget), thinking_level: None })
            }
            Generation::One | Generation::Two => {
                if effort != Effort::None {
                    report.note(Action::Dropped, "effort: this model does not think");
                }
                None
            }
        }
    }
}

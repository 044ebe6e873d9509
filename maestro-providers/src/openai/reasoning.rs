//! How hard to reason, in the words of this API.

use maestro_core::chat::{Action, ChatRequest, Effort, TranslationReport};
use serde::Serialize;

#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Reasoning {
    effort: &'static str,
    /// Asks for a summary to show; without it the reasoning is hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'static str>,
}

impl Reasoning {
    /// Nothing is sent unless the caller asks for an effort, so that each model does as it is used to.
    pub(super) fn of(request: &ChatRequest, report: &mut TranslationReport) -> Option<Self> {
        let effort = request.effort?;
        if thinks(request.model.as_str()) == Thinks::No {
            if effort != Effort::None {
                report.note(Action::Dropped, "effort: this model does not reason");
            }
            return None;
        }
        let name = match effort {
            Effort::None => "none",
            Effort::Minimal => "minimal",
            Effort::Low => "low",
            Effort::Medium => "medium",
            Effort::High => "high",
            Effort::Max => "max",
        };
        Some(Self { effort: name, summary: (effort != Effort::None).then_some("auto") })
    }
}

/// Whether a model reasons, as far as its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thinks {
    /// A family from before reasoning.
    No,
    /// A family that reasons.
    Yes,
    /// A name that tells nothing: it is treated like the newest.
    Unknown,
}

/// Reads the family out of a name. The families before reasoning are closed: no new names will come.
pub(super) fn thinks(model: &str) -> Thinks {
    let name = model.strip_prefix("ft:").unwrap_or(model);
    if ["gpt-3", "gpt-4", "chatgpt-4o", "davinci", "babbage"].iter().any(|family| name.starts_with(family)) {
        return Thinks::No;
    }
    let mut letters = name.chars();
    let is_o_series = letters.next() == Some('o') && letters.next().is_some_and(|c| c.is_ascii_digit());
    let is_gpt = name.strip_prefix("gpt-").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if is_o_series || is_gpt || name.starts_with("codex") { Thinks::Yes } else { Thinks::Unknown }
}

/// Whether this request would be refused for a temperature. With effort `none` the newest models take one.
pub(super) fn refuses_sampling(request: &ChatRequest) -> bool {
    thinks(request.model.as_str()) == Thinks::Yes && request.effort != Some(Effort::None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_model_tells_whether_it_reasons() {
        for (model, expected) in [
            ("gpt-4o-mini", Thinks::No),
            ("gpt-4.1", Thinks::No),
            ("ft:gpt-4o:me::1", Thinks::No),
            ("o3-mini", Thinks::Yes),
            ("gpt-5.4", Thinks::Yes),
            ("gpt-6", Thinks::Yes),
            ("ollama-model", Thinks::Unknown),
            ("sandbox", Thinks::Unknown),
        ] {
            assert_eq!(thinks(model), expected, "{model}");
        }
    }
}

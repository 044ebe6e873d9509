//! How hard to think, in the words of this API.
//!
//! Nothing is sent unless the caller asks for an effort. Newer models take `output_config.effort` and think adaptively;
//! models up to version 4.5 take a budget of tokens (`thinking.type` `enabled`), and those before 3.7 take nothing. A
//! model whose name tells no version counts as new.

use maestro_core::chat::{Action, ChatRequest, Effort, PartKind, Role, ToolChoice, TranslationReport};
use serde::Serialize;

use super::DEFAULT_MAX_TOKENS;

/// The smallest budget that is accepted.
const MIN_BUDGET: u32 = 1024;

/// What is sent about thinking, and the limit that goes with it.
pub(super) struct ThinkingPlan {
    pub(super) max_tokens: u32,
    pub(super) thinking: Option<Thinking>,
    pub(super) effort: Option<OutputEffort>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Thinking {
    Enabled { budget_tokens: u32 },
    Adaptive,
    Disabled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OutputEffort {
    Low,
    Medium,
    High,
    Max,
}

impl ThinkingPlan {
    pub(super) fn of(request: &ChatRequest, report: &mut TranslationReport) -> Self {
        let max_tokens = request.max_output_tokens.unwrap_or(DEFAULT_MAX_TOKENS);
        let plain = Self { max_tokens, thinking: None, effort: None };
        let Some(effort) = request.effort else { return plain };
        match Generation::of(request.model.as_str()) {
            Generation::BeforeThinking => {
                if effort != Effort::None {
                    report.note(Action::Dropped, "effort: this model does not think");
                }
                plain
            }
            _ if effort == Effort::None => Self { thinking: Some(Thinking::Disabled), ..plain },
            Generation::Adaptive => Self {
                thinking: Some(Thinking::Adaptive),
                effort: Some(match effort {
                    Effort::None | Effort::Minimal | Effort::Low => OutputEffort::Low,
                    Effort::Medium => OutputEffort::Medium,
                    Effort::High => OutputEffort::High,
                    Effort::Max => OutputEffort::Max,
                }),
                ..plain
            },
            Generation::Budget => plain.with_budget(effort, request, report),
        }
    }

    pub(super) fn is_thinking(&self) -> bool {
        matches!(self.thinking, Some(Thinking::Enabled { .. } | Thinking::Adaptive))
    }

    /// Thinks within a budget, where this request allows it. The budget lies within the limit: the default limit is
    /// raised by it, a limit that the caller set is kept and narrows it.
    fn with_budget(mut self, effort: Effort, request: &ChatRequest, report: &mut TranslationReport) -> Self {
        let wanted = match effort {
            Effort::None | Effort::Minimal => MIN_BUDGET,
            Effort::Low => 4096,
            Effort::Medium => 8192,
            Effort::High => 16_384,
            Effort::Max => 32_000,
        };
        if matches!(request.tool_choice, ToolChoice::Required | ToolChoice::Tool(_))
            && !request.tools.is_empty()
        {
            report.note(Action::Dropped, "effort: with a budget, no tool can be forced");
            return self;
        }
        if tool_loop_without_thinking(request) {
            report.note(Action::Dropped, "effort: the running tool calls were made without thinking");
            return self;
        }
        let budget = match request.max_output_tokens {
            None => {
                self.max_tokens = self.max_tokens.saturating_add(wanted);
                wanted
            }
            Some(limit) if limit > MIN_BUDGET => wanted.min(limit - 1),
            Some(_) => {
                report.note(Action::Dropped, "effort: the limit on output leaves no room to think");
                return self;
            }
        };
        self.thinking = Some(Thinking::Enabled { budget_tokens: budget });
        self
    }
}

/// Whether results are about to be sent for calls that came without thinking, which is refused together with a budget.
fn tool_loop_without_thinking(request: &ChatRequest) -> bool {
    let mut newest = request.messages.iter().rev();
    newest.next().is_some_and(|last| last.role == Role::Tool)
        && newest.find(|message| message.role == Role::Assistant).is_some_and(|answer| {
            !matches!(answer.parts.first().map(|p| &p.kind), Some(PartKind::Reasoning(_)))
        })
}

#[derive(Debug, PartialEq, Eq)]
enum Generation {
    BeforeThinking,
    Budget,
    Adaptive,
}

impl Generation {
    /// Reads the version out of names such as `claude-sonnet-4-5-20250929`, `claude-3-7-sonnet-latest`.
    fn of(model: &str) -> Self {
        let numbers: Vec<u32> = model
            .split(['-', '.', '@', ':'])
            .filter(|piece| piece.len() <= 2)
            .filter_map(|piece| piece.parse().ok())
            .take(2)
            .collect();
        match numbers[..] {
            [major, ..] if major > 4 => Self::Adaptive,
            [4, minor] if minor > 5 => Self::Adaptive,
            [4, ..] | [3, 7] => Self::Budget,
            [1..=3, ..] => Self::BeforeThinking,
            _ => Self::Adaptive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_model_tells_how_it_thinks() {
        for (model, expected) in [
            ("claude-3-5-haiku-20241022", Generation::BeforeThinking),
            ("claude-3-opus-latest", Generation::BeforeThinking),
            ("claude-3-7-sonnet-20250219", Generation::Budget),
            ("claude-sonnet-4-20250514", Generation::Budget),
            ("claude-haiku-4-5-20251001", Generation::Budget),
            ("claude-opus-4-6", Generation::Adaptive),
            ("claude-opus-5", Generation::Adaptive),
            ("sandbox-claude", Generation::Adaptive),
        ] {
            assert_eq!(Generation::of(model), expected, "{model}");
        }
    }
}

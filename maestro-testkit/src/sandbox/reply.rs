//! A reply in words that are no provider's: the default one, made from what was said, and the scripted one.

use serde_json::Value;

use super::ask::{Ask, Choice, Reasoning, Tool};
use super::deltas::{pieces, until_stop, words};
use super::scenario::{FinishScript, ReplyScript};
use super::{models, schema};

/// How much of what was said is quoted, in characters.
const QUOTE: usize = 400;

/// What is answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reply {
    pub(super) blocks: Vec<Block>,
    pub(super) finish: Finish,
    pub(super) usage: Usage,
}

/// A piece of a reply, as the deltas it is streamed in.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Block {
    Reasoning(Vec<String>),
    Text(Vec<String>),
    Refusal(Vec<String>),
    Call(Call),
}

/// A tool call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) name: String,
    /// The arguments, JSON text in pieces.
    pub(super) deltas: Vec<String>,
    /// Whether all of the arguments are there.
    pub(super) complete: bool,
}

/// Why a reply ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finish {
    Stop,
    StopSequence(String),
    Length,
    ToolCalls,
    Refusal,
    ContentFilter,
}

/// Tokens.  Input includes the cached part, output the reasoning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) input: u64,
    pub(super) cached: u64,
    pub(super) output: u64,
    pub(super) reasoning: u64,
}

impl Reply {
    /// The reply to a request: as scripted, else by the rule.
    pub(super) fn to(ask: &Ask, script: Option<&ReplyScript>) -> Self {
        match script {
            Some(script) => scripted(ask, script),
            None => by_rule(ask),
        }
    }

    /// All text of the reply.
    pub(super) fn text(&self) -> String {
        let text = |block: &Block| match block {
            Block::Text(deltas) => Some(deltas.concat()),
            _ => None,
        };
        self.blocks.iter().filter_map(text).collect()
    }

    /// All reasoning of the reply.
    pub(super) fn reasoning(&self) -> Option<String> {
        self.blocks.iter().find_map(|block| match block {
            Block::Reasoning(deltas) => Some(deltas.concat()),
            _ => None,
        })
    }

    /// The refusal, when it is one.
    pub(super) fn refusal(&self) -> Option<String> {
        self.blocks.iter().find_map(|block| match block {
            Block::Refusal(deltas) => Some(deltas.concat()),
            _ => None,
        })
    }

    /// The tool calls of the reply.
    pub(super) fn calls(&self) -> impl Iterator<Item = &Call> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Call(call) => Some(call),
            _ => None,
        })
    }
}

impl Block {
    pub(super) fn deltas(&self) -> &[String] {
        match self {
            Self::Reasoning(deltas) | Self::Text(deltas) | Self::Refusal(deltas) => deltas,
            Self::Call(call) => &call.deltas,
        }
    }

    fn deltas_mut(&mut self) -> &mut Vec<String> {
        match self {
            Self::Reasoning(deltas) | Self::Text(deltas) | Self::Refusal(deltas) => deltas,
            Self::Call(call) => &mut call.deltas,
        }
    }
}

impl Call {
    pub(super) fn arguments(&self) -> String {
        self.deltas.concat()
    }
}

/// The reply by the rule: calls when they are asked for, else a text that quotes what was said.
fn by_rule(ask: &Ask) -> Reply {
    let mut blocks = Vec::new();
    if ask.reasoning != Reasoning::Off || models::reasons(&ask.model) {
        blocks.push(Block::Reasoning(words(&thoughts(ask))));
    }
    let calls = chosen(ask);
    let mut finish = if calls.is_empty() { Finish::Stop } else { Finish::ToolCalls };
    if calls.is_empty() {
        let text = match &ask.format {
            Some(format) => schema::synthesise(format).to_string(),
            None => spoken(ask),
        };
        let (text, stopped) = until_stop(text, &ask.stops);
        if let Some(stop) = stopped {
            finish = Finish::StopSequence(stop);
        }
        if !text.is_empty() {
            blocks.push(Block::Text(words(&text)));
        }
    }
    blocks.extend(calls.into_iter().map(|tool| {
        let arguments = schema::synthesise(&tool.schema);
        let arguments = if arguments.is_object() { arguments.to_string() } else { "{}".to_owned() };
        Block::Call(Call { name: tool.name.clone(), deltas: pieces(&arguments), complete: true })
    }));
    if let Some(limit) = ask.limit
        && cut(&mut blocks, limit)
    {
        finish = Finish::Length;
    }
    let usage = counted(ask, &blocks);
    Reply { blocks, finish, usage }
}

fn scripted(ask: &Ask, script: &ReplyScript) -> Reply {
    let mut blocks = Vec::new();
    if let Some(reasoning) = &script.reasoning {
        blocks.push(Block::Reasoning(words(reasoning)));
    }
    let deltas = match (&script.deltas, &script.text) {
        (Some(deltas), _) => deltas.clone(),
        (None, Some(text)) => words(text),
        (None, None) => Vec::new(),
    };
    let repeat = usize::try_from(script.repeat.unwrap_or(1)).unwrap_or(usize::MAX);
    let deltas: Vec<String> =
        deltas.iter().cycle().take(deltas.len().saturating_mul(repeat)).cloned().collect();
    if !deltas.is_empty() {
        blocks.push(match script.finish {
            Some(FinishScript::Refusal) => Block::Refusal(deltas),
            _ => Block::Text(deltas),
        });
    }
    let calls = script.tool_calls.as_deref().unwrap_or_default();
    for (place, call) in calls.iter().enumerate() {
        let last = place + 1 == calls.len() && script.finish == Some(FinishScript::Length);
        let (mut arguments, verbatim) = match &call.arguments {
            Value::Null => ("{}".to_owned(), false),
            Value::String(text) => (text.clone(), true),
            arguments => (arguments.to_string(), false),
        };
        if last && !verbatim {
            arguments = arguments.chars().take(arguments.chars().count() / 2).collect();
        }
        blocks.push(Block::Call(Call {
            name: call.name.clone(),
            deltas: pieces(&arguments),
            complete: !last,
        }));
    }
    let finish = match script.finish {
        Some(FinishScript::Stop) => Finish::Stop,
        Some(FinishScript::Length) => Finish::Length,
        Some(FinishScript::ToolCalls) => Finish::ToolCalls,
        Some(FinishScript::Refusal) => Finish::Refusal,
        Some(FinishScript::ContentFilter) => Finish::ContentFilter,
        None if calls.is_empty() => Finish::Stop,
        None => Finish::ToolCalls,
    };
    let mut usage = counted(ask, &blocks);
    if let Some(script) = script.usage {
        usage.input = script.input_tokens.unwrap_or(usage.input);
        usage.cached = script.cached_tokens.unwrap_or(usage.cached);
        usage.output = script.output_tokens.unwrap_or(usage.output);
        usage.reasoning = script.reasoning_tokens.unwrap_or(usage.reasoning);
    }
    Reply { blocks, finish, usage }
}

/// The tools to call: the forced one, else those named after the word `call`, in the order they are named.
fn chosen(ask: &Ask) -> Vec<&Tool> {
    let said = match ask.last_user.to_lowercase().find("call ") {
        Some(place) if ask.tool_results.is_empty() => named_in(ask, place),
        _ => Vec::new(),
    };
    let mut calls = match &ask.choice {
        Choice::None => Vec::new(),
        Choice::Auto => said,
        Choice::Named(name) => ask.tools.iter().filter(|tool| tool.name == *name).collect(),
        Choice::Any if said.is_empty() => ask.tools.iter().take(1).collect(),
        Choice::Any => said,
    };
    if !ask.parallel {
        calls.truncate(1);
    }
    calls
}

fn named_in(ask: &Ask, from: usize) -> Vec<&Tool> {
    // Lower-casing may move byte offsets; a place that is no boundary any more means: look at all of it.
    let text = ask.last_user.get(from..).unwrap_or(&ask.last_user);
    let mut found: Vec<(usize, &Tool)> =
        ask.tools.iter().filter_map(|tool| Some((word(text, &tool.name)?, tool))).collect();
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, tool)| tool).collect()
}

/// Where the name stands in the text as a word of its own.
fn word(text: &str, name: &str) -> Option<usize> {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(name)
        .find(|(place, _)| !text[..*place].ends_with(part) && !text[place + name.len()..].starts_with(part))
        .map(|(place, _)| place)
}

fn spoken(ask: &Ask) -> String {
    let mut text = String::from("Sandbox (no model was asked) ");
    if ask.tool_results.is_empty() {
        text.push_str(&format!("heard: \"{}\"", quote(&ask.last_user)));
    } else {
        let plural = if ask.tool_results.len() == 1 { "" } else { "s" };
        let quotes: Vec<String> = ask.tool_results.iter().map(|r| format!("\"{}\"", quote(r))).collect();
        text.push_str(&format!("read {} tool result{plural}: {}", quotes.len(), quotes.join(", ")));
    }
    if let Some(system) = &ask.system {
        text.push_str(&format!("\n\n(system prompt: {} words)", system.split_whitespace().count()));
    }
    text.push_str(&format!(
        "\n\nA rule wrote this answer, so the same question has the **same answer** each time:\n\n\
         - it was said in {} words to `{}`,\n\
         - with {} tools to call,\n\
         - on a server that runs on this very machine.\n\n\
         Nothing was sent over the network and nothing was billed. A scenario can put any other reply, or any \
         fault, in the place of this one; `docs/sandbox.md` tells how. Until then, this text is here to be \
         streamed, a few words at a time, like that of a real model.",
        ask.last_user.split_whitespace().count(),
        ask.model,
        ask.tools.len(),
    ));
    text
}

fn thoughts(ask: &Ask) -> String {
    format!(
        "The last message has {} words. There is no model behind this answer, so there is little to weigh: \
         quote what was said, say who is speaking, and stop.",
        ask.last_user.split_whitespace().count()
    )
}

fn quote(text: &str) -> String {
    let mut quoted: String = text.chars().take(QUOTE).collect();
    if quoted.len() < text.len() {
        quoted.push('…');
    }
    quoted
}

/// Keeps this many deltas; says whether any was dropped.
fn cut(blocks: &mut Vec<Block>, limit: u64) -> bool {
    let mut left = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut dropped = false;
    blocks.retain_mut(|block| {
        let length = block.deltas().len();
        if left == 0 && length > 0 {
            dropped = true;
            return false;
        }
        if length > left {
            dropped = true;
            block.deltas_mut().truncate(left);
            if let Block::Call(call) = block {
                call.complete = false;
            }
        }
        left -= length.min(left);
        true
    });
    dropped
}

fn counted(ask: &Ask, blocks: &[Block]) -> Usage {
    let sum = |wanted: fn(&Block) -> bool| -> u64 {
        blocks.iter().filter(|block| wanted(block)).map(|block| block.deltas().len() as u64).sum()
    };
    Usage {
        input: ask.input_tokens,
        cached: 0,
        output: sum(|_| true),
        reasoning: sum(|block| matches!(block, Block::Reasoning(_))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ask(text: &str) -> Ask {
        let tool = |name: &str| Tool {
            name: name.into(),
            schema: json!({"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}),
        };
        Ask {
            model: "sandbox-small".into(),
            last_user: text.into(),
            tools: vec![tool("get_weather"), tool("get_time")],
            parallel: true,
            ..Ask::default()
        }
    }

    #[test]
    fn the_default_reply_quotes_what_was_said_in_twenty_to_sixty_deltas() {
        let reply = Reply::to(&ask("How are you?"), None);
        assert!(reply.text().starts_with("Sandbox (no model was asked) heard: \"How are you?\""));
        let count = reply.blocks[0].deltas().len();
        assert!((20..=60).contains(&count), "{count}");
        assert_eq!(reply.usage.output, count as u64);
    }

    #[test]
    fn tools_are_called_when_named_after_the_word_call() {
        let names = |text: &str| {
            let reply = Reply::to(&ask(text), None);
            reply.calls().map(|call| call.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names("call get_weather"), ["get_weather"]);
        assert_eq!(names("Please call get_time and get_weather now"), ["get_time", "get_weather"]);
        assert!(names("get_weather is a tool").is_empty());
        assert!(names("call get_weather_twice").is_empty());
    }

    #[test]
    fn a_limit_cuts_deltas_and_leaves_a_call_incomplete() {
        let mut ask = ask("call get_weather");
        ask.limit = Some(1);
        let reply = Reply::to(&ask, None);
        assert_eq!(reply.finish, Finish::Length);
        let call = reply.calls().next().unwrap();
        assert!(!call.complete && serde_json::from_str::<Value>(&call.arguments()).is_err());
        assert_eq!(reply.usage.output, 1);
    }

    #[test]
    fn a_stop_sequence_ends_the_text_before_itself() {
        let mut ask = ask("hi");
        ask.stops = vec!["never said".into(), "heard".into()];
        let reply = Reply::to(&ask, None);
        assert_eq!(reply.text(), "Sandbox (no model was asked) ");
        assert_eq!(reply.finish, Finish::StopSequence("heard".into()));
    }
}

//! Step 1: every part becomes one that the target carries, or goes.

use super::{
    Action, EmptyText, Fate, FilteredTurns, MediaPlace, MediaRule, ReasoningRule, RefusalRule, Slot,
    TargetRules, TranslationReport, Turn, media, seals,
};
use crate::chat::{
    Finish, Image, Media, Message, Origin, Part, PartKind, Role, Seal, Text, ToolResult, ToolResultContent,
};

/// Fits all parts. Answers that must not be replayed are left out as a whole.
pub(super) fn fit(messages: Vec<Message>, rules: &TargetRules, report: &mut TranslationReport) -> Vec<Turn> {
    let mut turns = Vec::with_capacity(messages.len());
    for (source, mut message) in messages.into_iter().enumerate() {
        if is_filtered(&message, rules) {
            report.note_turn(
                source,
                Action::Dropped,
                "a filter ended this answer; it would be refused again",
            );
            continue;
        }
        let parts = std::mem::take(&mut message.parts);
        let mut turn =
            Turn { source, head: message, slots: Vec::with_capacity(parts.len()), beside: Vec::new() };
        for (index, part) in parts.into_iter().enumerate() {
            let mut fitting = Fitting {
                rules,
                role: turn.head.role,
                origin: turn.head.origin.as_ref(),
                beside: Vec::new(),
                report,
                place: (source, index),
            };
            let (part, fate) = fitting.part(part);
            let beside = fitting.beside;
            turn.slots.push(match (&part.kind, fate) {
                (PartKind::ToolResult(_), _) => Slot { part, fate, beside },
                _ => {
                    turn.beside.extend(beside);
                    Slot { part, fate, beside: Vec::new() }
                }
            });
        }
        turns.push(turn);
    }
    turns
}

fn is_filtered(message: &Message, rules: &TargetRules) -> bool {
    rules.filtered == FilteredTurns::Dropped
        && message.role == Role::Assistant
        && message.finish == Some(Finish::Filtered)
        && message.origin.as_ref().is_some_and(|origin| origin.api == rules.api)
}

struct Fitting<'a> {
    rules: &'a TargetRules,
    role: Role,
    origin: Option<&'a Origin>,
    /// Media that are to be shown by the user.
    beside: Vec<Part>,
    report: &'a mut TranslationReport,
    place: (usize, usize),
}

impl Fitting<'_> {
    fn part(&mut self, mut part: Part) -> (Part, Fate) {
        let fate = match self.role {
            Role::System if !matches!(part.kind, PartKind::Text(_)) => {
                self.drop(format!("{}: instructions are text", part.kind.name()))
            }
            Role::Assistant => self.fit(&mut part),
            _ if matches!(part.kind, PartKind::Reasoning(_) | PartKind::ToolCall(_)) => {
                self.drop(format!("{}: only a model can say it", part.kind.name()))
            }
            _ => self.fit(&mut part),
        };
        (part, fate)
    }

    fn fit(&mut self, part: &mut Part) -> Fate {
        let is_own = part.native.as_ref().is_some_and(|native| native.api == self.rules.api);
        if !matches!(part.kind, PartKind::Reasoning(_)) {
            self.unseal(part);
        }
        match &mut part.kind {
            PartKind::Text(text) => {
                let kept = match self.rules.empty_text {
                    EmptyText::OwnKept => is_own || text.seal.is_some(),
                    EmptyText::SealedKept => text.seal.is_some(),
                    EmptyText::AlwaysDropped => false,
                };
                if text.text.trim().is_empty() && !kept {
                    self.drop("empty text".to_owned());
                    return Fate::Empty;
                }
                Fate::Kept
            }
            PartKind::Image(_) | PartKind::Document(_) | PartKind::Audio(_) => self.media(part, is_own),
            PartKind::Reasoning(reasoning) => match &reasoning.seal {
                Some(seal) if self.rules.reasoning != ReasoningRule::Dropped && self.accepts(seal) => {
                    Fate::Kept
                }
                Some(_) => self.drop("reasoning whose seal the target does not take".to_owned()),
                None => self.drop("reasoning without a seal".to_owned()),
            },
            PartKind::ToolCall(_) => Fate::Kept,
            PartKind::ToolResult(result) => {
                self.result(result);
                Fate::Kept
            }
            PartKind::Refusal(_) if is_own && self.rules.refusals == RefusalRule::Replayed => Fate::Kept,
            PartKind::Refusal(refusal) => {
                if refusal.text.trim().is_empty() {
                    return self.drop("empty refusal".to_owned());
                }
                self.downgrade("refusal: sent as text".to_owned());
                part.kind = PartKind::Text(media::plain(std::mem::take(&mut refusal.text)));
                part.native = None;
                Fate::Kept
            }
            PartKind::Opaque(opaque) if opaque.native.api == self.rules.api => Fate::Kept,
            PartKind::Opaque(opaque) => {
                let api = opaque.native.api.clone();
                self.drop(format!("opaque part of {api}"))
            }
        }
    }

    /// Takes a seal off that the target would not take, and with it the native JSON that holds it too.
    fn unseal(&mut self, part: &mut Part) {
        let Some(seal) = part.seal() else { return };
        if self.accepts(seal) {
            return;
        }
        let api = seal.api.clone();
        self.drop(format!("seal of {api}"));
        match &mut part.kind {
            PartKind::Text(Text { seal, .. }) | PartKind::Image(Image { seal, .. }) => *seal = None,
            PartKind::ToolCall(call) => call.seal = None,
            _ => {}
        }
        if part.native.as_ref().is_some_and(|native| native.api == self.rules.api) {
            part.native = None;
        }
    }

    /// Only what a model said carries seals.
    fn accepts(&self, seal: &Seal) -> bool {
        self.role == Role::Assistant && seals::accepts(seal, self.origin, self.rules)
    }

    /// A picture, document or sound by itself. What the target made itself is replayed as it came.
    fn media(&mut self, part: &mut Part, is_own: bool) -> Fate {
        if is_own {
            return Fate::Kept;
        }
        let (kind, media, rule) = match &part.kind {
            PartKind::Image(image) => ("picture", &image.media, &self.rules.images),
            PartKind::Document(document) => ("document", &document.media, &self.rules.documents),
            PartKind::Audio(audio) => ("sound", &audio.media, &self.rules.audio),
            _ => return Fate::Kept,
        };
        if !media::carries(rule, &self.rules.api, media) {
            let words = match &part.kind {
                PartKind::Document(document) => media::words(document),
                _ => None,
            };
            let text = self.in_words(kind, words, media);
            part.kind = PartKind::Text(media::plain(text));
            part.native = None;
            return Fate::Kept;
        }
        if self.role == Role::Assistant && self.rules.assistant_media == MediaPlace::Beside {
            let (turn, index) = self.place;
            let reason = format!("{}: shown by the user instead", media::describe(kind, media));
            self.report.note_part(turn, index, Action::Moved, reason);
            let mut moved = Part::new(part.kind.clone());
            if let PartKind::Image(image) = &mut moved.kind {
                image.seal = None;
            }
            self.beside.extend([Part::text(format!("A {kind} from the answer before:")), moved]);
            return Fate::Gone;
        }
        Fate::Kept
    }

    /// The media within a result of a tool.
    fn result(&mut self, result: &mut ToolResult) {
        for content in &mut result.content {
            let (kind, media, rule, place) = match &*content {
                ToolResultContent::Text { .. } => continue,
                ToolResultContent::Image(image) => {
                    ("picture", &image.media, &self.rules.images, self.rules.result_images)
                }
                ToolResultContent::Document(document) => {
                    ("document", &document.media, &self.rules.documents, self.rules.result_documents)
                }
            };
            let carried = carried(rule, self.rules, media, place);
            if carried && place == MediaPlace::Inside {
                continue;
            }
            let text = if carried {
                let (turn, index) = self.place;
                let reason =
                    format!("{} in a result: shown by the user instead", media::describe(kind, media));
                self.report.note_part(turn, index, Action::Moved, reason);
                let shown = match &*content {
                    ToolResultContent::Image(image) => PartKind::Image(Image { seal: None, ..image.clone() }),
                    ToolResultContent::Document(document) => PartKind::Document(document.clone()),
                    ToolResultContent::Text { .. } => continue,
                };
                let name = &result.name;
                self.beside
                    .extend([Part::text(format!("A {kind} from the result of {name}:")), Part::new(shown)]);
                format!("[{kind}: see the next message]")
            } else {
                let words = match &*content {
                    ToolResultContent::Document(document) => media::words(document),
                    _ => None,
                };
                self.in_words(kind, words, media)
            };
            *content = ToolResultContent::Text { text };
        }
    }

    /// What is said in place of media that the target does not carry.
    fn in_words(&mut self, kind: &str, words: Option<String>, media: &Media) -> String {
        let described = media::describe(kind, media);
        match words {
            Some(words) => {
                self.downgrade(format!("{described}: sent as text"));
                words
            }
            None => {
                self.downgrade(format!("{described}: a note stands for it"));
                media::note(kind, media)
            }
        }
    }

    fn drop(&mut self, reason: String) -> Fate {
        let (turn, part) = self.place;
        self.report.note_part(turn, part, Action::Dropped, reason);
        Fate::Gone
    }

    fn downgrade(&mut self, reason: String) {
        let (turn, part) = self.place;
        self.report.note_part(turn, part, Action::Downgraded, reason);
    }
}

/// Whether media in a result can go, here or beside it. References to files cannot stand inside a result.
fn carried(rule: &MediaRule, rules: &TargetRules, media: &Media, place: MediaPlace) -> bool {
    media::carries(rule, &rules.api, media)
        && (place == MediaPlace::Beside || !matches!(media, Media::FileRef { .. }))
}

//! What a target demands, as data.

use compact_str::CompactString;

use crate::chat::ApiId;

/// What an API, and a model of it, demands of a conversation. Data, so that a provider from outside can say its own.
///
/// Begin with [`TargetRules::strict`], which every target that takes text and tools accepts, and loosen what yours can
/// do:
///
/// ```
/// use maestro_core::chat::{ApiId, FirstTurn, MediaRule, TargetRules};
///
/// let rules = TargetRules {
///     first_turn: FirstTurn::Any,
///     images: MediaRule { bytes: &["image/png"], ..MediaRule::NONE },
///     ..TargetRules::strict(ApiId::from_static("my-api"), "my-model")
/// };
/// assert!(rules.images.carries_bytes("image/png"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetRules {
    /// The API that is written for: native JSON and seals of this one are replayed, those of others are not.
    pub api: ApiId,
    /// The model that is asked.
    pub model: CompactString,
    /// Which seals of its own API the target takes back.
    pub seals: SealScope,
    /// Which reasoning the target takes back.
    pub reasoning: ReasoningRule,
    /// Whether calls must carry a seal.
    pub call_seals: CallSeals,
    /// What ids of calls must look like.
    pub call_ids: CallIdRule,
    /// What names of tools in the history must look like.
    pub tool_names: ToolNameRule,
    /// Where results of calls must stand.
    pub results: ResultPlace,
    /// Pictures that a tool answers with.
    pub result_images: MediaPlace,
    /// Documents that a tool answers with.
    pub result_documents: MediaPlace,
    /// Pictures, documents and sound that a model answers with.
    pub assistant_media: MediaPlace,
    /// Which pictures the target carries.
    pub images: MediaRule,
    /// Which documents the target carries.
    pub documents: MediaRule,
    /// Which sound the target carries.
    pub audio: MediaRule,
    /// What becomes of a refusal in the history.
    pub refusals: RefusalRule,
    /// What becomes of an own answer that a filter ended.
    pub filtered: FilteredTurns,
    /// Which texts count as empty and are left out.
    pub empty_text: EmptyText,
    /// What becomes of instructions in the middle of a conversation.
    pub mid_system: MidSystem,
    /// Whether two messages of one role may follow each other.
    pub neighbours: Neighbours,
    /// Who must speak first.
    pub first_turn: FirstTurn,
    /// Who must speak last.
    pub last_turn: LastTurn,
}

impl TargetRules {
    /// The rules that ask the most and offer the least: text and tools only, in strict alternation.
    pub fn strict(api: ApiId, model: impl Into<CompactString>) -> Self {
        Self {
            api,
            model: model.into(),
            seals: SealScope::Model,
            reasoning: ReasoningRule::Dropped,
            call_seals: CallSeals::Optional,
            call_ids: CallIdRule { max_len: 40 },
            tool_names: ToolNameRule { max_len: 64 },
            results: ResultPlace::NextTurn,
            result_images: MediaPlace::Beside,
            result_documents: MediaPlace::Beside,
            assistant_media: MediaPlace::Beside,
            images: MediaRule::NONE,
            documents: MediaRule::NONE,
            audio: MediaRule::NONE,
            refusals: RefusalRule::AsText,
            filtered: FilteredTurns::Kept,
            empty_text: EmptyText::AlwaysDropped,
            mid_system: MidSystem::AsUserText,
            neighbours: Neighbours::Merged,
            first_turn: FirstTurn::User,
            last_turn: LastTurn::NotAssistant,
        }
    }
}

/// Which seals of its own API a target takes back. Seals of another API are never sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealScope {
    /// Those of any model.
    Api,
    /// Only those of the model that is asked; a seal of an unknown model counts as its own.
    Model,
}

/// Which reasoning a target takes back. It is never rendered as plain text: models would imitate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReasoningRule {
    /// None.
    Dropped,
    /// Its own, with a seal that it accepts.
    Sealed,
    /// The same, and only together with the part that came right after it.
    SealedWithFollower,
}

/// Whether calls must carry a seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallSeals {
    /// They need none.
    Optional,
    /// In the current turn (after the last message of the user) the first call of each answer needs one; where it has
    /// none, this placeholder is sent, which the provider documents for calls that were made elsewhere.
    FirstOfAnswer {
        /// The documented placeholder.
        placeholder: &'static str,
    },
}

/// What ids of calls must look like: `A-Z a-z 0-9 _ -`, unique in the conversation, and not longer than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallIdRule {
    /// The most characters; at least 29, the length of an id that is made up.
    pub max_len: usize,
}

impl CallIdRule {
    /// Whether an id may be sent as it is.
    pub fn allows(&self, id: &str) -> bool {
        (1..=self.max_len).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    }
}

/// What names of tools must look like: a letter or `_`, then `A-Z a-z 0-9 _ -`, and not longer than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToolNameRule {
    /// The most characters.
    pub max_len: usize,
}

impl ToolNameRule {
    /// Whether a name may be sent as it is.
    pub fn allows(&self, name: &str) -> bool {
        (1..=self.max_len).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
            && !name.starts_with(|c: char| c.is_ascii_digit() || c == '-')
    }
}

/// Where results of calls must stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultPlace {
    /// Anywhere after their call.
    AfterCall,
    /// All of them right after the answer that made the calls, in the order of the calls.
    NextTurn,
}

/// Where a picture or document can stand that does not come from the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaPlace {
    /// In its place.
    Inside,
    /// Only in a message of the user; it is moved to the next one.
    Beside,
}

/// Which media of one kind a target carries. What it does not is replaced by a short note in square brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaRule {
    /// The media types that it takes as bytes; a trailing `*` stands for any ending.
    pub bytes: &'static [&'static str],
    /// Whether it fetches addresses.
    pub urls: Carries,
    /// Whether it takes references to files that were uploaded to its own API.
    pub file_refs: Carries,
}

impl MediaRule {
    /// Nothing of the kind.
    pub const NONE: Self = Self { bytes: &[], urls: Carries::No, file_refs: Carries::No };

    /// Whether bytes of this media type may be sent.
    pub fn carries_bytes(&self, media_type: &str) -> bool {
        // Parameters such as `; charset=utf-8` do not matter here.
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        self.bytes.iter().any(|allowed| match allowed.strip_suffix('*') {
            Some(prefix) => {
                essence.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
            }
            None => essence.eq_ignore_ascii_case(allowed),
        })
    }
}

/// Whether a target carries a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// What becomes of a refusal in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalRule {
    /// It is sent as text.
    AsText,
    /// One with native JSON of the own API is replayed; others are sent as text.
    Replayed,
}

/// What becomes of an own answer that a filter ended ([`Finish::Filtered`](crate::chat::Finish::Filtered)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilteredTurns {
    /// It is replayed like any other.
    Kept,
    /// It is not replayed: the provider would refuse it again.
    Dropped,
}

/// Which texts count as empty and are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptyText {
    /// Texts of nothing but white space, save those that carry a seal or native JSON of the own API.
    OwnKept,
    /// Texts of nothing but white space, save those that carry a seal of the own API.
    SealedKept,
    /// All texts of nothing but white space.
    AlwaysDropped,
}

/// What becomes of instructions in the middle of a conversation. Those before the first message of anybody else always
/// stay where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MidSystem {
    /// They stay.
    Kept,
    /// They move before the conversation: they keep their authority and lose their place.
    Hoisted,
    /// They become a text of the user within `<system>` tags: they keep their place and lose their authority.
    AsUserText,
}

/// Whether two messages of one role may follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Neighbours {
    /// They may.
    Allowed,
    /// They are made one message; their parts stay apart.
    Merged,
}

/// Who must speak first, after the instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstTurn {
    /// Anybody.
    Any,
    /// The user; a short text is put in front otherwise.
    User,
}

/// Who must speak last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastTurn {
    /// Anybody; the model goes on with an answer that stands last.
    Any,
    /// Not the model, save for an own answer that its provider [paused](crate::chat::Finish::Paused); a short text of
    /// the user is added otherwise.
    NotAssistant,
}

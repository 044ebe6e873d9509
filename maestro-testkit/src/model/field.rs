//! What an operation is told: small values that print shortly and know a simpler one.

use std::fmt::{self, Debug};

use maestro_core::{
    auth::{AuthName, AuthType},
    chat::{ApiId, Finish, Origin, Part, PartStart, Role, StreamEvent},
    conversations::{ChunkState, EntryContent, EntryState, LineageRange, SessionName, ThreadLabel},
    page::Direction,
    provider::{ModelId, ProviderId},
    stream::journal::JournalWriter,
    supplied_context::{ItemName, ItemOrder, ItemText, ItemType, JSON_MAP_DEPTH, JsonMap, Tags},
    time::Timestamp,
};
use serde_json::{Value, json};

use super::names::{A, E, H, I, S, T};

/// A field of an operation.
pub(super) trait Field: Debug + Clone + PartialEq {
    /// A value that says less, for a program that is being shrunk; none when there is nothing simpler.
    fn simpler(&self) -> Option<Self> {
        None
    }

    /// Whether it is so plain that a program can be read without it.
    fn is_plain(&self) -> bool {
        false
    }

    /// Notes the ids that it names.
    fn mention(&self, _into: &mut Mentioned) {}
}

/// The ids that a program names, each once, sorted.
#[derive(Debug, Default)]
pub(super) struct Mentioned {
    pub(super) auths: Vec<A>,
    pub(super) items: Vec<I>,
    pub(super) sessions: Vec<S>,
    pub(super) threads: Vec<T>,
    pub(super) entries: Vec<E>,
}

macro_rules! ids {
    ($($name:ident => $list:ident),*) => {$(
        impl Field for $name {
            fn simpler(&self) -> Option<Self> {
                (self.0 > 1).then_some(Self(1))
            }
            fn mention(&self, into: &mut Mentioned) {
                if let Err(place) = into.$list.binary_search(self) {
                    into.$list.insert(place, *self);
                }
            }
        }
    )*};
}
ids! { A => auths, I => items, S => sessions, T => threads, E => entries }
impl Field for H {
    fn simpler(&self) -> Option<Self> {
        (self.0 > 1).then_some(Self(1))
    }
}

impl<F: Field> Field for Option<F> {
    fn simpler(&self) -> Option<Self> {
        self.is_some().then_some(None)
    }
    fn is_plain(&self) -> bool {
        self.is_none()
    }
    fn mention(&self, into: &mut Mentioned) {
        self.iter().for_each(|field| field.mention(into));
    }
}

impl<F: Field> Field for Vec<F> {
    fn simpler(&self) -> Option<Self> {
        (!self.is_empty()).then(|| self[..self.len() - 1].to_vec())
    }
    fn is_plain(&self) -> bool {
        self.is_empty()
    }
    fn mention(&self, into: &mut Mentioned) {
        self.iter().for_each(|field| field.mention(into));
    }
}

/// Fields that have one plain value, from which the others are told.
macro_rules! plain {
    ($($name:ty: $plain:expr;)*) => {$(
        impl Field for $name {
            fn simpler(&self) -> Option<Self> {
                (!self.is_plain()).then(|| $plain)
            }
            fn is_plain(&self) -> bool {
                *self == $plain
            }
        }
    )*};
}
plain! {
    When: When(0);
    u8: 0;
    bool: false;
    Rev: Rev::Now;
    Seq: Seq::Next;
    Map: Map::Empty;
    Role: Role::User;
    EntryState: EntryState::Complete;
    Direction: Direction::Ascending;
    ItemOrder: ItemOrder::Name;
    Search: Search("");
    Says: Says { texts: vec!["x"], asked: false };
    Journalled: Journalled::Nothing;
    PageOf: PageOf { limit: 50, after: None, count: false, keep: None };
}
impl Field for LineageRange {}
impl Field for AuthType {}
impl Field for ItemType {}
impl Field for ChunkState {}

/// A moment: so many seconds after the beginning. There are few, so that many things happen at once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct When(pub(super) u8);

impl When {
    pub(super) fn time(self) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000 + i64::from(self.0) * 1_000_000)
    }
}

/// Which revision an update names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rev {
    /// The one that the row has.
    Now,
    At(u8),
}

/// Which number a chunk of a journal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seq {
    Next,
    At(u8),
}

/// The head that a writer names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// The one that the thread has.
    Head,
    Entry(E),
    Start,
}

impl Field for Behind {
    fn simpler(&self) -> Option<Self> {
        (!self.is_plain()).then_some(Self::Head)
    }
    fn is_plain(&self) -> bool {
        *self == Self::Head
    }
    fn mention(&self, into: &mut Mentioned) {
        if let Self::Entry(entry) = self {
            entry.mention(into);
        }
    }
}

/// A change of something that may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change<F> {
    Keep,
    Clear,
    To(F),
}

impl<F: Field> Change<F> {
    pub(super) fn map<V>(&self, value: impl FnOnce(&F) -> V) -> Option<Option<V>> {
        match self {
            Self::Keep => None,
            Self::Clear => Some(None),
            Self::To(field) => Some(Some(value(field))),
        }
    }
}

impl<F: Field> Field for Change<F> {
    fn simpler(&self) -> Option<Self> {
        (!self.is_plain()).then_some(Self::Keep)
    }
    fn is_plain(&self) -> bool {
        *self == Self::Keep
    }
    fn mention(&self, into: &mut Mentioned) {
        if let Self::To(field) = self {
            field.mention(into);
        }
    }
}

/// An item in a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Used(pub(super) I, pub(super) u8);

impl Field for Used {
    fn mention(&self, into: &mut Mentioned) {
        self.0.mention(into);
    }
}

/// One of the maps of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Map {
    Empty,
    Number(u8),
    /// One level deeper than any store takes.
    TooDeep,
}

impl Map {
    pub(super) fn json(self) -> JsonMap {
        let value = match self {
            Self::Empty => return JsonMap::new(),
            Self::Number(number) => json!({ "n": number }),
            Self::TooDeep => (0..JSON_MAP_DEPTH).fold(Value::Null, |inner, _| json!([inner])),
        };
        JsonMap::from_iter([("m".to_owned(), value)])
    }
}

/// Names and texts, from lists with traps for orders, folding and words.
macro_rules! words {
    ($($name:ident of $type:ty, $make:expr, $($list:literal),+;)*) => {$(
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub(super) struct $name(pub(super) &'static str);

        impl $name {
            pub(super) const LIST: &'static [&'static str] = &[$($list),+];

            pub(super) fn value(self) -> $type {
                let make: fn(&'static str) -> maestro_core::Result<$type> = $make;
                make(self.0).unwrap()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Debug::fmt(self.0, f)
            }
        }
    )*};
}
words! {
    Provider of ProviderId, ProviderId::new, "anthropic", "openai";
    Called of AuthName, AuthName::new, "work", "Work", "work-2";
    Title of SessionName, SessionName::new, "talk", "Gespräch";
    Label of ThreadLabel, ThreadLabel::new, "draft", "zweiter Versuch";
    Model of ModelId, ModelId::new, "m-1", "m-2";
    Named of ItemName, ItemName::new, "Zeta", "alpha", "Éclair", "alpha 2";
    Text of ItemText, ItemText::new,
        "Crème brûlée", "STRASSE", "in der Straße", "東京 タワー", "Ωμέγα τέλος", "İstanbul'da", "Привет, мир",
        "مرحبا بالعالم", "हिन्दी", "don't 3.14 x_y";
    Search of String, |text| Ok(text.to_owned()),
        "", "creme", "CRÈ", "strass", "straße", "東", "ωμεγα", "istan", "ПРИВЕТ м", "مرحبا", "हिन्दी", "don", "3", "fr",
        "alph", "zeta creme", "é";
    Tag of Tags, |tag| match tag.split_once('=') {
            Some((name, value)) => Tags::new([(name.to_owned(), value.to_owned())]),
            None => Tags::new([]),
        },
        "lang=de", "lang=fr", "Ü=";
}
impl Field for Provider {}
impl Field for Called {}
impl Field for Title {}
impl Field for Label {}
impl Field for Model {}
impl Field for Named {}
impl Field for Text {}
impl Field for Tag {}

/// What an entry says, part by part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Says {
    pub(super) texts: Vec<&'static str>,
    /// Whether it also says who was asked, as answers do.
    pub(super) asked: bool,
}

impl Says {
    pub(super) fn content(&self) -> EntryContent {
        EntryContent {
            parts: self.texts.iter().map(|text| Part::text(*text)).collect(),
            origin: self.asked.then(|| Origin {
                provider: Provider("openai").value(),
                auth_type: None,
                api: ApiId::new("openai-responses"),
                model_asked: "m-1".into(),
                model_served: None,
                response_id: None,
            }),
            finish: self.asked.then_some(Finish::Stop),
            ..EntryContent::default()
        }
    }
}

/// What goes into a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Journalled {
    /// A sign of life.
    Nothing,
    Text(&'static str),
    /// What no reader knows.
    Torn,
}

impl Journalled {
    /// The data of a chunk; the first also begins the answer and its only part.
    pub(super) fn data(self, is_first: bool) -> String {
        let text = match self {
            Self::Nothing => return String::new(),
            Self::Torn => return "{\"t\":[0,".to_owned(),
            Self::Text(text) => text,
        };
        let mut journal = JournalWriter::new();
        if is_first {
            journal
                .push(&StreamEvent::Started { response_id: Some("r".into()), model: Some("m-1.1".into()) });
            journal.push(&StreamEvent::PartStart { index: 0, part: PartStart::Text });
        }
        journal.push(&StreamEvent::TextDelta { index: 0, text: text.into() });
        journal.take()
    }
}

/// A page: `keep` is where its cursor is put, to be read on from `after`, maybe much later or in another listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageOf {
    pub(super) limit: u16,
    pub(super) after: Option<u8>,
    pub(super) count: bool,
    pub(super) keep: Option<u8>,
}

impl fmt::Debug for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(&self.0, f)
    }
}

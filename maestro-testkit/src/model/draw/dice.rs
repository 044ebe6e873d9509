//! The names and values that operations are drawn with.

use maestro_core::{
    auth::AuthType,
    conversations::{EntryState, LineageRange},
    page::Direction,
    supplied_context::ItemType,
};
use rand::{RngExt as _, rngs::StdRng};

use super::{
    super::{
        field::{
            Behind, Called, Change, Label, Map, Named, PageOf, Provider, Rev, Says, Tag, Text, Title, Used,
            When,
        },
        names::{A, E, H, I, MOST, S, T},
    },
    Draw,
};

/// The numbers of one kind of name.
#[derive(Default)]
pub(super) struct Given {
    /// The greatest that was given; 0 before the first.
    last: u8,
    /// Those that a store will have, most likely.
    pub(super) live: Vec<u8>,
}

impl Draw {
    // ---- Names of what is there, was there or never was

    pub(super) fn auth(&mut self) -> A {
        A(self.auths.known(&mut self.rng))
    }
    pub(super) fn item(&mut self) -> I {
        I(self.items.known(&mut self.rng))
    }
    pub(super) fn session(&mut self) -> S {
        S(self.sessions.known(&mut self.rng))
    }
    pub(super) fn thread(&mut self) -> T {
        T(self.threads.known(&mut self.rng))
    }
    pub(super) fn entry(&mut self) -> E {
        E(self.entries.known(&mut self.rng))
    }
    pub(super) fn new_thread(&mut self) -> T {
        T(self.threads.fresh(&mut self.rng))
    }
    pub(super) fn new_entry(&mut self) -> E {
        E(self.entries.fresh(&mut self.rng))
    }
    pub(super) fn holder(&mut self) -> H {
        H(self.rng.random_range(1..4))
    }

    /// An entry that was begun, and who writes it; now and then another, or another writer.
    pub(super) fn stream(&mut self) -> (E, H) {
        if self.streams.is_empty() || self.one_in(10) {
            return (self.entry(), self.holder());
        }
        let back = self.rng.random_range(0..self.streams.len().min(3));
        let place = self.streams.len() - 1 - back;
        let (entry, writer) = self.streams[place];
        (entry, if self.one_in(10) { self.holder() } else { writer })
    }

    pub(super) fn used(&mut self) -> Used {
        Used(self.item(), if self.one_in(6) { self.rng.random_range(0..4) } else { 1 })
    }

    pub(super) fn prompts(&mut self) -> Vec<Used> {
        (0..[0, 0, 1, 2][self.small(4)]).map(|_| self.used()).collect()
    }

    // ---- What stands beside

    pub(super) fn rev(&mut self) -> Rev {
        if self.one_in(5) { Rev::At(self.rng.random_range(1..4)) } else { Rev::Now }
    }
    pub(super) fn behind(&mut self) -> Behind {
        match self.small(12) {
            0 => Behind::Entry(self.entry()),
            1 => Behind::Start,
            _ => Behind::Head,
        }
    }
    pub(super) fn state(&mut self) -> EntryState {
        match self.small(30) {
            0 => EntryState::Streaming,
            1..3 => EntryState::Interrupted,
            3..5 => EntryState::Cancelled,
            5..7 => EntryState::Failed,
            _ => EntryState::Complete,
        }
    }
    pub(super) fn says(&mut self) -> Says {
        let texts = (0..[0, 1, 1, 1, 2, 2][self.small(6)]).map(|_| self.word(Text::LIST)).collect();
        Says { texts, asked: self.one_in(4) }
    }
    pub(super) fn map(&mut self) -> Map {
        match self.small(50) {
            0 => Map::TooDeep,
            1..10 => Map::Number(self.byte()),
            _ => Map::Empty,
        }
    }
    /// Mostly the first page; now and then one from where another listing stood.
    pub(super) fn page(&mut self) -> PageOf {
        PageOf {
            limit: [1, 1, 2, 3][self.small(4)],
            after: self.one_in(3).then_some(self.rng.random_range(1..5)),
            count: self.one_in(3),
            keep: Some(self.rng.random_range(1..5)),
        }
    }
    pub(super) fn range(&mut self) -> LineageRange {
        let number = self.rng.random_range(1..5);
        match self.small(3) {
            0 => LineageRange::All,
            1 => LineageRange::UpTo(maestro_core::conversations::TurnIndex::new(number)),
            _ => LineageRange::Last(std::num::NonZeroU32::MIN.saturating_add(number - 1)),
        }
    }
    pub(super) fn direction(&mut self) -> Direction {
        if self.one_in(2) { Direction::Ascending } else { Direction::Descending }
    }
    pub(super) fn auth_type(&mut self) -> AuthType {
        if self.one_in(2) { AuthType::ApiKey } else { AuthType::OAuth }
    }
    pub(super) fn item_type(&mut self) -> ItemType {
        if self.one_in(2) { ItemType::Persona } else { ItemType::SystemPrompt }
    }
    pub(super) fn when(&mut self) -> When {
        When(self.rng.random_range(0..6))
    }
    pub(super) fn byte(&mut self) -> u8 {
        self.rng.random_range(0..3)
    }
    pub(super) fn provider(&mut self) -> Provider {
        Provider(Provider::LIST[usize::from(self.one_in(4))])
    }
    pub(super) fn called(&mut self) -> Called {
        Called(self.word(Called::LIST))
    }
    pub(super) fn title(&mut self) -> Title {
        Title(self.word(Title::LIST))
    }
    pub(super) fn label(&mut self) -> Label {
        Label(self.word(Label::LIST))
    }
    pub(super) fn named(&mut self) -> Named {
        Named(self.word(Named::LIST))
    }
    pub(super) fn text(&mut self) -> Text {
        Text(self.word(Text::LIST))
    }
    pub(super) fn tag(&mut self) -> Tag {
        Tag(self.word(Tag::LIST))
    }

    // ---- Dice

    pub(super) fn word(&mut self, list: &'static [&'static str]) -> &'static str {
        list[self.small(list.len())]
    }
    pub(super) fn small(&mut self, end: usize) -> usize {
        self.rng.random_range(0..end)
    }
    pub(super) fn one_in(&mut self, times: u32) -> bool {
        self.rng.random_ratio(1, times)
    }
    pub(super) fn sometimes<F>(&mut self, field: impl FnOnce(&mut Self) -> F) -> Option<F> {
        self.one_in(2).then(|| field(self))
    }
    pub(super) fn rarely<F>(&mut self, field: impl FnOnce(&mut Self) -> F) -> Option<F> {
        self.one_in(5).then(|| field(self))
    }
    pub(super) fn change<F>(&mut self, field: impl FnOnce(&mut Self) -> F) -> Change<F> {
        match self.small(6) {
            0 => Change::Clear,
            1 | 2 => Change::To(field(self)),
            _ => Change::Keep,
        }
    }
}

impl Given {
    /// A number for something new; one in twenty times one that was given before.
    pub(super) fn fresh(&mut self, rng: &mut StdRng) -> u8 {
        if rng.random_ratio(1, 20) {
            return self.known(rng);
        }
        self.last = (self.last + 1).min(MOST);
        self.last
    }

    /// A number that a store has, rather a late one; one in twelve times any, the next one included, which never was.
    pub(super) fn known(&self, rng: &mut StdRng) -> u8 {
        if self.live.is_empty() || rng.random_ratio(1, 12) {
            return rng.random_range(1..=(self.last + 1).min(MOST));
        }
        let count = self.live.len();
        let back = if rng.random_bool(0.5) { count.min(3) } else { count };
        self.live[count - 1 - rng.random_range(0..back)]
    }

    pub(super) fn has(&self, number: u8) -> bool {
        self.live.contains(&number)
    }

    pub(super) fn add(&mut self, number: u8) {
        if !self.has(number) {
            self.live.push(number);
        }
    }

    pub(super) fn remove(&mut self, number: u8) {
        self.live.retain(|live| *live != number);
    }
}

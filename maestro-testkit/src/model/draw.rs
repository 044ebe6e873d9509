//! Programs drawn at random, so that much succeeds and every refusal comes up.

mod dice;

use maestro_core::{
    chat::Role,
    conversations::{ChunkState, EntryState},
    supplied_context::ItemOrder,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use dice::Given;

use super::{
    field::{Behind, Journalled, Map, Model, Says, Search, Seq, Text},
    names::{A, E, H, I, S, T},
    op::{Op, Program},
};

/// How many operations a program has.
const LENGTH: std::ops::RangeInclusive<usize> = 10..=50;

/// The program of a seed.
pub(super) fn program(seed: u64) -> Program {
    let mut draw = Draw::new(seed);
    let length = draw.rng.random_range(LENGTH);
    let mut ops = vec![draw.session_create()];
    while ops.len() < length {
        draw.remember(&ops[ops.len() - 1]);
        ops.push(draw.op());
    }
    Program(ops)
}

/// A program that is being drawn. It remembers what has been made as well as can be told without a store, which is
/// well enough: what it gets wrong makes refusals.
struct Draw {
    rng: StdRng,
    auths: Given,
    items: Given,
    sessions: Given,
    threads: Given,
    entries: Given,
    /// Threads with their sessions.
    lines: Vec<(u8, u8)>,
    /// Entries with their threads.
    places: Vec<(u8, u8)>,
    /// Entries that were begun, with who writes them.
    streams: Vec<(E, H)>,
    /// Pages that were read.
    pages: Vec<Op>,
}

impl Draw {
    fn new(seed: u64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            auths: Given::default(),
            items: Given::default(),
            sessions: Given::default(),
            threads: Given::default(),
            entries: Given::default(),
            lines: Vec::new(),
            places: Vec::new(),
            streams: Vec::new(),
            pages: Vec::new(),
        }
    }

    fn op(&mut self) -> Op {
        // Writes of a conversation need each other, so they come most.
        if self.one_in(12)
            && let Some(op) = self.next_page()
        {
            return op;
        }
        let kind = self.rng.random_range(0..140);
        if let Some(op) = self.what_is_needed_first(kind) {
            return op;
        }
        match kind {
            0..6 => self.auth_create(),
            6 => Op::AuthGet { auth: self.auth() },
            7 => Op::AuthFind { provider: self.provider(), auth_type: self.auth_type(), name: self.called() },
            8..10 => Op::AuthList {
                provider: self.sometimes(Self::provider),
                auth_type: self.sometimes(Self::auth_type),
                name: self.rarely(Self::called),
                page: self.page(),
            },
            10..14 => Op::AuthUpdate {
                auth: self.auth(),
                seen: self.rev(),
                name: self.sometimes(Self::called),
                secret: self.sometimes(Self::byte),
                expires_at: self.change(Self::when),
                now: self.when(),
            },
            14..16 => Op::AuthDelete { auth: self.auth() },
            16..19 => Op::AuthLease {
                auth: self.auth(),
                seen: self.rev(),
                holder: self.holder(),
                until: self.when(),
                now: self.when(),
            },
            19 => Op::AuthRelease { auth: self.auth(), holder: self.holder() },
            20 => Op::AuthDue { before: self.when(), limit: self.rng.random_range(1..4) },

            21..25 => self.session_create(),
            25..29 => self.entry_append(),
            29 => Op::SessionGet { session: self.session() },
            30 => Op::SessionOpen { session: self.session() },
            31..34 => Op::SessionList {
                name: self.rarely(Self::title),
                auth: self.rarely(Self::auth),
                page: self.page(),
            },
            34..38 => Op::SessionUpdate {
                session: self.session(),
                seen: self.rev(),
                name: self.rarely(Self::title),
                auth: self.change(Self::auth),
                model: self.change(|draw| Model(draw.word(Model::LIST))),
                persona: self.change(Self::used),
                prompts: self.rarely(Self::prompts),
                memory: self.rarely(Self::map),
                mcps: self.rarely(Self::map),
                now: self.when(),
            },
            38 => Op::SessionDelete { session: self.session() },

            39..49 => {
                let from = self.entry();
                Op::ThreadFork {
                    thread: self.new_thread(),
                    from,
                    label: self.rarely(Self::label),
                    now: self.when(),
                }
            }
            49..56 => {
                let edited = self.entry();
                Op::ThreadEdit {
                    thread: self.new_thread(),
                    edited,
                    label: self.rarely(Self::label),
                    entry: self.new_entry(),
                    says: self.says(),
                    state: self.state(),
                    now: self.when(),
                }
            }
            56 => Op::ThreadGet { thread: self.thread() },
            57 => Op::ThreadList { session: self.session() },
            58..60 => Op::ThreadLabelled {
                thread: self.thread(),
                label: self.sometimes(Self::label),
                now: self.when(),
            },
            60..64 => Op::ThreadDelete { thread: self.thread() },

            64..80 => self.entry_append(),
            80..86 => self.entry_begin(),
            86..93 => {
                let (entry, writer) = self.stream();
                Op::EntryExtend {
                    entry,
                    writer,
                    until: self.when(),
                    seq: if self.one_in(8) { Seq::At(self.rng.random_range(0..4)) } else { Seq::Next },
                    data: match self.small(6) {
                        0 => Journalled::Nothing,
                        1 => Journalled::Torn,
                        _ => Journalled::Text(self.word(Text::LIST)),
                    },
                }
            }
            93..98 => {
                let (entry, writer) = self.stream();
                Op::EntryFinish { entry, writer, state: self.state(), says: self.says(), now: self.when() }
            }
            98 => Op::EntryJournal { entry: self.stream().0 },
            99..102 => Op::EntryRecover {
                session: self.sometimes(Self::session),
                now: self.when(),
                limit: self.rng.random_range(1..4),
            },
            102 => Op::EntryGet { entry: self.entry() },
            103..107 => {
                Op::EntryPage { thread: self.thread(), direction: self.direction(), page: self.page() }
            }
            107..111 => Op::EntryDelete { thread: self.thread(), head: self.behind() },
            111..113 => Op::Lineage { thread: self.thread(), range: self.range() },
            113..120 => {
                let entry = self.entry();
                let owner =
                    self.places.iter().rev().find(|(of, _)| *of == entry.0).map(|(_, owner)| T(*owner));
                Op::ChunkMark {
                    thread: if self.one_in(2) { self.thread() } else { owner.unwrap_or(T(1)) },
                    entry,
                    part: u8::from(self.one_in(4)),
                    state: if self.one_in(3) { ChunkState::Included } else { ChunkState::Excluded },
                    now: self.when(),
                }
            }

            120..126 => self.item_create(),
            126 => Op::ItemGet { item: self.item() },
            127..132 => Op::ItemSearch {
                item_type: self.rarely(Self::item_type),
                name: self.rarely(Self::named),
                text: Search(if self.one_in(2) { "" } else { self.word(Search::LIST) }),
                tag: self.rarely(Self::tag),
                order: [ItemOrder::Name, ItemOrder::UpdatedAt, ItemOrder::InsertedAt][self.small(3)],
                direction: self.direction(),
                page: self.page(),
            },
            132..137 => Op::ItemUpdate {
                item: self.item(),
                seen: self.rev(),
                name: self.rarely(Self::named),
                text: self.sometimes(Self::text),
                tag: self.rarely(Self::tag),
                metadata: self.rarely(Self::map),
                now: self.when(),
            },
            137 => Op::ItemVersions { item: self.item() },
            _ => {
                let count = self.rng.random_range(1..3);
                Op::ItemDeleteMany { items: (0..count).map(|_| self.item()).collect() }
            }
        }
    }

    /// The page behind one of the last ones, however much has changed since.
    fn next_page(&mut self) -> Option<Op> {
        let back = self.small(self.pages.len().clamp(1, 3));
        let mut op = self.pages.iter().rev().nth(back)?.clone();
        let count = self.one_in(2);
        if let Some(page) = op.page_mut() {
            (page.after, page.count) = (page.keep, count);
        }
        Some(op)
    }

    /// What makes the thing that a kind of operation works with, when there is none yet; seldom it is left at that.
    fn what_is_needed_first(&mut self, kind: u8) -> Option<Op> {
        if self.one_in(15) {
            return None;
        }
        match kind {
            6..21 if self.auths.live.is_empty() => Some(self.auth_create()),
            29..120 if self.sessions.live.is_empty() => Some(self.session_create()),
            40..56 | 60..64 | 103..120 if self.entries.live.is_empty() => Some(self.entry_append()),
            86..102 if self.streams.is_empty() => Some(self.entry_begin()),
            126..140 if self.items.live.is_empty() => Some(self.item_create()),
            _ => None,
        }
    }

    /// Notes what a store will have after an operation, most likely.
    fn remember(&mut self, op: &Op) {
        if op.page().is_some() {
            self.pages.push(op.clone());
        }
        match op {
            Op::AuthCreate { auth, .. } => self.auths.add(auth.0),
            Op::AuthDelete { auth } => self.auths.remove(auth.0),
            Op::ItemCreate { item, .. } => self.items.add(item.0),
            Op::ItemDeleteMany { items } => items.iter().for_each(|item| self.items.remove(item.0)),
            Op::SessionCreate { session, root, memory, tools, .. }
                if ![memory, tools].contains(&&Map::TooDeep) && !self.sessions.has(session.0) =>
            {
                self.sessions.add(session.0);
                self.threads.add(root.0);
                self.lines.push((root.0, session.0));
            }
            Op::SessionDelete { session } => self.forget_session(session.0),
            Op::ThreadFork { thread, from, .. } => self.go_on(*thread, *from),
            Op::ThreadEdit { thread, edited, entry, state, .. } if *state != EntryState::Streaming => {
                self.go_on(*thread, *edited);
                self.put(*entry, *thread);
            }
            Op::EntryAppend { thread, behind: Behind::Head, entry, state, .. }
                if *state != EntryState::Streaming =>
            {
                self.put(*entry, *thread);
            }
            Op::EntryBegin { thread, behind: Behind::Head, entry, writer, .. }
                if self.threads.has(thread.0) =>
            {
                self.put(*entry, *thread);
                self.streams.push((*entry, *writer));
            }
            Op::EntryFinish { entry, .. } => self.streams.retain(|(streaming, _)| streaming != entry),
            _ => {}
        }
    }

    fn go_on(&mut self, thread: T, from: E) {
        let owner = self.places.iter().rev().find(|(entry, _)| *entry == from.0).map(|(_, owner)| *owner);
        let session =
            self.lines.iter().rev().find(|(line, _)| Some(*line) == owner).map(|(_, session)| *session);
        if let Some(session) = session {
            self.threads.add(thread.0);
            self.lines.push((thread.0, session));
        }
    }

    fn put(&mut self, entry: E, thread: T) {
        if self.threads.has(thread.0) {
            self.entries.add(entry.0);
            self.places.push((entry.0, thread.0));
        }
    }

    fn forget_session(&mut self, session: u8) {
        self.sessions.remove(session);
        for (thread, _) in self.lines.extract_if(.., |(_, of)| *of == session) {
            self.threads.remove(thread);
            for (entry, _) in self.places.extract_if(.., |(_, of)| *of == thread) {
                self.entries.remove(entry);
                self.streams.retain(|(streaming, _)| streaming.0 != entry);
            }
        }
    }

    fn auth_create(&mut self) -> Op {
        Op::AuthCreate {
            auth: A(self.auths.fresh(&mut self.rng)),
            provider: self.provider(),
            auth_type: self.auth_type(),
            name: self.called(),
            secret: self.byte(),
            expires_at: self.sometimes(Self::when),
            now: self.when(),
        }
    }

    fn session_create(&mut self) -> Op {
        Op::SessionCreate {
            session: S(self.sessions.fresh(&mut self.rng)),
            root: self.new_thread(),
            name: self.title(),
            auth: if self.auths.live.is_empty() { None } else { self.sometimes(Self::auth) },
            model: self.rarely(|draw| Model(draw.word(Model::LIST))),
            persona: if self.items.live.is_empty() { None } else { self.rarely(Self::used) },
            prompts: if self.items.live.is_empty() { Vec::new() } else { self.prompts() },
            memory: self.map(),
            tools: self.map(),
            working_dir: self.one_in(4),
            now: self.when(),
        }
    }

    fn entry_append(&mut self) -> Op {
        Op::EntryAppend {
            thread: self.thread(),
            behind: self.behind(),
            entry: self.new_entry(),
            actor: [Role::User, Role::Assistant, Role::Tool, Role::System][self.small(4)],
            says: self.says(),
            state: self.state(),
            now: self.when(),
        }
    }

    fn item_create(&mut self) -> Op {
        Op::ItemCreate {
            item: I(self.items.fresh(&mut self.rng)),
            item_type: self.item_type(),
            name: self.named(),
            text: self.text(),
            tag: self.sometimes(Self::tag),
            metadata: self.map(),
            now: self.when(),
        }
    }

    fn entry_begin(&mut self) -> Op {
        Op::EntryBegin {
            thread: self.thread(),
            behind: self.behind(),
            entry: self.new_entry(),
            writer: self.holder(),
            until: self.when(),
            says: if self.one_in(2) { self.says() } else { Says { texts: Vec::new(), asked: true } },
            now: self.when(),
        }
    }
}

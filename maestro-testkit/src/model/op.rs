//! The operations: every method of the three contexts, with symbolic ids.

use std::fmt;

use maestro_core::{
    auth::AuthType,
    chat::Role,
    conversations::{ChunkState, EntryState, LineageRange},
    page::Direction,
    supplied_context::{ItemOrder, ItemType},
};

use super::{
    answer::{Answer, Cursors},
    field::{
        Behind, Called, Change, Field, Journalled, Label, Map, Mentioned, Model, Named, PageOf, Provider,
        Rev, Says, Search, Seq, Tag, Text, Title, Used, When,
    },
    names::{A, E, H, I, S, T},
};

macro_rules! operations {
    ($($method:ident = $op:ident { $($field:ident: $type:ty),* $(,)? })*) => {
        /// A call of a method of a context.
        #[derive(Clone, PartialEq)]
        pub(super) enum Op {
            $($op { $($field: $type),* }),*
        }

        impl Op {
            /// Every method that there is.
            pub(super) const METHODS: &'static [&'static str] = &[$(stringify!($method)),*];

            /// The method that it calls.
            pub(super) const fn method(&self) -> &'static str {
                match self { $(Self::$op { .. } => stringify!($method)),* }
            }

            /// The same call with one field simpler, for each field that can be.
            pub(super) fn simpler(&self) -> Vec<Self> {
                let mut all = Vec::new();
                match self { $(Self::$op { $($field),* } => {
                    $(if let Some(simpler) = $field.simpler() {
                        let mut op = self.clone();
                        if let Self::$op { $field, .. } = &mut op {
                            *$field = simpler;
                        }
                        all.push(op);
                    })*
                })* }
                all
            }

            /// Notes the ids that it names.
            pub(super) fn mention(&self, into: &mut Mentioned) {
                match self { $(Self::$op { $($field),* } => { $($field.mention(into);)* })* }
            }
        }

        impl fmt::Display for Op {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}(", self.method())?;
                let mut separator = "";
                match self { $(Self::$op { $($field),* } => {
                    $(if !$field.is_plain() {
                        write!(f, "{separator}{}: {:?}", stringify!($field), $field)?;
                        separator = ", ";
                    })*
                })* }
                let _ = separator;
                f.write_str(")")
            }
        }
    };
}

operations! {
    auth_create = AuthCreate {
        auth: A, provider: Provider, auth_type: AuthType, name: Called, secret: u8, expires_at: Option<When>, now: When,
    }
    auth_get = AuthGet { auth: A }
    auth_find = AuthFind { provider: Provider, auth_type: AuthType, name: Called }
    auth_list = AuthList {
        provider: Option<Provider>, auth_type: Option<AuthType>, name: Option<Called>, page: PageOf,
    }
    auth_update = AuthUpdate {
        auth: A, seen: Rev, name: Option<Called>, secret: Option<u8>, expires_at: Change<When>, now: When,
    }
    auth_delete = AuthDelete { auth: A }
    auth_lease = AuthLease { auth: A, seen: Rev, holder: H, until: When, now: When }
    auth_release = AuthRelease { auth: A, holder: H }
    auth_due = AuthDue { before: When, limit: u8 }

    session_create = SessionCreate {
        session: S, root: T, name: Title, auth: Option<A>, model: Option<Model>, persona: Option<Used>, prompts: Vec<Used>,
        memory: Map, tools: Map, working_dir: bool, now: When,
    }
    session_get = SessionGet { session: S }
    session_open = SessionOpen { session: S }
    session_list = SessionList { name: Option<Title>, auth: Option<A>, page: PageOf }
    session_update = SessionUpdate {
        session: S, seen: Rev, name: Option<Title>, auth: Change<A>, model: Change<Model>, persona: Change<Used>,
        prompts: Option<Vec<Used>>, memory: Option<Map>, mcps: Option<Map>, now: When,
    }
    session_delete = SessionDelete { session: S }

    thread_fork = ThreadFork { thread: T, from: E, label: Option<Label>, now: When }
    thread_edit = ThreadEdit {
        thread: T, edited: E, label: Option<Label>, entry: E, says: Says, state: EntryState, now: When,
    }
    thread_get = ThreadGet { thread: T }
    thread_list = ThreadList { session: S }
    thread_label = ThreadLabelled { thread: T, label: Option<Label>, now: When }
    thread_delete = ThreadDelete { thread: T }

    entry_append = EntryAppend {
        thread: T, behind: Behind, entry: E, actor: Role, says: Says, state: EntryState, now: When,
    }
    entry_begin = EntryBegin { thread: T, behind: Behind, entry: E, writer: H, until: When, says: Says, now: When }
    entry_extend = EntryExtend { entry: E, writer: H, until: When, seq: Seq, data: Journalled }
    entry_finish = EntryFinish { entry: E, writer: H, state: EntryState, says: Says, now: When }
    entry_journal = EntryJournal { entry: E }
    entry_recover = EntryRecover { session: Option<S>, now: When, limit: u8 }
    entry_get = EntryGet { entry: E }
    entry_page = EntryPage { thread: T, direction: Direction, page: PageOf }
    entry_delete = EntryDelete { thread: T, head: Behind }
    lineage = Lineage { thread: T, range: LineageRange }
    chunk_mark = ChunkMark { thread: T, entry: E, part: u8, state: ChunkState, now: When }

    item_create = ItemCreate {
        item: I, item_type: ItemType, name: Named, text: Text, tag: Option<Tag>, metadata: Map, now: When,
    }
    item_get = ItemGet { item: I }
    item_search = ItemSearch {
        item_type: Option<ItemType>, name: Option<Named>, text: Search, tag: Option<Tag>, order: ItemOrder,
        direction: Direction, page: PageOf,
    }
    item_update = ItemUpdate {
        item: I, seen: Rev, name: Option<Named>, text: Option<Text>, tag: Option<Tag>, metadata: Option<Map>, now: When,
    }
    item_versions = ItemVersions { item: I }
    item_delete_many = ItemDeleteMany { items: Vec<I> }
}

impl Op {
    /// The page that it asks for.
    pub(super) const fn page(&self) -> Option<&PageOf> {
        match self {
            Self::AuthList { page, .. }
            | Self::SessionList { page, .. }
            | Self::EntryPage { page, .. }
            | Self::ItemSearch { page, .. } => Some(page),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub(super) const fn page_mut(&mut self) -> Option<&mut PageOf> {
        match self {
            Self::AuthList { page, .. }
            | Self::SessionList { page, .. }
            | Self::EntryPage { page, .. }
            | Self::ItemSearch { page, .. } => Some(page),
            _ => None,
        }
    }

    /// Of a page: puts its cursor where the operation says, for one that reads on from there.
    pub(super) fn keep(&self, answer: &Answer, cursors: &mut Cursors) {
        if let (Some(place), Ok(reply)) = (self.page().and_then(|page| page.keep), answer) {
            match reply.next() {
                Some(next) => cursors.insert(place, next.clone()),
                None => cursors.remove(&place),
            };
        }
    }
}

impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Operations one after the other, one a line.
#[derive(Clone, PartialEq, Default)]
pub(super) struct Program(pub(super) Vec<Op>);

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|op| writeln!(f, "    {op}"))
    }
}

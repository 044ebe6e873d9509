//! An operation as a call of a store.

use maestro_core::{
    Store,
    auth::{AuthChange, AuthQuery, AuthRef, NewAuthentication, SealedCredentials},
    chat::Role,
    conversations::{
        ChunkRef, EntryEnd, EntryState, JournalSeq, NewChatEntry, NewEdit, NewFork, NewSession,
        NewStreamedEntry, SessionChange, SessionQuery, ThreadHead, WriterLease,
    },
    page::{PageLimit, PageRequest, Total},
    revision::Revision,
    supplied_context::{ItemChange, ItemQuery, JsonMap, NewItem},
};

use super::{
    answer::{Answer, Cursors, Seen, answer, boxed, item_use},
    field::{
        Behind, Called, Label, Map, Model, Named, PageOf, Provider, Rev, Says, Seq, Tag, Text, Title, When,
    },
    names::{E, H, T},
    op::Op,
};

impl Op {
    /// What a caller reads before this call, so that it names the present revision, head or number.
    pub(super) async fn look(&self, store: &dyn Store) -> Seen {
        let mut seen = Seen::default();
        match self {
            Self::AuthUpdate { auth, .. } | Self::AuthLease { auth, .. } => {
                seen.revision = store.auth_get(auth.id()).await.map_or(1, |row| row.revision.get());
            }
            Self::SessionUpdate { session, .. } => {
                seen.revision = store.session_get(session.id()).await.map_or(1, |row| row.revision.get());
            }
            Self::ItemUpdate { item, .. } => {
                seen.revision = store.item_get(item.id()).await.map_or(1, |row| row.revision.get());
            }
            Self::EntryAppend { thread, .. }
            | Self::EntryBegin { thread, .. }
            | Self::EntryDelete { thread, .. } => {
                seen.head = store.thread_get(thread.id()).await.ok().and_then(|thread| thread.head_entry_id);
            }
            Self::EntryExtend { entry, .. } => {
                let journal = store.entry_journal(entry.id()).await.unwrap_or_default();
                seen.seq = journal.last().map_or(1, |chunk| chunk.seq.get() + 1);
            }
            _ => {}
        }
        seen
    }

    /// Calls the store.
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each method; there is nothing to tell apart in it"
    )]
    pub(super) async fn perform(&self, store: &dyn Store, seen: &Seen, cursors: &Cursors) -> Answer {
        let revision = |named: &Rev| match named {
            Rev::Now => Revision::from_stored(seen.revision),
            Rev::At(number) => Revision::from_stored(u64::from(*number)),
        };
        let head = |thread: &T, behind: &Behind| ThreadHead {
            thread_id: thread.id(),
            entry_id: match behind {
                Behind::Head => seen.head,
                Behind::Entry(entry) => Some(entry.id()),
                Behind::Start => None,
            },
        };
        let page = |page: &PageOf| PageRequest {
            limit: limit(page.limit),
            after: page.after.and_then(|place| cursors.get(&place).cloned()),
            total: if page.count { Total::Count } else { Total::Skip },
        };
        match self {
            Self::AuthCreate { auth, provider, auth_type, name, secret, expires_at, now } => {
                let new = NewAuthentication {
                    id: auth.id(),
                    reference: AuthRef::new(provider.value(), *auth_type, name.value()),
                    credentials: sealed(*secret),
                    expires_at: expires_at.map(When::time),
                    now: now.time(),
                };
                boxed(store.auth_create(new).await)
            }
            Self::AuthGet { auth } => boxed(store.auth_get(auth.id()).await),
            Self::AuthFind { provider, auth_type, name } => {
                let reference = AuthRef::new(provider.value(), *auth_type, name.value());
                boxed(store.auth_find(&reference).await)
            }
            Self::AuthList { provider, auth_type, name, page: wanted } => {
                let query = AuthQuery {
                    provider: provider.map(Provider::value),
                    auth_type: *auth_type,
                    name: name.map(Called::value),
                };
                answer(store.auth_list(&query, page(wanted)).await)
            }
            Self::AuthUpdate { auth, seen: named, name, secret, expires_at, now } => {
                let change = AuthChange {
                    name: name.map(Called::value),
                    credentials: secret.map(sealed),
                    expires_at: expires_at.map(|when| when.time()),
                };
                boxed(store.auth_update(auth.id(), revision(named), change, now.time()).await)
            }
            Self::AuthDelete { auth } => answer(store.auth_delete(auth.id()).await),
            Self::AuthLease { auth, seen: named, holder, until, now } => {
                let (holder, until) = (holder.id(), until.time());
                boxed(store.auth_lease(auth.id(), revision(named), holder, until, now.time()).await)
            }
            Self::AuthRelease { auth, holder } => answer(store.auth_release(auth.id(), holder.id()).await),
            Self::AuthDue { before, limit: most } => {
                answer(store.auth_due(before.time(), limit((*most).into())).await)
            }

            Self::SessionCreate {
                session,
                root,
                name,
                auth,
                model,
                persona,
                prompts,
                memory,
                tools,
                working_dir,
                now,
            } => {
                let new = NewSession {
                    id: session.id(),
                    root_thread_id: root.id(),
                    name: name.value(),
                    auth_id: auth.map(|auth| auth.id()),
                    model_id: model.map(Model::value),
                    persona: persona.map(item_use),
                    system_prompts: prompts.iter().copied().map(item_use).collect(),
                    memory: memory.json(),
                    tools: tools.json(),
                    mcps: JsonMap::new(),
                    working_dir: working_dir.then(|| "/srv".to_owned()),
                    now: now.time(),
                };
                boxed(store.session_create(new).await)
            }
            Self::SessionGet { session } => boxed(store.session_get(session.id()).await),
            Self::SessionOpen { session } => boxed(store.session_open(session.id()).await),
            Self::SessionList { name, auth, page: wanted } => {
                let query =
                    SessionQuery { name: name.map(Title::value), auth_id: auth.map(|auth| auth.id()) };
                answer(store.session_list(&query, page(wanted)).await)
            }
            Self::SessionUpdate {
                session,
                seen: named,
                name,
                auth,
                model,
                persona,
                prompts,
                memory,
                mcps,
                now,
            } => {
                let change = SessionChange {
                    name: name.map(Title::value),
                    auth_id: auth.map(|auth| auth.id()),
                    model_id: model.map(|model| model.value()),
                    persona: persona.map(|used| item_use(*used)),
                    system_prompts: prompts
                        .as_ref()
                        .map(|prompts| prompts.iter().copied().map(item_use).collect()),
                    memory: memory.map(Map::json),
                    tools: None,
                    mcps: mcps.map(Map::json),
                    working_dir: None,
                };
                boxed(store.session_update(session.id(), revision(named), change, now.time()).await)
            }
            Self::SessionDelete { session } => answer(store.session_delete(session.id()).await),

            Self::ThreadFork { thread, from, label, now } => {
                let label = label.map(Label::value);
                let fork = NewFork { id: thread.id(), from: from.id(), label, now: now.time() };
                boxed(store.thread_fork(fork).await)
            }
            Self::ThreadEdit { thread, edited, label, entry, says, state, now } => {
                let edit = NewEdit {
                    thread_id: thread.id(),
                    edited: edited.id(),
                    label: label.map(Label::value),
                    entry: whole(*entry, Role::User, says, *state, *now),
                };
                boxed(store.thread_edit(edit).await)
            }
            Self::ThreadGet { thread } => boxed(store.thread_get(thread.id()).await),
            Self::ThreadList { session } => answer(store.thread_list(session.id()).await),
            Self::ThreadLabelled { thread, label, now } => {
                let label = label.map(Label::value);
                boxed(store.thread_label(thread.id(), label, now.time()).await)
            }
            Self::ThreadDelete { thread } => answer(store.thread_delete(thread.id()).await),

            Self::EntryAppend { thread, behind, entry, actor, says, state, now } => {
                let new = whole(*entry, *actor, says, *state, *now);
                boxed(store.entry_append(head(thread, behind), new).await)
            }
            Self::EntryBegin { thread, behind, entry, writer, until, says, now } => {
                let new = NewStreamedEntry {
                    id: entry.id(),
                    actor: Role::Assistant,
                    content: says.content(),
                    writer: lease(*writer, *until),
                    now: now.time(),
                };
                boxed(store.entry_begin(head(thread, behind), new).await)
            }
            Self::EntryExtend { entry, writer, until, seq, data } => {
                let number = match seq {
                    Seq::Next => seen.seq,
                    Seq::At(number) => u32::from(*number),
                };
                let data = data.data(number == 1);
                let seq = JournalSeq::from_stored(number);
                answer(store.entry_extend(entry.id(), lease(*writer, *until), seq, &data).await)
            }
            Self::EntryFinish { entry, writer, state, says, now } => {
                let end = EntryEnd { state: *state, content: says.content(), now: now.time() };
                boxed(store.entry_finish(entry.id(), writer.id(), end).await)
            }
            Self::EntryJournal { entry } => answer(store.entry_journal(entry.id()).await),
            Self::EntryRecover { session, now, limit: most } => {
                let session = session.map(|session| session.id());
                answer(store.entry_recover(session, now.time(), limit((*most).into())).await)
            }
            Self::EntryGet { entry } => boxed(store.entry_get(entry.id()).await),
            Self::EntryPage { thread, direction, page: wanted } => {
                answer(store.entry_page(thread.id(), *direction, page(wanted)).await)
            }
            Self::EntryDelete { thread, head: behind } => {
                answer(store.entry_delete(head(thread, behind)).await)
            }
            Self::Lineage { thread, range } => boxed(store.lineage(thread.id(), *range).await),
            Self::ChunkMark { thread, entry, part, state, now } => {
                let chunk = ChunkRef { entry_id: entry.id(), part: (*part).into() };
                answer(store.chunk_mark(thread.id(), chunk, *state, now.time()).await)
            }

            Self::ItemCreate { item, item_type, name, text, tag, metadata, now } => {
                let new = NewItem {
                    id: item.id(),
                    item_type: *item_type,
                    name: name.value(),
                    text: text.value(),
                    tags: tag.map(Tag::value).unwrap_or_default(),
                    metadata: metadata.json(),
                    now: now.time(),
                };
                boxed(store.item_create(new).await)
            }
            Self::ItemGet { item } => boxed(store.item_get(item.id()).await),
            Self::ItemSearch { item_type, name, text, tag, order, direction, page: wanted } => {
                let query = ItemQuery {
                    item_type: *item_type,
                    name: name.map(Named::value),
                    text: text.value(),
                    tags: tag.map(Tag::value).unwrap_or_default(),
                    order: *order,
                    direction: *direction,
                };
                answer(store.item_search(&query, page(wanted)).await)
            }
            Self::ItemUpdate { item, seen: named, name, text, tag, metadata, now } => {
                let change = ItemChange {
                    name: name.map(Named::value),
                    text: text.map(Text::value),
                    tags: tag.map(Tag::value),
                    metadata: metadata.map(Map::json),
                };
                boxed(store.item_update(item.id(), revision(named), change, now.time()).await)
            }
            Self::ItemVersions { item } => answer(store.item_versions(item.id()).await),
            Self::ItemDeleteMany { items } => {
                let ids: Vec<_> = items.iter().map(|item| item.id()).collect();
                answer(store.item_delete_many(&ids).await)
            }
        }
    }
}

fn limit(items: u16) -> PageLimit {
    PageLimit::new(items.max(1)).unwrap()
}

/// Credentials as a vault would have sealed them; stores see nothing but the bytes.
fn sealed(secret: u8) -> SealedCredentials {
    let mut bytes = vec![1];
    bytes.extend_from_slice(&[7; 32]);
    bytes.push(secret);
    SealedCredentials::from_bytes(&bytes).unwrap()
}

fn lease(holder: H, until: When) -> WriterLease {
    WriterLease { holder: holder.id(), until: until.time() }
}

fn whole(entry: E, actor: Role, says: &Says, state: EntryState, now: When) -> NewChatEntry {
    NewChatEntry { id: entry.id(), actor, content: says.content(), state, now: now.time() }
}

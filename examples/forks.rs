//! Forks and edits: what was said stays, and another line begins.
//!
//! `cargo run --example forks`

use std::io::Write as _;

use maestro::{
    core::conversations::{NewChatEntry, NewEdit},
    prelude::*,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = MemoryStore::new();
    let maestro = Maestro::builder().store(store).vault(Vault::new(VaultKey::generate())).build()?;
    let store = maestro.store();
    let session = store.session_create(NewSession::new(SessionName::new("tree")?, maestro.now())).await?;

    let say = |role, text: &str| NewChatEntry::new(role, vec![Part::text(text)], maestro.now());
    let mut root = store.thread_get(session.root_thread_id).await?;
    let question = store.entry_append(root.head(), say(Role::User, "Name a bird.")).await?;
    root = store.thread_get(root.id).await?;
    let answer = store.entry_append(root.head(), say(Role::Assistant, "The wren.")).await?;

    // Go on from the answer on a line of its own; nothing is copied.
    let fork =
        NewFork { id: Id::new(), from: answer.id, label: Some("smaller".parse()?), now: maestro.now() };
    let fork = store.thread_fork(fork).await?;
    store.entry_append(fork.head(), say(Role::User, "Smaller still!")).await?;

    // Ask something else in the first place.
    let edit = NewEdit {
        thread_id: Id::new(),
        edited: question.id,
        label: None,
        entry: say(Role::User, "Name a fish."),
    };
    store.thread_edit(edit).await?;

    let mut out = std::io::stdout();
    for thread in store.thread_list(session.id).await? {
        let lineage = store.lineage(thread.id, LineageRange::All).await?;
        let label = thread.label.map_or_else(|| "-".to_owned(), |label| label.to_string());
        writeln!(out, "{label}")?;
        for entry in lineage.entries {
            let text = entry.to_message().text();
            writeln!(
                out,
                "  {} {} (edit {}): {text}",
                entry.turn_index,
                entry.actor.as_str(),
                entry.edit_version
            )?;
        }
    }
    Ok(())
}

//! Durable, multi-provider LLM conversations: named, encrypted credentials; one typed interface over Anthropic, OpenAI,
//! Gemini and any OpenAI-compatible server; one streaming parser; sessions, threads, forks and a library of personas
//! behind stores that can be swapped.
//!
//! ```no_run
//! use maestro::prelude::*;
//!
//! # async fn example() -> maestro::Result<()> {
//! let maestro = Maestro::builder()
//!     .store(SqliteStore::open("conversations.sqlite").await?)
//!     .vault(Vault::new(VaultKey::generate()))
//!     .build()?;
//!
//! // A key under a name, sealed before the store sees it.
//! let reference = AuthRef::new("anthropic".parse()?, AuthType::ApiKey, "work_claude".parse()?);
//! let auth = maestro.save_credentials(&reference, &Credentials::api_key(Secret::new("sk-ant-…")?), Save::Replace).await?;
//!
//! // A conversation, kept as it streams.
//! let mut new = NewSession::new(SessionName::new("first")?, maestro.now());
//! new.auth_id = Some(auth.id);
//! new.model_id = Some("claude-sonnet-4-5".parse()?);
//! let session = maestro.store().session_create(new).await?;
//! let mut turn = maestro.turn(session.id).user("Why is the sky blue?").start().await?;
//! while let Some(event) = turn.next().await {
//!     if let StreamEvent::TextDelta { text, .. } = event? {
//!         print!("{text}");
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! | to do this | begin here |
//! |---|---|
//! | hold a conversation that survives a crash | [`Maestro::turn`] |
//! | stream one answer and keep nothing | [`Maestro::stream_chat`] |
//! | call a provider by the name of a saved authentication | [`Universal`] |
//! | read and write sessions, threads, entries, personas | [`Maestro::store`] and the context traits in [`core`] |
//! | refresh tokens, exactly once over all programs | [`Maestro::refresh_tokens`] |
//! | have them refreshed before they end, and stale answers ended | [`Maestro::worker`] |
//! | sign in without an API key, and out again | [`LoopbackListener`], [`Maestro::save_sign_in`], [`Maestro::sign_out`] |
//! | change the vault's key while others work | [`Maestro::rotate_key`] |
//! | copy a store into another, compare two, keep a session as a file | [`archive`] |
//! | add a provider of your own | [`core::provider::Provider`], [`MaestroBuilder::registry`] |

pub mod archive;
mod authentications;
mod builder;
mod chat_stream;
mod key_rotation;
mod library;
mod recovery;
mod refresh;
mod sign_in;
mod target;
mod turn;
mod universal;
mod worker;

/// The vocabulary and contracts: everything that stores and providers are made of.
pub use maestro_core as core;
pub use maestro_core::{Error, ErrorKind, FieldError, Id, Result, Retry, Secret, Store};
/// The queues that a [`Worker`] works on.
#[cfg(feature = "jobs")]
pub use maestro_jobs as jobs;
/// The providers that are built in, and the HTTP client.
pub use maestro_providers as providers;
#[cfg(feature = "memory")]
pub use maestro_store_memory::MemoryStore;
/// The store in a Postgres database: its builder, and what that chooses between.
#[cfg(feature = "postgres")]
pub use maestro_store_postgres as postgres;
#[cfg(feature = "postgres")]
pub use maestro_store_postgres::PostgresStore;
#[cfg(feature = "sqlite")]
pub use maestro_store_sqlite::SqliteStore;

pub use self::{
    authentications::Save,
    builder::{Maestro, MaestroBuilder},
    chat_stream::ChatStream,
    key_rotation::{Rotation, RotationProgress},
    recovery::RetryPolicy,
    refresh::{RefreshPolicy, RefreshWhen, Refreshed},
    sign_in::{LoopbackListener, NewSignIn, SignedIn, SignedOut},
    target::Target,
    turn::{Flush, Turn, TurnBuilder, TurnOutcome},
    universal::{ChatOptions, Universal},
    worker::{Worker, WorkerEvent, WorkerPolicy},
};

/// What most programs name.
pub mod prelude {
    pub use maestro_core::{
        Error, ErrorKind, Id, Result, Secret, Store,
        auth::{
            Auth, AuthExt, AuthName, AuthQuery, AuthRef, AuthType, Credentials, SavedAuthentication, Vault,
            VaultKey,
        },
        chat::{ChatRequest, Finish, Message, Part, PartKind, Role, StreamEvent, Usage},
        conversations::{
            ChatEntry, Conversations, ConversationsExt, EntryState, LineageRange, NewFork, NewSession,
            Session, SessionName, SessionQuery, Thread,
        },
        page::{Direction, PageLimit, PageRequest},
        provider::{Endpoint, ModelId, ProviderId, Registry},
        supplied_context::{
            Item, ItemName, ItemQuery, ItemText, ItemType, NewItem, SuppliedContext, SuppliedContextExt,
        },
    };

    #[cfg(feature = "memory")]
    pub use crate::MemoryStore;
    #[cfg(feature = "postgres")]
    pub use crate::PostgresStore;
    #[cfg(feature = "sqlite")]
    pub use crate::SqliteStore;
    pub use crate::{Maestro, Save, Target, Turn};
}

//! The session (requirement M-C1), and what is written of it.

use serde::{Deserialize, Serialize};

use super::{ChatEntry, Thread};
use crate::{
    auth::SavedAuthentication,
    error::Result,
    id::Id,
    provider::ModelId,
    revision::Revision,
    supplied_context::{Item, ItemVersionNumber, JsonMap},
    time::Timestamp,
};

/// A conversation: with what it is held, and where it stands.
///
/// Its provider is that of its authentication (M-C1); a session without one takes that of its latest answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: Id<Self>,
    /// Its name; several sessions may share one.
    pub name: SessionName,
    /// The saved authentication that it is held with.
    pub auth_id: Option<Id<SavedAuthentication>>,
    /// The model that answers.
    pub model_id: Option<ModelId>,
    /// Who the model is to be.
    pub persona: Option<ItemUse>,
    /// What the model is to do, in order.
    pub system_prompts: Vec<ItemUse>,
    /// What the program remembers with it.
    pub memory: JsonMap,
    /// The tools of it.
    pub tools: JsonMap,
    /// The MCP servers of it.
    pub mcps: JsonMap,
    /// The directory in which its tools work; it holds no NUL.
    pub working_dir: Option<String>,
    /// The thread that it began with.
    pub root_thread_id: Id<Thread>,
    /// The entry that was last appended, on whichever thread.
    pub latest_chat_entry_id: Option<Id<ChatEntry>>,
    /// When an entry was last appended; at first, when it was created.
    pub last_used_at: Timestamp,
    /// How often its settings have been written. Appending an entry does not count.
    pub revision: Revision,
    /// When it was created.
    pub inserted_at: Timestamp,
    /// When its settings were last written.
    pub updated_at: Timestamp,
}

/// A session and its authentication, read in one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSession {
    /// The session.
    pub session: Session,
    /// The saved authentication that it is held with.
    pub auth: Option<SavedAuthentication>,
}

/// The name of a session: 1 to 200 characters on one line.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionName(String);

impl SessionName {
    /// Normalises (white space around it goes) and checks a name.
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when it is empty, too long or holds a control character.
    pub fn new(name: impl AsRef<str>) -> Result<Self> {
        crate::name::one_line("name a session", "name", name.as_ref(), 200).map(Self)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

crate::name::text_traits!(SessionName);

/// A use of a library item, at the version that was used (requirement M-S3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ItemUse {
    /// The item.
    pub item_id: Id<Item>,
    /// The version of its text.
    pub version: ItemVersionNumber,
}

/// A session to be written, with its first thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Its id.
    pub id: Id<Session>,
    /// The id of its first thread.
    pub root_thread_id: Id<Thread>,
    /// Its name.
    pub name: SessionName,
    /// The saved authentication that it is held with.
    pub auth_id: Option<Id<SavedAuthentication>>,
    /// The model that answers.
    pub model_id: Option<ModelId>,
    /// Who the model is to be.
    pub persona: Option<ItemUse>,
    /// What the model is to do, in order.
    pub system_prompts: Vec<ItemUse>,
    /// What the program remembers with it.
    pub memory: JsonMap,
    /// The tools of it.
    pub tools: JsonMap,
    /// The MCP servers of it.
    pub mcps: JsonMap,
    /// The directory in which its tools work; it holds no NUL.
    pub working_dir: Option<String>,
    /// The present moment.
    pub now: Timestamp,
}

impl NewSession {
    /// Its maps, by the names of their fields.
    pub const fn maps(&self) -> [(&'static str, &JsonMap); 3] {
        [("memory", &self.memory), ("tools", &self.tools), ("mcps", &self.mcps)]
    }

    /// A session of this name, with new ids and nothing else set.
    pub fn new(name: SessionName, now: Timestamp) -> Self {
        Self {
            id: Id::new(),
            root_thread_id: Id::new(),
            name,
            auth_id: None,
            model_id: None,
            persona: None,
            system_prompts: Vec::new(),
            memory: JsonMap::new(),
            tools: JsonMap::new(),
            mcps: JsonMap::new(),
            working_dir: None,
            now,
        }
    }
}

/// A change of a session's settings; what is absent stays as it is, and `Some(None)` takes a thing away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionChange {
    /// A new name.
    pub name: Option<SessionName>,
    /// Another authentication.
    pub auth_id: Option<Option<Id<SavedAuthentication>>>,
    /// Another model.
    pub model_id: Option<Option<ModelId>>,
    /// Another persona.
    pub persona: Option<Option<ItemUse>>,
    /// Other system prompts, in place of all.
    pub system_prompts: Option<Vec<ItemUse>>,
    /// Another memory, in place of all.
    pub memory: Option<JsonMap>,
    /// Other tools, in place of all.
    pub tools: Option<JsonMap>,
    /// Other MCP servers, in place of all.
    pub mcps: Option<JsonMap>,
    /// Another working directory.
    pub working_dir: Option<Option<String>>,
}

impl SessionChange {
    /// The maps that it replaces, by the names of their fields.
    pub fn maps(&self) -> impl Iterator<Item = (&'static str, &JsonMap)> {
        let maps = [("memory", &self.memory), ("tools", &self.tools), ("mcps", &self.mcps)];
        maps.into_iter().filter_map(|(field, map)| Some((field, map.as_ref()?)))
    }
}

/// Which sessions are wanted. They come by `last_used_at`, the latest first, then by id, the greatest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionQuery {
    /// With exactly this name.
    pub name: Option<SessionName>,
    /// Held with this authentication.
    pub auth_id: Option<Id<SavedAuthentication>>,
}

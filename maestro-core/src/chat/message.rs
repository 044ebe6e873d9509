//! Messages: what one actor said in one step.

use serde::{Deserialize, Serialize};

use super::{Finish, Origin, Part, Usage};
use crate::error::{Error, ErrorKind, Result};

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Instructions in the middle of a conversation. Those that stand before it are
    /// [`ChatRequest::system`](super::ChatRequest::system).
    System,
    /// The person, or the program in their place.
    User,
    /// The model.
    Assistant,
    /// Tools that answer calls of the model.
    Tool,
}

impl Role {
    /// The name in `snake_case`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }

    /// Reads what [`as_str`](Self::as_str) wrote.
    pub fn from_stored(name: &str) -> Result<Self> {
        [Self::System, Self::User, Self::Assistant, Self::Tool]
            .into_iter()
            .find(|role| role.as_str() == name)
            .ok_or_else(|| Error::new(ErrorKind::Internal, "read an entry").because("its actor is not known"))
    }
}

/// What one actor said in one step: parts in order, and where an answer came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub parts: Vec<Part>,
    /// Who produced it; absent for what people and tools said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Why it ended; absent for what people and tools said, and for an answer that broke off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish: Option<Finish>,
    /// What it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

impl Message {
    /// What `role` said, in parts.
    pub const fn new(role: Role, parts: Vec<Part>) -> Self {
        Self { role, parts, origin: None, finish: None, usage: None }
    }

    /// A text from the user.
    pub fn user(text: impl Into<String>) -> Self {
        Self::new(Role::User, vec![Part::text(text)])
    }

    /// A text from the model.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::new(Role::Assistant, vec![Part::text(text)])
    }

    /// All its parts of text, one after the other.
    pub fn text(&self) -> String {
        self.parts.iter().filter_map(Part::as_text).collect()
    }
}

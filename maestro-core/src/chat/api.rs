//! Which wire protocol a thing was said in, and who said it.

use std::{borrow::Cow, fmt};

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::{auth::AuthType, provider::ProviderId};

/// The name of a wire protocol, such as `openai-responses`.
///
/// It is open: a provider from outside brings a name of its own. Native JSON and seals are only ever sent back to the
/// API that made them, and this name is what decides it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApiId(Cow<'static, str>);

impl ApiId {
    /// Names an API by a constant.
    pub const fn from_static(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// Names an API.
    pub fn new(name: impl Into<String>) -> Self {
        Self(Cow::Owned(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ApiId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who produced an answer, and how it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The provider that was asked.
    pub provider: ProviderId,
    /// The kind of credential, absent where none was needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_type: Option<AuthType>,
    /// The protocol that was spoken.
    pub api: ApiId,
    /// The model that was asked for.
    pub model_asked: CompactString,
    /// The model that answered, which can be another one; absent when the provider did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_served: Option<CompactString>,
    /// The provider's id of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_id: Option<CompactString>,
}

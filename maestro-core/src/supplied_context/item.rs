//! The entity (requirement M-S1), and what is written of it.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    error::{Error, FieldError, Result},
    id::Id,
    revision::Revision,
    time::Timestamp,
};

/// A map of JSON values, as requirements M-C1 and M-S1 have several. Stores keep it down to [`JSON_MAP_DEPTH`].
pub type JsonMap = Map<String, Value>;

/// How many levels a [`JsonMap`] that is stored may have, itself included. Parsers have such a limit, so a map without
/// one could be written and then never be read again.
pub const JSON_MAP_DEPTH: usize = 100;

/// A persona or a system prompt (`SuppliedContextItem`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its id.
    pub id: Id<Self>,
    /// What it is for.
    pub item_type: ItemType,
    /// Its name, unique within its type.
    pub name: ItemName,
    /// The present text.
    pub text: ItemText,
    /// Which version of the text this is.
    pub version: ItemVersionNumber,
    /// What it is filed under.
    pub tags: Tags,
    /// Whatever else is to be kept with it.
    pub metadata: JsonMap,
    /// How often the row has been written, changes of other fields than the text included.
    pub revision: Revision,
    /// When it was created.
    pub inserted_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

/// What an item is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemType {
    /// Who the model is to be.
    Persona,
    /// What the model is to do.
    SystemPrompt,
}

impl ItemType {
    /// The name, as requirement M-S1 spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Persona => "persona",
            Self::SystemPrompt => "system_prompt",
        }
    }
}

impl fmt::Display for ItemType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ItemType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "persona" => Ok(Self::Persona),
            "system_prompt" => Ok(Self::SystemPrompt),
            _ => Err(Error::invalid(
                "read an item type",
                [FieldError::new("type", "must be persona or system_prompt")],
            )),
        }
    }
}

/// The name of an item: 1 to 100 characters on one line.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ItemName(String);

impl ItemName {
    /// Normalises (white space around it goes) and checks a name.
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when it is empty, too long or holds a control character.
    pub fn new(name: impl AsRef<str>) -> Result<Self> {
        crate::name::one_line("name an item", "name", name.as_ref(), 100).map(Self)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

crate::name::text_traits!(ItemName);

/// The text of an item: 1 byte to 1 MiB, no NUL (which Postgres cannot keep in a text).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ItemText(String);

impl ItemText {
    /// The most bytes a text may have.
    pub const MAX_BYTES: usize = 1 << 20;

    /// Checks a text. [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when it is blank, too long or holds a NUL.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        let problem = if text.trim().is_empty() {
            "is empty".to_owned()
        } else if text.len() > Self::MAX_BYTES {
            format!("has {} bytes, more than {}", text.len(), Self::MAX_BYTES)
        } else if text.contains('\0') {
            "holds a NUL character".to_owned()
        } else {
            return Ok(Self(text));
        };
        Err(Error::invalid("write an item", [FieldError::new("text", problem)]))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

crate::name::text_traits!(ItemText);

impl fmt::Debug for ItemText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ItemText({} bytes)", self.0.len())
    }
}

/// What an item is filed under: names with values, at most 50.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct Tags(BTreeMap<String, String>);

impl Tags {
    /// Checks tags: names of 1 to 50 characters and values of up to 200, on one line each.
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) names each that is not so.
    pub fn new(tags: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let tags: BTreeMap<_, _> = tags.into_iter().collect();
        let on_one_line = |text: &str, least: usize, most: usize| {
            (least..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
        };
        let mut wrong: Vec<_> = (tags.iter())
            .filter(|(name, value)| !on_one_line(name, 1, 50) || !on_one_line(value, 0, 200))
            .map(|(name, _)| {
                FieldError::new(
                    format!("tags.{}", name.escape_debug()),
                    "must be a name of 1 to 50 characters and a value of up to 200, on one line",
                )
            })
            .collect();
        if tags.len() > 50 {
            wrong.push(FieldError::new("tags", "must be 50 at the most"));
        }
        if wrong.is_empty() { Ok(Self(tags)) } else { Err(Error::invalid("tag an item", wrong)) }
    }

    /// The tags, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value under a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether each of `wanted` is here with the same value.
    pub fn contains_all(&self, wanted: &Self) -> bool {
        wanted.iter().all(|(name, value)| self.get(name) == Some(value))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<BTreeMap<String, String>> for Tags {
    type Error = Error;
    fn try_from(tags: BTreeMap<String, String>) -> Result<Self> {
        Self::new(tags)
    }
}

impl From<Tags> for BTreeMap<String, String> {
    fn from(tags: Tags) -> Self {
        tags.0
    }
}

/// The number of a text's version: 1 for the first, one more with every change of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ItemVersionNumber(u32);

impl ItemVersionNumber {
    /// The version of the first text.
    pub const FIRST: Self = Self(1);

    /// The version that a store, or a user, has named.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The version after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for ItemVersionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that an item has, or once had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemVersion {
    /// The item.
    pub item_id: Id<Item>,
    /// The number.
    pub version: ItemVersionNumber,
    /// The text.
    pub text: ItemText,
    /// When it was written.
    pub inserted_at: Timestamp,
}

/// An item to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewItem {
    /// Its id.
    pub id: Id<Item>,
    /// What it is for.
    pub item_type: ItemType,
    /// Its name.
    pub name: ItemName,
    /// Its text.
    pub text: ItemText,
    /// What it is filed under.
    pub tags: Tags,
    /// Whatever else is to be kept with it.
    pub metadata: JsonMap,
    /// The present moment.
    pub now: Timestamp,
}

/// A change of an item; what is absent stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ItemChange {
    /// A new name.
    pub name: Option<ItemName>,
    /// A new text. Only one that differs makes a new version.
    pub text: Option<ItemText>,
    /// New tags, in place of all.
    pub tags: Option<Tags>,
    /// New metadata, in place of all.
    pub metadata: Option<JsonMap>,
}

//! Pages: keyset pages with an opaque cursor, so that a page costs the same wherever it is.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{Error, FieldError, Result};

/// How many items a page may hold at the most.
pub const PAGE_LIMIT_MAX: u16 = 1_000;

/// How many items a page holds when nothing is said.
pub const PAGE_LIMIT_DEFAULT: u16 = 50;

/// The number of items wanted on a page, 1 to [`PAGE_LIMIT_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit(u16);

impl PageLimit {
    /// A limit of `limit` items. Refused with [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) outside 1 to 1,000.
    pub fn new(limit: u16) -> Result<Self> {
        if (1..=PAGE_LIMIT_MAX).contains(&limit) {
            Ok(Self(limit))
        } else {
            Err(Error::invalid(
                "read a page",
                [FieldError::new("limit", format!("must be 1 to {PAGE_LIMIT_MAX}, not {limit}"))],
            ))
        }
    }

    /// The number of items.
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

impl Default for PageLimit {
    fn default() -> Self {
        Self(PAGE_LIMIT_DEFAULT)
    }
}

/// Which end of the order a listing begins at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Direction {
    /// The smallest key first.
    #[default]
    Ascending,
    /// The greatest key first.
    Descending,
}

/// Whether a page also says how many items there are in all. Counting costs time that grows with the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Total {
    /// Leave the total out.
    #[default]
    Skip,
    /// Count everything that the query matches.
    Count,
}

/// Which page of a listing is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageRequest {
    /// How many items at the most.
    pub limit: PageLimit,
    /// Where the page before ended; absent for the first page.
    pub after: Option<Cursor>,
    /// Whether to count all.
    pub total: Total,
}

impl PageRequest {
    /// The first page, of `limit` items at the most.
    pub fn first(limit: PageLimit) -> Self {
        Self { limit, ..Self::default() }
    }

    /// The page after `cursor`, of the same size.
    #[must_use]
    pub fn after(mut self, cursor: Cursor) -> Self {
        self.after = Some(cursor);
        self
    }

    /// The same page, with the total.
    #[must_use]
    pub fn counted(mut self) -> Self {
        self.total = Total::Count;
        self
    }
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the order that the listing promises.
    pub items: Vec<T>,
    /// Where the next page begins; absent when this is the last one.
    pub next: Option<Cursor>,
    /// How many items there are in all, when it was asked for.
    pub total: Option<u64>,
}

impl<T> Page<T> {
    /// Makes a page from up to `limit + 1` rows: the one too many only shows that there is a next page.
    ///
    /// ```
    /// # use maestro_core::page::*;
    /// let limit = PageLimit::new(2).unwrap();
    /// let page = Page::from_rows(vec![1, 2, 3], limit, None, |n| Cursor::at(CursorKey::Number(*n), Default::default()));
    /// assert_eq!(page.items, [1, 2]);
    /// assert!(page.next.is_some());
    /// ```
    pub fn from_rows(
        mut rows: Vec<T>,
        limit: PageLimit,
        total: Option<u64>,
        cursor: impl Fn(&T) -> Cursor,
    ) -> Self {
        let more = rows.len() > limit.get();
        rows.truncate(limit.get());
        let next = if more { rows.last().map(cursor) } else { None };
        Self { items: rows, next, total }
    }

    /// The same page with each item turned into another thing.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next: self.next, total: self.total }
    }
}

/// The sort key of the last item of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CursorKey {
    /// A time in microseconds, a turn index, or another number.
    Number(i64),
    /// A name.
    Text(String),
}

/// A place in a listing, opaque to callers: the sort key of the last item seen and its id.
///
/// It is written as text that is safe in a URL. A cursor stays good while items are added and removed around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    key: CursorKey,
    id: Uuid,
}

impl Cursor {
    /// The place just behind the item with this key and id.
    pub const fn at(key: CursorKey, id: Uuid) -> Self {
        Self { key, id }
    }

    /// The id of the item that the page before ended with.
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// The numeric key. [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when the cursor belongs to a listing by text.
    pub fn number(&self) -> Result<i64> {
        match self.key {
            CursorKey::Number(number) => Ok(number),
            CursorKey::Text(_) => Err(foreign_cursor()),
        }
    }

    /// The text key. [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when the cursor belongs to a listing by number.
    pub fn text(&self) -> Result<&str> {
        match &self.key {
            CursorKey::Text(text) => Ok(text),
            CursorKey::Number(_) => Err(foreign_cursor()),
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A pair of a number or text and a UUID always serialises.
        let json = serde_json::to_vec(&(&self.key, self.id)).map_err(|_| fmt::Error)?;
        f.write_str(&URL_SAFE_NO_PAD.encode(json))
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let read = || {
            let json = URL_SAFE_NO_PAD.decode(text.trim()).ok()?;
            let (key, id) = serde_json::from_slice(&json).ok()?;
            Some(Self { key, id })
        };
        read().ok_or_else(|| {
            Error::invalid(
                "read a page",
                [FieldError::new("after", "is not a cursor; take it from the page before")],
            )
        })
    }
}

fn foreign_cursor() -> Error {
    Error::invalid("read a page", [FieldError::new("after", "is a cursor of another listing or order")])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_being_written_and_read() {
        for key in [CursorKey::Number(-7), CursorKey::Text("naïve \"name\"".into())] {
            let cursor = Cursor::at(key, Uuid::now_v7());
            assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        }
    }

    #[test]
    fn a_page_names_no_next_when_it_is_the_last() {
        let limit = PageLimit::new(3).unwrap();
        let page =
            Page::from_rows(vec![1, 2, 3], limit, None, |n| Cursor::at(CursorKey::Number(*n), Uuid::nil()));
        assert_eq!((page.items.len(), page.next), (3, None));
    }
}

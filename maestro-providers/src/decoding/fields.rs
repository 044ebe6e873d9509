//! Fields of a provider's JSON that are read leniently: what is missing, `null` or of a form that the protocol does not
//! have counts as absent, and does not spoil the rest of the event.

use std::{borrow::Cow, fmt, marker::PhantomData};

use compact_str::CompactString;
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// A text on its way into an event: up to 24 bytes are kept inline, escaped or not.
#[derive(Debug, Default)]
pub(crate) struct Text(Option<CompactString>);

impl Text {
    /// The text, if there is one and it is not empty.
    #[inline]
    pub(crate) fn take(self) -> Option<CompactString> {
        self.0.filter(|text| !text.is_empty())
    }
}

/// A short text that is looked at, borrowed where nothing in it is escaped.
#[derive(Debug, Default)]
pub(crate) struct Str<'a>(Option<Cow<'a, str>>);

impl Str<'_> {
    /// The text; empty where there is none.
    #[inline]
    pub(crate) fn get(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// The text, if there is one and it is not empty.
    #[inline]
    pub(crate) fn filled(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }

    /// A copy of the text, if there is one and it is not empty.
    pub(crate) fn to_compact(&self) -> Option<CompactString> {
        self.filled().map(CompactString::from)
    }
}

/// A number of tokens. Some servers write `5.0` for five.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tokens(pub(crate) Option<u64>);

impl Tokens {
    /// The number, nought where there is none.
    pub(crate) fn get(self) -> u64 {
        self.0.unwrap_or_default()
    }

    /// This number, or the other where there is none.
    pub(crate) fn or(self, other: Self) -> Self {
        Self(self.0.or(other.0))
    }
}

/// A small number such as an index.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Index(pub(crate) Option<u32>);

impl<'de> Deserialize<'de> for Index {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Lenient::<Self>(PhantomData))
    }
}

impl Lenience<'_> for Index {
    #[inline]
    fn from_number(number: Number) -> Self {
        match number {
            Number::Whole(number) => Self(u32::try_from(number).ok()),
            Number::Negative(_) | Number::Float(_) => Self(None),
        }
    }
}

/// Yes or no; what is neither is no.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Lenient::<Self>(PhantomData))
    }
}

impl Lenience<'_> for Flag {
    fn from_bool(yes: bool) -> Self {
        Self(yes)
    }
}

impl<'de> Deserialize<'de> for Text {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Lenient::<Self>(PhantomData))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Lenient::<Self>(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Tokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Lenient::<Self>(PhantomData))
    }
}

/// What a lenient field makes of the JSON values that it understands.
trait Lenience<'de>: Default {
    fn from_str(_text: &str) -> Self {
        Self::default()
    }

    fn from_borrowed(text: &'de str) -> Self {
        Self::from_str(text)
    }

    fn from_number(_number: Number) -> Self {
        Self::default()
    }

    fn from_bool(_yes: bool) -> Self {
        Self::default()
    }
}

enum Number {
    Whole(u64),
    Negative(i64),
    Float(f64),
}

impl Lenience<'_> for Text {
    #[inline]
    fn from_str(text: &str) -> Self {
        Self(Some(CompactString::from(text)))
    }
}

impl<'de: 'a, 'a> Lenience<'de> for Str<'a> {
    fn from_str(text: &str) -> Self {
        Self(Some(Cow::Owned(text.to_owned())))
    }

    #[inline]
    fn from_borrowed(text: &'de str) -> Self {
        Self(Some(Cow::Borrowed(text)))
    }

    // Error codes and ids are numbers with some servers.
    fn from_number(number: Number) -> Self {
        Self(Some(Cow::Owned(match number {
            Number::Whole(number) => number.to_string(),
            Number::Negative(number) => number.to_string(),
            Number::Float(number) => number.to_string(),
        })))
    }
}

impl Lenience<'_> for Tokens {
    fn from_number(number: Number) -> Self {
        Self(Some(match number {
            Number::Whole(number) => number,
            Number::Negative(_) => 0,
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
            Number::Float(number) => number as u64,
        }))
    }
}

struct Lenient<T>(PhantomData<T>);

impl<'de, T: Lenience<'de>> Visitor<'de> for Lenient<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    #[inline]
    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok(T::from_str(text))
    }

    #[inline]
    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<T, E> {
        Ok(T::from_borrowed(text))
    }

    #[inline]
    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_bool<E: Error>(self, yes: bool) -> Result<T, E> {
        Ok(T::from_bool(yes))
    }

    #[inline]
    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        Ok(T::from_number(Number::Whole(number)))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        Ok(T::from_number(Number::Negative(number)))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        Ok(T::from_number(Number::Float(number)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<T, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(T::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(T::default())
    }
}

//! The fields of a provider's JSON, read leniently: what is missing, `null` or of a type that the protocol does not have
//! counts as absent, and does not spoil the rest of the event.

use std::borrow::Cow;

use compact_str::CompactString;
use smallvec::SmallVec;

use super::json::{Json, Malformed, Read};

/// Declares an object of a protocol as a table: each field with its type and its key.
///
/// Keys that are not named are passed over, and the last one counts where a key stands twice.
macro_rules! object {
    ($(#[$meta:meta])* $vis:vis struct $name:ident $(<$life:lifetime>)? {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty = $key:literal,)*
    }) => {
        $(#[$meta])*
        #[derive(Default)]
        $vis struct $name $(<$life>)? {
            $($(#[$field_meta])* $field_vis $field: $type,)*
        }

        object!(@read $name $(<$life>)? { $($field = $key,)* });
    };
    (@read $name:ident <$life:lifetime> { $($field:ident = $key:literal,)* }) => {
        impl<$life> $crate::decoding::Read<$life> for $name<$life> {
            #[inline]
            fn read(&mut self, json: &mut $crate::decoding::Json<$life>) -> Result<(), $crate::decoding::Malformed> {
                object!(@fields self json { $($field = $key,)* })
            }
        }
    };
    (@read $name:ident { $($field:ident = $key:literal,)* }) => {
        impl<'de> $crate::decoding::Read<'de> for $name {
            #[inline]
            fn read(&mut self, json: &mut $crate::decoding::Json<'de>) -> Result<(), $crate::decoding::Malformed> {
                object!(@fields self json { $($field = $key,)* })
            }
        }
    };
    (@fields $self:ident $json:ident { $($field:ident = $key:literal,)* }) => {
        if $json.peek() == Some(b'{') {
            $json.object(|key, json| match key {
                $($key => $crate::decoding::Read::read(&mut $self.$field, json),)*
                _ => json.skip(),
            })
        } else {
            $json.skip()
        }
    };
}

pub(crate) use object;

/// A text on its way into an event: up to 24 bytes are kept inline, escaped or not.
#[derive(Debug, Default)]
pub(crate) struct Text(Option<CompactString>);

impl Text {
    /// The text, if there is one and it is not empty.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<CompactString> {
        self.0.take().filter(|text| !text.is_empty())
    }
}

impl<'de> Read<'de> for Text {
    #[inline]
    fn read(&mut self, json: &mut Json<'de>) -> Result<(), Malformed> {
        if json.peek() != Some(b'"') {
            return json.skip();
        }
        let written = json.string()?;
        self.0 = Some(json.said(written));
        Ok(())
    }
}

/// A text that is looked at, borrowed where nothing in it is escaped. A number counts as its text, since codes and ids
/// are numbers with some servers.
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

    /// A copy of the text, if there is one and it is not empty.
    pub(crate) fn to_text(&self) -> Option<String> {
        self.filled().map(str::to_owned)
    }
}

impl<'a> Read<'a> for Str<'a> {
    #[inline]
    fn read(&mut self, json: &mut Json<'a>) -> Result<(), Malformed> {
        self.0 = Some(match json.peek() {
            Some(b'"') => {
                let written = json.string()?;
                if json.is_escaped() {
                    Cow::Owned(json.said(written).into_string())
                } else {
                    Cow::Borrowed(written)
                }
            }
            Some(b'-' | b'0'..=b'9') => Cow::Borrowed(json.number()?),
            _ => return json.skip(),
        });
        Ok(())
    }
}

/// A value as it is written; `null` counts as none.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Raw<'a>(pub(crate) Option<&'a str>);

impl<'a> Read<'a> for Raw<'a> {
    #[inline]
    fn read(&mut self, json: &mut Json<'a>) -> Result<(), Malformed> {
        self.0 = Some(json.raw()?).filter(|raw| *raw != "null");
        Ok(())
    }
}

/// A number of tokens. Some servers write `5.0` for five.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tokens(pub(crate) Option<u64>);

impl Tokens {
    /// The number, nought where there is none.
    #[inline]
    pub(crate) fn get(self) -> u64 {
        self.0.unwrap_or_default()
    }

    /// This number, or the other where there is none.
    pub(crate) fn or(self, other: Self) -> Self {
        Self(self.0.or(other.0))
    }
}

impl<'de> Read<'de> for Tokens {
    #[inline]
    fn read(&mut self, json: &mut Json<'de>) -> Result<(), Malformed> {
        if !matches!(json.peek(), Some(b'-' | b'0'..=b'9')) {
            return json.skip();
        }
        if let Some(number) = json.unsigned() {
            self.0 = Some(number);
            return Ok(());
        }
        let number = json.number()?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
        let float = || number.parse::<f64>().ok().map(|number| number as u64);
        self.0 = number.parse().ok().or_else(float);
        Ok(())
    }
}

/// A place in a list.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Index(pub(crate) Option<u32>);

impl<'de> Read<'de> for Index {
    #[inline]
    fn read(&mut self, json: &mut Json<'de>) -> Result<(), Malformed> {
        if !matches!(json.peek(), Some(b'-' | b'0'..=b'9')) {
            return json.skip();
        }
        self.0 = match json.unsigned() {
            Some(number) => u32::try_from(number).ok(),
            None => json.number().map(|_| None)?,
        };
        Ok(())
    }
}

/// Yes or no; what is neither is no.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) bool);

impl<'de> Read<'de> for Flag {
    fn read(&mut self, json: &mut Json<'de>) -> Result<(), Malformed> {
        self.0 = json.peek() == Some(b't');
        json.skip()
    }
}

impl<'de, T: Read<'de> + Default> Read<'de> for Option<T> {
    #[inline]
    fn read(&mut self, json: &mut Json<'de>) -> Result<(), Malformed> {
        if json.peek() == Some(b'n') {
            return json.skip();
        }
        self.insert(T::default()).read(json)
    }
}

/// A list. The first element needs no allocation, and as a rule it is the only one.
impl<'de, T: Read<'de> + Default> Read<'de> for SmallVec<[T; 1]> {
    #[inline]
    fn read(&mut self, json: &mut Json<'de>) -> Result<(), Malformed> {
        if json.peek() != Some(b'[') {
            return json.skip();
        }
        json.list(|json| {
            self.push(T::default());
            match self.last_mut() {
                Some(element) => element.read(json),
                None => json.skip(),
            }
        })
    }
}

/// A list that is rarely there.
impl<'de, T: Read<'de> + Default> Read<'de> for Vec<T> {
    fn read(&mut self, json: &mut Json<'de>) -> Result<(), Malformed> {
        if json.peek() != Some(b'[') {
            return json.skip();
        }
        json.list(|json| {
            let mut element = T::default();
            element.read(json)?;
            self.push(element);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::json::read, *};

    object! {
        struct Outer<'a> {
            name: Str<'a> = "name",
            text: Text = "text",
            inner: Inner = "inner",
            some: Option<Inner> = "some",
            list: SmallVec<[Inner; 1]> = "list",
            raw: Raw<'a> = "raw",
            flag: Flag = "flag",
        }
    }

    object! {
        #[derive(Debug, PartialEq)]
        struct Inner {
            tokens: Tokens = "tokens",
            index: Index = "index",
        }
    }

    fn inner(tokens: u64) -> Inner {
        Inner { tokens: Tokens(Some(tokens)), index: Index(None) }
    }

    #[test]
    fn an_object_is_read_in_place_whatever_stands_beside() {
        let json = r#" {"x":[{}],"name":"a","text":"b\n","inner":{"y":1,"tokens":2.0},"some":{"tokens":3},"raw": [ 1 ] ,
            "list":[{"tokens":4},null,{"tokens":5}],"flag":true,"n\u0061me":7} "#;
        let mut outer: Outer<'_> = read(json).unwrap();
        assert_eq!((outer.name.get(), outer.text.take().unwrap().as_str()), ("7", "b\n"));
        assert_eq!(
            (outer.inner, outer.some, outer.raw.0, outer.flag.0),
            (inner(2), Some(inner(3)), Some("[ 1 ]"), true)
        );
        assert_eq!(outer.list.as_slice(), [inner(4), Inner::default(), inner(5)]);
    }

    #[test]
    fn values_of_other_types_leave_the_place_as_it_was() {
        for other in [
            "null",
            "1",
            "-1",
            "1.5",
            "true",
            "\"a\"",
            "[1,[2]]",
            "[]",
            "{\"index\":-1}",
            "{\"tokens\":\"1\"}",
        ] {
            let json = format!(r#"{{"inner":{other},"text":[{other}],"list":{{"a":{other}}}}}"#);
            let mut outer: Outer<'_> = read(&json).unwrap();
            assert_eq!(outer.inner, Inner::default(), "{other}");
            assert!(outer.text.take().is_none() && outer.list.is_empty());
        }
    }

    #[test]
    fn what_is_no_object_is_an_error() {
        for json in ["", "[]", "[{}]", "null", "{", "{}{}", "{\"a\":}", "\"a\"", "{} x"] {
            assert!(read::<Outer<'_>>(json).is_err(), "{json}");
        }
    }
}

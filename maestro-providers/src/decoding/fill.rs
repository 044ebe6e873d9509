//! Reading JSON objects in place.
//!
//! A derived type is built field by field and then moved out of each level that it is nested in; with the many optional
//! fields of these protocols that took as long as the JSON itself. Here an object is read into a place that is there
//! already. `null`, and a value of another type than the protocol has, leave the place as it was.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use smallvec::SmallVec;

use super::Str;

/// An object that can be read in place.
pub(crate) trait Fill<'de>: Default {
    /// Takes the value of the field `key` from `map`, which must be read; [`skip`] is for one that is not wanted.
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>;
}

/// Passes over a value.
#[inline]
pub(crate) fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(|_| ())
}

/// Reads one JSON text, which must be an object.
#[inline]
pub(crate) fn fill<'de, T: Fill<'de>>(json: &'de str) -> serde_json::Result<T> {
    let mut target = T::default();
    let mut deserializer = serde_json::Deserializer::from_str(json);
    deserializer.deserialize_map(Whole(&mut target))?;
    deserializer.end()?;
    Ok(target)
}

/// An object and nothing else.
struct Whole<'s, T>(&'s mut T);

/// A field that holds an object.
pub(crate) struct Object<'s, T>(pub(crate) &'s mut T);

/// A field that holds a list of objects, of which as a rule there is one.
pub(crate) struct List<'s, T>(pub(crate) &'s mut SmallVec<[T; 1]>);

impl<'de, T: Fill<'de>> Visitor<'de> for Whole<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Str<'de>>()? {
            self.0.field(key.get(), &mut map)?;
        }
        Ok(())
    }
}

/// The values that leave a place as it was.
macro_rules! pass_scalars {
    () => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any value")
        }

        fn visit_unit<E: Error>(self) -> Result<(), E> {
            Ok(())
        }

        fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
            Ok(())
        }

        fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
            Ok(())
        }

        fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
            Ok(())
        }

        fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
            Ok(())
        }

        fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
            Ok(())
        }
    };
}

impl<'de, T: Fill<'de>> DeserializeSeed<'de> for Object<'_, T> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Fill<'de>> Visitor<'de> for Object<'_, T> {
    type Value = ();

    pass_scalars!();

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        Whole(self.0).visit_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

impl<'de, T: Fill<'de>> DeserializeSeed<'de> for List<'_, T> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Fill<'de>> Visitor<'de> for List<'_, T> {
    type Value = ();

    pass_scalars!();

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut element = T::default();
        while seq.next_element_seed(Object(&mut element))?.is_some() {
            self.0.push(std::mem::take(&mut element));
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Outer<'a> {
        name: Str<'a>,
        inner: Inner,
        list: SmallVec<[Inner; 1]>,
    }

    #[derive(Default, Debug, PartialEq)]
    struct Inner(u8);

    impl<'de> Fill<'de> for Outer<'de> {
        fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
            match key {
                "name" => self.name = map.next_value()?,
                "inner" => map.next_value_seed(Object(&mut self.inner))?,
                "list" => map.next_value_seed(List(&mut self.list))?,
                _ => skip(map)?,
            }
            Ok(())
        }
    }

    impl<'de> Fill<'de> for Inner {
        fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
            if key == "n" {
                self.0 = map.next_value()?;
                return Ok(());
            }
            skip(map)
        }
    }

    #[test]
    fn an_object_is_read_in_place_whatever_stands_beside() {
        let json =
            r#" {"x":[{}],"name":"a","inner":{"y":1,"n":2},"list":[{"n":3},null,{"n":4}],"n\u0061me":"b"} "#;
        let outer: Outer<'_> = fill(json).unwrap();
        assert_eq!(
            (outer.name.get(), outer.inner, outer.list.as_slice()),
            ("b", Inner(2), &[Inner(3), Inner(0), Inner(4)][..])
        );
    }

    #[test]
    fn values_of_other_types_leave_the_place_as_it_was() {
        for other in ["null", "1", "-1", "1.5", "true", "\"a\"", "[1,[2]]", "[]"] {
            let outer: Outer<'_> = fill(&format!(r#"{{"inner":{other}}}"#))
                .map(|outer: Outer<'_>| Outer { name: Str::default(), ..outer })
                .unwrap();
            assert_eq!(outer.inner, Inner(0), "{other}");
        }
        let outer: Outer<'_> = fill(r#"{"list":{"n":1}}"#).unwrap();
        assert!(outer.list.is_empty());
    }

    #[test]
    fn what_is_no_object_is_an_error() {
        for json in ["", "[]", "[{}]", "null", "{", "{}{}", "{\"a\":}", "\"a\""] {
            assert!(fill::<Outer<'_>>(json).is_err(), "{json}");
        }
    }
}

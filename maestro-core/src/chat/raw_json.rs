//! JSON text that is kept byte for byte.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

use crate::error::{Error, FieldError, Result};

/// One valid JSON value, kept as the very text it came as: key order, number spelling and spacing included.
///
/// It is stored as a JSON *string* that holds the text. So it passes unharmed through tagged enums, flattened structs
/// and `serde_json::Value`, none of which can carry a number such as `12345678901234567890123` without rounding it.
///
/// ```
/// use maestro_core::chat::RawJson;
///
/// let json = RawJson::parse(r#"{"n":12345678901234567890123,"f":1.0}"#).unwrap();
/// let stored = serde_json::to_value(&json).unwrap();
/// assert_eq!(serde_json::from_value::<RawJson>(stored).unwrap(), json);
/// assert!(RawJson::parse("{").is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RawJson(Box<str>);

impl RawJson {
    /// Takes JSON text as it is. [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when it is not one JSON value.
    pub fn parse(text: impl Into<Box<str>>) -> Result<Self> {
        let text = text.into();
        match serde_json::from_str::<&RawValue>(&text) {
            Ok(_) => Ok(Self(text)),
            Err(error) => {
                Err(Error::invalid("read JSON", [FieldError::new("json", "is not one JSON value")])
                    .caused_by(error))
            }
        }
    }

    /// Takes the text of a value that a JSON parser has already delimited.
    pub fn from_raw(raw: &RawValue) -> Self {
        Self(raw.get().into())
    }

    /// Writes a value as JSON.
    pub fn from_value(value: &Value) -> Self {
        Self(value.to_string().into())
    }

    /// The JSON text.
    pub fn get(&self) -> &str {
        &self.0
    }

    /// The value, with numbers as far as 64 bits hold them.
    pub fn to_value(&self) -> Value {
        // Valid by construction; `Null` stands for what only a bug could make.
        serde_json::from_str(&self.0).unwrap_or(Value::Null)
    }

    /// Reads the value into a type.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.0).map_err(|error| {
            Error::invalid("read JSON", [FieldError::new("json", "does not have the wanted form")])
                .caused_by(error)
        })
    }

    /// The same text as a serde_json raw value, to be embedded in a document as it is.
    pub fn to_raw_value(&self) -> Box<RawValue> {
        // Valid by construction; see `to_value`.
        RawValue::from_string(self.0.to_string()).unwrap_or_default()
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(text.into_owned()).map_err(serde::de::Error::custom)
    }
}

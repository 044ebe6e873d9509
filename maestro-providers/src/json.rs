//! Pieces of JSON that several request bodies share. They are written straight into the body: base64 is not built up
//! beside it, and JSON that is kept as text is embedded as it stands, so that no number is rounded.

use std::fmt;

use base64::{display::Base64Display, engine::general_purpose::STANDARD};
use maestro_core::chat::{ApiId, Part, RawJson};
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::value::RawValue;

/// JSON text as a value to embed.
pub(crate) fn raw(json: &RawJson) -> &RawValue {
    // Valid by construction of `RawJson`; `null` stands for what only a bug could make.
    parse(json.get()).unwrap_or(RawValue::NULL)
}

/// The native JSON of a part, if `api` made it.
pub(crate) fn own_native<'a>(part: &'a Part, api: &ApiId) -> Option<&'a RawJson> {
    part.native.as_ref().filter(|native| native.api == *api).map(|native| &native.json)
}

/// Thousandths as the number that JSON wants.
pub(crate) fn from_milli(milli: u32) -> f64 {
    f64::from(milli) / 1000.0
}

fn parse(text: &str) -> Option<&RawValue> {
    serde_json::from_str(text).ok()
}

/// Bytes as standard base64.
pub(crate) struct Base64<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Base64<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Base64Display::new(self.0, &STANDARD).fmt(f)
    }
}

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Bytes as a `data:` address (RFC 2397).
pub(crate) struct DataUrl<'a> {
    pub(crate) media_type: &'a str,
    pub(crate) data: &'a [u8],
}

impl Serialize for DataUrl<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("data:{};base64,{}", self.media_type, Base64(self.data)))
    }
}

/// The arguments of a call for an API that wants an object: as the model wrote them if they are one, `{}` if it wrote
/// nothing, and otherwise an object whose `_raw` holds what it did write.
pub(crate) struct ObjectArgs<'a>(pub(crate) &'a str);

impl Serialize for ObjectArgs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.trim();
        match parse(text) {
            Some(object) if text.starts_with('{') => object.serialize(serializer),
            _ if text.is_empty() => serializer.serialize_map(Some(0))?.end(),
            other => {
                let mut map = serializer.serialize_map(Some(1))?;
                match other {
                    Some(value) => map.serialize_entry("_raw", value)?,
                    None => map.serialize_entry("_raw", text)?,
                }
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_become_an_object_and_keep_their_digits() {
        for (args, expected) in [
            (r#"{"n":12345678901234567890123,"f":1.0}"#, r#"{"n":12345678901234567890123,"f":1.0}"#),
            ("", "{}"),
            (" ", "{}"),
            ("[1]", r#"{"_raw":[1]}"#),
            (r#"{"cut":"#, r#"{"_raw":"{\"cut\":"}"#),
        ] {
            assert_eq!(serde_json::to_string(&ObjectArgs(args)).unwrap(), expected, "{args}");
        }
    }

    #[test]
    fn a_data_url_holds_type_and_bytes() {
        let url = DataUrl { media_type: "image/png", data: b"\x89PNG" };
        assert_eq!(serde_json::to_string(&url).unwrap(), r#""data:image/png;base64,iVBORw==""#);
    }
}

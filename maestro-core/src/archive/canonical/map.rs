//! Maps with their keys in byte order, whatever order a build of serde_json keeps them in.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::supplied_context::JsonMap;

/// A map that is written sorted, at every level.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Sorted<'a>(pub(super) Cow<'a, JsonMap>);

impl Serialize for Sorted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_map(&self.0, serializer)
    }
}

struct SortedValue<'a>(&'a Value);

impl Serialize for SortedValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(map) => serialize_map(map, serializer),
            Value::Array(values) => serializer.collect_seq(values.iter().map(SortedValue)),
            plain => plain.serialize(serializer),
        }
    }
}

fn serialize_map<S: Serializer>(map: &JsonMap, serializer: S) -> Result<S::Ok, S::Error> {
    let sorted: BTreeMap<_, _> = map.iter().map(|(key, value)| (key, SortedValue(value))).collect();
    serializer.collect_map(sorted)
}

//! From JSON Schema to Google's subset of OpenAPI 3.0, for the field `parameters`.
//!
//! One unknown keyword there fails the whole request, so only what is known goes through.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// The keywords that go through as they are.
const KEPT: [&str; 19] = [
    "type",
    "format",
    "title",
    "description",
    "nullable",
    "enum",
    "required",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minProperties",
    "maxProperties",
    "minimum",
    "maximum",
    "pattern",
    "default",
    "example",
    "propertyOrdering",
];

/// The deepest chain of references that is followed; a schema that refers to itself is cut there.
const MAX_DEPTH: usize = 16;

/// The most nodes that are written, so that references cannot multiply without end.
const MAX_NODES: usize = 10_000;

/// A schema in the subset, and what it lost on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Sanitised {
    /// The schema.
    pub schema: Value,
    /// The keywords that were removed, sorted, each once.
    pub removed: Vec<String>,
}

/// Puts a JSON Schema into Google's subset of OpenAPI 3.0.
///
/// References within the schema are replaced by what they refer to, `const` becomes an `enum` of one, `oneOf` becomes
/// `anyOf`, an `allOf` is merged, and `null` among types becomes `nullable`. Enums become strings. All other unknown
/// keywords are removed and named.
///
/// ```
/// use maestro_providers::gemini::sanitise;
/// use serde_json::json;
///
/// let schema = json!({"type": ["string", "null"], "const": "a", "$schema": "x"});
/// let sanitised = sanitise(&schema);
/// assert_eq!(sanitised.schema, json!({"type": "string", "nullable": true, "enum": ["a"]}));
/// assert_eq!(sanitised.removed, ["$schema"]);
/// ```
pub fn sanitise(schema: &Value) -> Sanitised {
    let mut work = Work { root: schema, removed: BTreeSet::new(), nodes: 0 };
    let schema = work.schema(schema, 0);
    Sanitised { schema, removed: work.removed.into_iter().collect() }
}

struct Work<'a> {
    root: &'a Value,
    removed: BTreeSet<String>,
    nodes: usize,
}

impl<'a> Work<'a> {
    fn schema(&mut self, schema: &'a Value, depth: usize) -> Value {
        self.nodes += 1;
        let Some(source) = schema.as_object().filter(|_| depth < MAX_DEPTH && self.nodes < MAX_NODES) else {
            // `true` allows anything; a schema that goes too deep is cut to that.
            return json!({});
        };
        let mut target = Map::new();
        if let Some(found) = source.get("$ref").and_then(Value::as_str).and_then(|path| self.resolve(path)) {
            merge(&mut target, self.schema(found, depth + 1));
        } else if source.contains_key("$ref") {
            self.removed.insert("$ref".to_owned());
        }
        for (name, value) in source {
            match name.as_str() {
                // References have been followed, and nothing else points at the definitions.
                "$ref" | "$defs" | "definitions" => {}
                "type" => types(value, &mut target),
                "const" => {
                    target.insert("enum".to_owned(), json!([as_text(value)]));
                }
                "enum" => enumerate(value, &mut target),
                "properties" => {
                    let properties = value.as_object().into_iter().flatten();
                    let properties: Map<_, _> = properties
                        .map(|(name, schema)| (name.clone(), self.schema(schema, depth + 1)))
                        .collect();
                    target.insert(name.clone(), properties.into());
                }
                "items" => {
                    target.insert(name.clone(), self.schema(value, depth + 1));
                }
                "anyOf" | "oneOf" => self.any_of(value, depth, &mut target),
                "allOf" => {
                    for schema in value.as_array().into_iter().flatten() {
                        merge(&mut target, self.schema(schema, depth + 1));
                    }
                }
                _ if KEPT.contains(&name.as_str()) => {
                    target.insert(name.clone(), value.clone());
                }
                _ => {
                    self.removed.insert(name.clone());
                }
            }
        }
        // `required` may name what was lost with a keyword of its own.
        let known: Vec<String> = target
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(Map::keys)
            .cloned()
            .collect();
        if let Some(Value::Array(required)) = target.get_mut("required") {
            required.retain(|name| name.as_str().is_some_and(|name| known.iter().any(|known| known == name)));
        }
        if target.get("required").and_then(Value::as_array).is_some_and(Vec::is_empty) {
            target.remove("required");
        }
        target.into()
    }

    /// The alternatives without `null`, which makes the whole nullable. A single one takes the place of the choice.
    fn any_of(&mut self, value: &'a Value, depth: usize, target: &mut Map<String, Value>) {
        let (nulls, others): (Vec<_>, Vec<_>) = value
            .as_array()
            .into_iter()
            .flatten()
            .partition(|schema| schema.get("type").and_then(Value::as_str) == Some("null"));
        if !nulls.is_empty() {
            target.insert("nullable".to_owned(), true.into());
        }
        let mut others: Vec<Value> =
            others.into_iter().map(|schema| self.schema(schema, depth + 1)).collect();
        if others.len() == 1 {
            merge(target, others.remove(0));
        } else if !others.is_empty() {
            target.insert("anyOf".to_owned(), others.into());
        }
    }

    /// What a reference within the schema points at.
    fn resolve(&self, path: &str) -> Option<&'a Value> {
        match path.strip_prefix('#')? {
            "" => Some(self.root),
            pointer => self.root.pointer(pointer),
        }
    }
}

/// One type, and whether it may be null. Of several types the first is kept: the subset has no choice of plain types.
fn types(value: &Value, target: &mut Map<String, Value>) {
    let names: Vec<&str> = match value {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if names.contains(&"null") {
        target.insert("nullable".to_owned(), true.into());
    }
    let mut others = names.into_iter().filter(|name| *name != "null").peekable();
    match (others.next(), others.peek()) {
        (Some(only), None) => {
            target.insert("type".to_owned(), only.into());
        }
        (Some(first), Some(_)) => {
            let choice: Vec<_> =
                std::iter::once(first).chain(others).map(|name| json!({ "type": name })).collect();
            target.insert("anyOf".to_owned(), choice.into());
        }
        _ => {}
    }
}

/// Enums hold strings only; `null` makes the whole nullable.
fn enumerate(value: &Value, target: &mut Map<String, Value>) {
    let values = value.as_array().map(Vec::as_slice).unwrap_or_default();
    if values.iter().any(Value::is_null) {
        target.insert("nullable".to_owned(), true.into());
    }
    if values.iter().any(|value| !value.is_string() && !value.is_null()) {
        // Numbers in an enum only go with the type `string`.
        target.insert("type".to_owned(), "string".into());
    }
    let texts: Vec<_> = values.iter().filter(|value| !value.is_null()).map(as_text).collect();
    target.insert("enum".to_owned(), texts.into());
}

fn as_text(value: &Value) -> Value {
    match value {
        Value::String(text) => text.clone().into(),
        other => other.to_string().into(),
    }
}

/// Adds what is not there yet; properties and required names are united.
fn merge(target: &mut Map<String, Value>, other: Value) {
    let Value::Object(other) = other else { return };
    for (name, value) in other {
        match (target.get_mut(&name), value) {
            (Some(Value::Object(mine)), Value::Object(theirs)) if name == "properties" => {
                for (name, schema) in theirs {
                    mine.entry(name).or_insert(schema);
                }
            }
            (Some(Value::Array(mine)), Value::Array(theirs)) if name == "required" => {
                for name in theirs {
                    if !mine.contains(&name) {
                        mine.push(name);
                    }
                }
            }
            (Some(_), _) => {}
            (None, value) => {
                target.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_keyword_goes_where_it_belongs() {
        let rows = [
            (json!({"type": "object", "additionalProperties": false}), json!({"type": "object"})),
            (json!({"type": ["integer", "null"]}), json!({"type": "integer", "nullable": true})),
            (json!({"const": 3}), json!({"enum": ["3"]})),
            (json!({"enum": [1, 2, null]}), json!({"type": "string", "enum": ["1", "2"], "nullable": true})),
            (
                json!({"oneOf": [{"type": "string"}, {"type": "object", "$comment": "x"}]}),
                json!({"anyOf": [{"type": "string"}, {"type": "object"}]}),
            ),
            (
                json!({"anyOf": [{"type": "string", "minLength": 1}, {"type": "null"}]}),
                json!({"type": "string", "minLength": 1, "nullable": true}),
            ),
            (
                json!({"allOf": [{"properties": {"a": {}}, "required": ["a"]}, {"properties": {"b": {}}}]}),
                json!({"properties": {"a": {}, "b": {}}, "required": ["a"]}),
            ),
            (
                json!({"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "string"}}}),
                json!({"properties": {"a": {"type": "string"}}}),
            ),
            (json!({"type": "array", "items": true}), json!({"type": "array", "items": {}})),
            (json!({"exclusiveMinimum": 0, "multipleOf": 2, "not": {}}), json!({})),
            (
                json!({"type": ["string", "integer"]}),
                json!({"anyOf": [{"type": "string"}, {"type": "integer"}]}),
            ),
        ];
        for (schema, expected) in rows {
            assert_eq!(sanitise(&schema).schema, expected, "{schema}");
        }
        assert_eq!(sanitise(&json!({"not": {}, "items": {"$id": "x", "not": {}}})).removed, ["$id", "not"]);
    }

    #[test]
    fn a_schema_that_refers_to_itself_comes_to_an_end() {
        let schema = json!({"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}});
        assert!(sanitise(&schema).schema.to_string().len() < 1_000_000);
    }
}

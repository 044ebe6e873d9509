//! Schemas that bind a model, as OpenAI and its likes want them.

use std::borrow::Cow;

use maestro_core::chat::{Action, RawJson, Strictness, ToolDefinition, TranslationReport};
use serde_json::{Value, value::RawValue};

use crate::json;

/// The parameters of a tool and whether they bind. A schema that cannot bind is sent as a guide, with a line in the
/// report.
pub(crate) fn parameters<'a>(
    tool: &'a ToolDefinition,
    report: &mut TranslationReport,
) -> (Cow<'a, RawValue>, bool) {
    let lenient = Cow::Borrowed(json::raw(&tool.parameters));
    match (tool.strictness, binding(&tool.parameters)) {
        (Strictness::Lenient, _) => (lenient, false),
        (Strictness::Strict, Some(schema)) => (schema, true),
        (Strictness::Strict, None) => {
            report.note(Action::Downgraded, format!("tool {}: {CANNOT_BIND}", tool.name));
            (lenient, false)
        }
    }
}

/// The schema of an answer and whether it binds.
pub(crate) fn output<'a>(schema: &'a RawJson, report: &mut TranslationReport) -> (Cow<'a, RawValue>, bool) {
    binding(schema).map_or_else(
        || {
            report.note(Action::Downgraded, format!("output schema: {CANNOT_BIND}"));
            (Cow::Borrowed(json::raw(schema)), false)
        },
        |schema| (schema, true),
    )
}

const CANNOT_BIND: &str = "not strict, since it has optional properties or open objects";

/// The schema in a form that can bind: every object lists all its properties as required and allows no others. What
/// allows others only by saying nothing is completed; what has optional properties cannot bind.
fn binding(schema: &RawJson) -> Option<Cow<'_, RawValue>> {
    let mut value = schema.to_value();
    let mut changed = false;
    close(&mut value, &mut changed)?;
    if !changed {
        return Some(Cow::Borrowed(json::raw(schema)));
    }
    RawValue::from_string(value.to_string()).ok().map(Cow::Owned)
}

/// Closes all objects in a schema. Absent when one of them is open on purpose.
fn close(schema: &mut Value, changed: &mut bool) -> Option<()> {
    let Value::Object(object) = schema else { return Some(()) };
    let is_object =
        object.get("type").is_some_and(|kind| kind == "object") || object.contains_key("properties");
    if is_object {
        let required: Vec<&str> = object
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut names =
            object.get("properties").and_then(Value::as_object).into_iter().flat_map(|map| map.keys());
        if !names.all(|name| required.contains(&name.as_str())) {
            return None;
        }
        match object.get("additionalProperties") {
            Some(Value::Bool(false)) => {}
            Some(_) => return None,
            None => {
                object.insert("additionalProperties".to_owned(), Value::Bool(false));
                *changed = true;
            }
        }
    }
    for name in ["properties", "$defs", "definitions"] {
        if let Some(Value::Object(schemas)) = object.get_mut(name) {
            schemas.values_mut().try_for_each(|schema| close(schema, changed))?;
        }
    }
    for name in ["anyOf", "oneOf", "allOf", "prefixItems"] {
        if let Some(Value::Array(schemas)) = object.get_mut(name) {
            schemas.iter_mut().try_for_each(|schema| close(schema, changed))?;
        }
    }
    object.get_mut("items").map_or(Some(()), |items| close(items, changed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_binds_when_nothing_in_it_is_optional() {
        let binding = |schema: &str| {
            let schema = RawJson::parse(schema).unwrap();
            binding(&schema).map(|raw| serde_json::from_str::<Value>(raw.get()).unwrap())
        };
        let closed = binding(
            r#"{"type":"object","properties":{"a":{"type":"object","properties":{}}},"required":["a"]}"#,
        )
        .unwrap();
        assert_eq!(closed["additionalProperties"], false);
        assert_eq!(closed["properties"]["a"]["additionalProperties"], false);
        assert!(binding(r#"{"type":"object","properties":{"a":{}}}"#).is_none());
        assert!(binding(r#"{"type":"object","additionalProperties":{"type":"string"}}"#).is_none());
    }
}

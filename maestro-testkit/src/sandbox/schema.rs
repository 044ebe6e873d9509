//! Values made up from a JSON Schema: the arguments of the default tool calls and structured answers.

use serde_json::{Map, Value};

/// Schemas deeper than this get null, so that one that refers to itself ends.
const DEPTH: usize = 16;

/// A value that fits the schema as far as the sandbox reads it: `const`, `enum`, `default`, types, required
/// properties, minimal sizes, `anyOf`, `oneOf`, `allOf` and local references.
pub(super) fn synthesise(schema: &Value) -> Value {
    value(schema, schema, DEPTH)
}

fn value(schema: &Value, root: &Value, depth: usize) -> Value {
    let Some(depth) = depth.checked_sub(1) else { return Value::Null };
    if let Some(pointer) = schema["$ref"].as_str().and_then(|r| r.strip_prefix('#')) {
        return root.pointer(pointer).map_or(Value::Null, |target| value(target, root, depth));
    }
    for key in ["const", "default"] {
        if let Some(fixed) = schema.get(key) {
            return fixed.clone();
        }
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    for key in ["anyOf", "any_of", "oneOf", "allOf"] {
        if let Some(first) = schema[key].get(0) {
            return value(first, root, depth);
        }
    }
    // A list of types names null last or first; the other is the one to use.
    let kind = match &schema["type"] {
        Value::String(kind) => kind.to_ascii_lowercase(),
        Value::Array(kinds) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| !kind.eq_ignore_ascii_case("null"))
            .unwrap_or("null")
            .to_ascii_lowercase(),
        _ if schema.get("properties").is_some() => "object".to_owned(),
        _ => "string".to_owned(),
    };
    match kind.as_str() {
        "object" => object(schema, root, depth),
        "array" => {
            let count = at_least(schema, ["minItems", "min_items"]).clamp(1, 8);
            Value::Array((0..count).map(|_| value(&schema["items"], root, depth)).collect())
        }
        "integer" | "number" => number(schema),
        "boolean" => true.into(),
        "null" => Value::Null,
        _ => string(schema),
    }
}

fn object(schema: &Value, root: &Value, depth: usize) -> Value {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut made = Map::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if required.contains(&name.as_str()) {
            made.insert(name.clone(), value(property, root, depth));
        }
    }
    Value::Object(made)
}

fn number(schema: &Value) -> Value {
    match &schema["minimum"] {
        minimum @ Value::Number(least) if least.as_f64().is_some_and(|least| least > 1.0) => minimum.clone(),
        _ => match &schema["maximum"] {
            maximum @ Value::Number(most) if most.as_f64().is_some_and(|most| most < 1.0) => maximum.clone(),
            _ => 1.into(),
        },
    }
}

fn string(schema: &Value) -> Value {
    let made = match schema["format"].as_str() {
        Some("date") => "2026-01-01",
        Some("date-time") => "2026-01-01T00:00:00Z",
        Some("email") => "sandbox@example.com",
        Some("uri") => "https://example.com/sandbox",
        Some("uuid") => "00000000-0000-7000-8000-000000000000",
        _ => "sandbox",
    };
    let length = at_least(schema, ["minLength", "min_length"]).min(1_000);
    let mut made = made.to_owned();
    while made.chars().count() < length {
        made.push('x');
    }
    made.into()
}

fn at_least(schema: &Value, keys: [&str; 2]) -> usize {
    keys.iter().find_map(|key| schema[*key].as_u64()).and_then(|n| usize::try_from(n).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn required_properties_are_filled_and_others_left_out() {
        let schema = json!({"type":"OBJECT","required":["city","days","tags","unit","deep"],"properties":{
            "city":{"type":"STRING"}, "days":{"type":"integer","minimum":3}, "other":{"type":"string"},
            "tags":{"type":["array","null"],"items":{"type":"boolean"}}, "unit":{"enum":["C","F"]},
            "deep":{"$ref":"#/$defs/d"}},
            "$defs":{"d":{"anyOf":[{"type":"object","properties":{"x":{"type":"number"}},"required":["x"]}]}}});
        assert_eq!(
            synthesise(&schema),
            json!({"city":"sandbox","days":3,"tags":[true],"unit":"C","deep":{"x":1}})
        );
        assert_eq!(synthesise(&json!({"type":"object","properties":{}})), json!({}));
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let schema = json!({"$defs":{"n":{"type":"object","required":["n"],
            "properties":{"n":{"$ref":"#/$defs/n"}}}},"$ref":"#/$defs/n"});
        assert!(synthesise(&schema).is_object());
    }
}

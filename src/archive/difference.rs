//! What differs between two records with the same key, for people.

use std::collections::BTreeMap;

use maestro_core::{Error, ErrorKind, Result, archive::Record};
use serde_json::{Map, Value};

/// How many places are named at the most.
const NAMED_MAX: usize = 20;

/// Names the places where two records differ: a field of the record, or a thing within it and its fields.
pub(super) fn differing(first: &Record, second: &Record) -> Result<Vec<String>> {
    let (first, mut second) = (things(first)?, things(second)?);
    let mut places = Vec::new();
    for (name, fields) in first {
        match second.remove(&name) {
            None => places.push(format!("{name}: only in the first")),
            Some(others) => {
                let mut wrong = Vec::new();
                compare("", &fields, &others, &mut wrong);
                if !wrong.is_empty() {
                    let wrong = wrong.join(", ");
                    places.push(if name.is_empty() { wrong } else { format!("{name}: {wrong}") });
                }
            }
        }
    }
    places.extend(second.into_keys().map(|name| format!("{name}: only in the second")));
    let more = places.len().saturating_sub(NAMED_MAX);
    places.truncate(NAMED_MAX);
    if more > 0 {
        places.push(format!("and {more} more"));
    }
    Ok(places)
}

/// The lines of a record by what they are of: nothing for the record itself, such as `entry 0199…` for what is in it.
fn things(record: &Record) -> Result<BTreeMap<String, Map<String, Value>>> {
    let mut lines = Vec::new();
    record.write_lines(&mut lines)?;
    let mut things = BTreeMap::new();
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let fields: Map<String, Value> = serde_json::from_slice(line)
            .map_err(|error| Error::new(ErrorKind::Internal, "compare records").caused_by(error))?;
        things.insert(name(&fields), fields);
    }
    Ok(things)
}

fn name(fields: &Map<String, Value>) -> String {
    let field = |name: &str| match fields.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    match field("type").as_str() {
        "item_version" => format!("version {}", field("version")),
        "thread" => format!("thread {}", field("id")),
        "entry" => format!("entry {}", field("id")),
        "journal" => format!("chunk {} of the journal of entry {}", field("seq"), field("entry_id")),
        "mark" => {
            format!(
                "mark of thread {} on part {} of entry {}",
                field("thread_id"),
                field("part"),
                field("entry_id")
            )
        }
        _ => String::new(),
    }
}

/// Notes the fields that differ. Of a content it is told which of its fields.
fn compare(path: &str, first: &Map<String, Value>, second: &Map<String, Value>, wrong: &mut Vec<String>) {
    let only_in_second = second.keys().filter(|field| !first.contains_key(*field));
    for field in first.keys().chain(only_in_second) {
        match (first.get(field), second.get(field)) {
            (one, other) if one == other => {}
            (Some(Value::Object(one)), Some(Value::Object(other))) if field == "content" => {
                compare("content.", one, other, wrong);
            }
            _ => wrong.push(format!("{path}{field}")),
        }
    }
}

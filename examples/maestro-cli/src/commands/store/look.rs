//! `maestro store check` and `maestro store stats`.

use maestro::core::archive::{StoreStats, Violation};
use serde::Serialize;

use super::copy::size;
use crate::{
    app::App,
    exit::{Exit, Result},
    output::printable,
    store::StoreUrl,
};

#[derive(Serialize)]
#[serde(tag = "type", rename = "violation")]
struct ViolationLine<'a> {
    rule: &'a str,
    row: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "checked")]
struct CheckedLine {
    store: String,
    violations: usize,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "table")]
struct TableLine<'a> {
    name: &'a str,
    rows: u64,
    bytes: Option<u64>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "stats")]
struct StatsLine {
    store: String,
    schema_version: u32,
    entries: u64,
    turns: u64,
    streaming: u64,
    bytes: Option<u64>,
    bytes_per_turn: Option<u64>,
}

pub(super) async fn check(app: &App, url: &StoreUrl) -> Result<Exit> {
    let violations = url.open_existing().await?.check().await?;
    for Violation { rule, row } in &violations {
        if app.output.is_json() {
            app.output.json(&ViolationLine { rule, row })?;
        } else {
            app.output.line(&printable(&format!("{rule}: {row}")))?;
        }
    }
    let count = violations.len();
    if app.output.is_json() {
        app.output.json(&CheckedLine { store: url.to_string(), violations: count })?;
    } else if count == 0 {
        app.output.line(&format!("{url} is sound."))?;
    } else {
        app.output.notice(&format!(
            "{count} thing{} wrong in {url}. Keep a copy of it before you mend anything.",
            if count == 1 { " is" } else { "s are" }
        ));
    }
    Ok(if count == 0 { Exit::Done } else { Exit::Failed })
}

pub(super) async fn stats(app: &App, url: &StoreUrl) -> Result<Exit> {
    let StoreStats { schema_version, tables, entries, turns, streaming, bytes } =
        url.open_existing().await?.stats().await?;
    let bytes_per_turn = bytes.and_then(|bytes| bytes.checked_div(turns));
    if app.output.is_json() {
        for table in &tables {
            app.output.json(&TableLine { name: &table.name, rows: table.rows, bytes: table.bytes })?;
        }
        let store = url.to_string();
        app.output.json(&StatsLine {
            store,
            schema_version,
            entries,
            turns,
            streaming,
            bytes,
            bytes_per_turn,
        })?;
        return Ok(Exit::Done);
    }
    let shown = |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), size);
    let rows: Vec<_> = tables
        .iter()
        .map(|table| vec![table.name.clone(), table.rows.to_string(), shown(table.bytes)])
        .collect();
    app.output.table(&["TABLE", "ROWS", "BYTES"], &rows)?;
    app.output.line("")?;
    app.output.line(&format!("{url}, schema version {schema_version}"))?;
    let waiting = if streaming > 0 { format!(", {streaming} streaming") } else { String::new() };
    let [turns, entries] = [(turns, "turn", "turns"), (entries, "entry", "entries")]
        .map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }));
    app.output.line(&format!(
        "{turns}, {entries}{waiting}; {} in all, {} a turn",
        shown(bytes),
        shown(bytes_per_turn)
    ))?;
    Ok(Exit::Done)
}

//! `GET /v1/models`.

use serde_json::{Value, json};

use super::super::answer::Refusal;
use super::super::models::{LIMITS, MODELS, Model, exists, reasons};
use super::super::protocol::Query;
use super::error;

/// A page: `limit` 1 to 1000 (20 when left out), after or before an id.
pub(super) fn list(query: &Query) -> Result<Value, Refusal> {
    let limit = match query.get("limit") {
        None => 20,
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|limit| (1..=1000).contains(limit))
            .ok_or_else(|| error::invalid("limit: Input should be between 1 and 1000"))?,
    };
    let place = |name: &str| match query.get(name) {
        None | Some("") => Ok(None),
        Some(id) => MODELS
            .iter()
            .position(|model| model.id == id)
            .map(Some)
            .ok_or_else(|| error::invalid(format!("{name}: \"{id}\" is not the id of a model"))),
    };
    let (after, before) = (place("after_id")?, place("before_id")?);
    let (page, has_more) = match (after, before) {
        (Some(_), Some(_)) => {
            return Err(error::invalid("only one of after_id and before_id may be given"));
        }
        (None, Some(before)) => {
            let start = before.saturating_sub(limit);
            (&MODELS[start..before], start > 0)
        }
        (after, None) => {
            let start = after.map_or(0, |after| after + 1);
            let end = (start + limit).min(MODELS.len());
            (&MODELS[start..end], end < MODELS.len())
        }
    };
    Ok(json!({
        "data": page.iter().map(|model| describe(model.id, Some(model))).collect::<Vec<_>>(),
        "has_more": has_more,
        "first_id": page.first().map(|model| model.id),
        "last_id": page.last().map(|model| model.id),
    }))
}

/// One model, or 404 with `model: NAME`.
pub(super) fn one(id: &str) -> Result<Value, Refusal> {
    if !exists(id) {
        return Err(unknown(id));
    }
    Ok(describe(id, MODELS.iter().find(|model| model.id == id)))
}

/// The refusal of a model that is not there.
pub(super) fn unknown(id: &str) -> Refusal {
    error::of("not_found_error", format!("model: {id}"))
}

fn describe(id: &str, model: Option<&Model>) -> Value {
    let yes = |supported: bool| json!({"supported": supported});
    let reasons = model.map_or_else(|| reasons(id), |model| model.reasons);
    json!({
        "type": "model",
        "id": id,
        "display_name": model.map_or(id, |model| model.name),
        "created_at": model.map_or("1970-01-01T00:00:00Z", |model| model.created),
        "max_input_tokens": LIMITS.0,
        "max_tokens": LIMITS.1,
        "capabilities": {
            "batch": yes(false),
            "citations": yes(false),
            "code_execution": yes(false),
            "context_management": {
                "supported": false,
                "clear_thinking_20251015": yes(false),
                "clear_tool_uses_20250919": yes(false),
                "compact_20260112": yes(false),
            },
            "effort": {
                "supported": reasons,
                "low": yes(reasons), "medium": yes(reasons), "high": yes(reasons),
                "xhigh": yes(reasons), "max": yes(reasons),
            },
            "image_input": yes(true),
            "pdf_input": yes(true),
            "structured_outputs": yes(true),
            "thinking": {
                "supported": true,
                "types": {"adaptive": yes(true), "enabled": yes(true)},
            },
        },
    })
}

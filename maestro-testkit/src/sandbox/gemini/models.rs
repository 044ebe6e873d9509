//! `GET models`.

use serde_json::{Value, json};

use super::super::answer::Refusal;
use super::super::models::{LIMITS, MODELS, Model, exists, reasons};
use super::super::protocol::Query;
use super::error;

/// What a page token begins with; the place of the next model follows.
const TOKEN: &str = "sandbox-page-";

/// A page: `pageSize` up to 1000 (50 when left out), from `pageToken`.
pub(super) fn list(query: &Query) -> Result<Value, Refusal> {
    let size = match query.get("pageSize").or_else(|| query.get("page_size")) {
        None | Some("" | "0") => 50,
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|size| *size <= 1000)
            .ok_or_else(|| error::invalid("page_size must be a number from 0 to 1000"))?,
    };
    let start = match query.get("pageToken").or_else(|| query.get("page_token")) {
        None | Some("") => 0,
        Some(token) => token
            .strip_prefix(TOKEN)
            .and_then(|place| place.parse::<usize>().ok())
            .filter(|place| *place < MODELS.len())
            .ok_or_else(|| error::invalid("page_token is not one that was given out"))?,
    };
    let end = (start + size).min(MODELS.len());
    let models: Vec<Value> = MODELS[start..end].iter().map(|model| describe(model.id, Some(model))).collect();
    let mut page = json!({ "models": models });
    if end < MODELS.len() {
        page["nextPageToken"] = format!("{TOKEN}{end}").into();
    }
    Ok(page)
}

/// One model, or 404.
pub(super) fn one(id: &str) -> Result<Value, Refusal> {
    if !exists(id) {
        let message = format!(
            "models/{id} is not found for API version v1beta, or is not supported for generateContent. Call \
             ListModels to see the list of available models and their supported methods."
        );
        return Err(error::of(404, "NOT_FOUND", &message));
    }
    Ok(describe(id, MODELS.iter().find(|model| model.id == id)))
}

fn describe(id: &str, model: Option<&Model>) -> Value {
    json!({
        "name": format!("models/{id}"),
        "version": "001",
        "displayName": model.map_or(id, |model| model.name),
        "description": "A model of the sandbox, which is no model at all",
        "inputTokenLimit": LIMITS.0,
        "outputTokenLimit": LIMITS.1,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
        "temperature": 1,
        "topP": 0.95,
        "topK": 64,
        "maxTemperature": 2,
        "thinking": model.map_or_else(|| reasons(id), |model| model.reasons),
    })
}

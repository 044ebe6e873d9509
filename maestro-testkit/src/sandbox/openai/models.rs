//! `GET /v1/models`: one list, no pages.

use serde_json::{Value, json};

use super::super::answer::Refusal;
use super::super::ids::CREATED;
use super::super::models::{MODELS, exists};
use super::error;

/// All models.
pub(super) fn list() -> Value {
    let data: Vec<Value> = MODELS.iter().map(|model| describe(model.id, model.created_seconds)).collect();
    json!({"object": "list", "data": data})
}

/// One model, or 404.
pub(super) fn one(id: &str) -> Result<Value, Refusal> {
    if !exists(id) {
        return Err(error::unknown_model(404, id));
    }
    let created = MODELS.iter().find(|model| model.id == id).map_or(CREATED, |model| model.created_seconds);
    Ok(describe(id, created))
}

fn describe(id: &str, created: u64) -> Value {
    json!({"id": id, "object": "model", "created": created, "owned_by": "sandbox"})
}

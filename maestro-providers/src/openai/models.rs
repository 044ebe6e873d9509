//! `GET /v1/models`: one page, unsorted, with models of every kind. Behind a sign-in, those of the plan.

use async_trait::async_trait;
use http::HeaderMap;
use maestro_core::{
    ErrorKind, Result,
    chat::RawJson,
    http::HttpClient,
    provider::{Endpoint, ModelCatalog, ModelId, ModelInfo},
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{OpenAi, backend::Backend, error};
use crate::{
    catalog::{self, Page},
    request,
};

#[derive(Deserialize)]
struct Wire {
    data: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct ChatGptWire {
    models: Vec<Box<RawValue>>,
}

#[async_trait]
impl ModelCatalog for OpenAi {
    async fn list_models(&self, http: &dyn HttpClient, endpoint: &Endpoint) -> Result<Vec<ModelInfo>> {
        let (page, _) = self.page(http, endpoint, "list models").await?;
        Ok(page.models)
    }

    async fn get_model_info(
        &self,
        http: &dyn HttpClient,
        endpoint: &Endpoint,
        model: &ModelId,
    ) -> Result<ModelInfo> {
        let path = format!("/models/{}", catalog::path_of(model, "get model")?);
        let backend = Backend::of(endpoint);
        if backend == Backend::ChatGpt {
            // It tells of all models or of none.
            let (page, _) = self.page(http, endpoint, "get model").await?;
            let found = page.models.into_iter().find(|known| known.id == *model);
            return found.ok_or_else(|| catalog::unknown_model("openai", model));
        }
        let request = request::get(backend.url(endpoint, &path), self.headers(endpoint, "get model")?)?;
        let asked = catalog::ask::<Box<RawValue>>(http, request, "get model", error::classify).await;
        let (entry, _) = asked.map_err(|error| match error.kind() {
            ErrorKind::NotFound => catalog::unknown_model("openai", model).caused_by(error),
            _ => error,
        })?;
        let raw = RawJson::from_raw(&entry);
        read(&raw.to_value(), raw).ok_or_else(|| catalog::unknown_model("openai", model))
    }
}

impl OpenAi {
    pub(super) async fn page(
        &self,
        http: &dyn HttpClient,
        endpoint: &Endpoint,
        operation: &'static str,
    ) -> Result<(Page, HeaderMap)> {
        let backend = Backend::of(endpoint);
        if backend == Backend::ChatGpt {
            let path = format!("/models?client_version={}", catalog::query_value(&self.client_version));
            let request = request::get(backend.url(endpoint, &path), self.headers(endpoint, operation)?)?;
            let (wire, headers): (ChatGptWire, _) =
                catalog::ask(http, request, operation, error::classify).await?;
            return Ok((Page::of(&wire.models, None, read_chatgpt), headers));
        }
        let request = request::get(backend.url(endpoint, "/models"), self.headers(endpoint, operation)?)?;
        let (wire, headers): (Wire, _) = catalog::ask(http, request, operation, error::classify).await?;
        Ok((Page::of(&wire.data, None, read), headers))
    }
}

fn read(entry: &Value, native: RawJson) -> Option<ModelInfo> {
    let mut info = catalog::info(entry.get("id")?.as_str()?, native)?;
    info.created_at = catalog::unix_seconds(entry.get("created"));
    Some(info)
}

/// An entry of ChatGPT's list. Those that it hides are left out.
fn read_chatgpt(entry: &Value, native: RawJson) -> Option<ModelInfo> {
    let is_hidden = entry.get("visibility").and_then(Value::as_str).is_some_and(|shown| shown != "list");
    let mut info = catalog::info(entry.get("slug")?.as_str().filter(|_| !is_hidden)?, native)?;
    info.display_name = entry.get("display_name").and_then(Value::as_str).map(str::to_owned);
    info.max_input_tokens = entry.get("context_window").and_then(Value::as_u64);
    Some(info)
}

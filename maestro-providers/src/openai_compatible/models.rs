//! `GET /models`: OpenAI's list, with what each server adds to it.

use async_trait::async_trait;
use http::HeaderMap;
use maestro_core::{
    Result,
    chat::RawJson,
    http::HttpClient,
    provider::{Endpoint, ModelCatalog, ModelId, ModelInfo},
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{OpenAiCompatible, error};
use crate::{
    catalog::{self, Page},
    request,
};

#[derive(Deserialize)]
struct Wire {
    data: Vec<Box<RawValue>>,
}

#[async_trait]
impl ModelCatalog for OpenAiCompatible {
    async fn list_models(&self, http: &dyn HttpClient, endpoint: &Endpoint) -> Result<Vec<ModelInfo>> {
        let (page, _) = self.page(http, endpoint, "list models").await?;
        Ok(page.models)
    }

    /// Looks through the list: few servers have a path for one model, and ids with slashes break those that do.
    async fn get_model_info(
        &self,
        http: &dyn HttpClient,
        endpoint: &Endpoint,
        model: &ModelId,
    ) -> Result<ModelInfo> {
        let (page, _) = self.page(http, endpoint, "get model").await?;
        let found = page.models.into_iter().find(|info| info.id == *model);
        found.ok_or_else(|| catalog::unknown_model(self.id.as_str(), model))
    }
}

impl OpenAiCompatible {
    pub(super) async fn page(
        &self,
        http: &dyn HttpClient,
        endpoint: &Endpoint,
        operation: &'static str,
    ) -> Result<(Page, HeaderMap)> {
        let url = Self::url(self.base(endpoint, operation)?, "/models");
        let request = request::get(url, Self::headers(endpoint)?)?;
        let (wire, headers): (Wire, _) = catalog::ask(http, request, operation, error::classify).await?;
        Ok((Page::of(&wire.data, None, read), headers))
    }
}

fn read(entry: &Value, native: RawJson) -> Option<ModelInfo> {
    let mut info = catalog::info(entry.get("id")?.as_str()?, native)?;
    info.display_name = entry.get("name").and_then(Value::as_str).map(str::to_owned);
    info.created_at = catalog::unix_seconds(entry.get("created"));
    // vLLM says `max_model_len`, OpenRouter `context_length`, llama.cpp `meta.n_ctx_train`.
    info.max_input_tokens = ["/max_model_len", "/context_length", "/meta/n_ctx_train"]
        .iter()
        .find_map(|path| entry.pointer(path)?.as_u64());
    Some(info)
}

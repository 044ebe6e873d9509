//! `GET /v1/models`.

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

use super::{Anthropic, error};
use crate::{
    catalog::{self, Page, Walk},
    request,
};

#[derive(Deserialize)]
struct Wire {
    data: Vec<Box<RawValue>>,
    #[serde(default)]
    has_more: Option<bool>,
    #[serde(default)]
    last_id: Option<String>,
}

#[async_trait]
impl ModelCatalog for Anthropic {
    async fn list_models(&self, http: &dyn HttpClient, endpoint: &Endpoint) -> Result<Vec<ModelInfo>> {
        let mut walk = Walk::default();
        let mut after = None;
        loop {
            let (page, _) = self.page(http, endpoint, "list models", after.as_deref()).await?;
            after = walk.add(page);
            if after.is_none() {
                return Ok(walk.models);
            }
        }
    }

    async fn get_model_info(
        &self,
        http: &dyn HttpClient,
        endpoint: &Endpoint,
        model: &ModelId,
    ) -> Result<ModelInfo> {
        let path = format!("/v1/models/{}", catalog::path_of(model, "get model")?);
        let request = request::get(Self::url(endpoint, &path), self.headers(endpoint, "get model")?)?;
        let asked = catalog::ask::<Box<RawValue>>(http, request, "get model", error::classify).await;
        let (entry, _) = asked.map_err(|error| match error.kind() {
            ErrorKind::NotFound => catalog::unknown_model("anthropic", model).caused_by(error),
            _ => error,
        })?;
        let raw = RawJson::from_raw(&entry);
        read(&raw.to_value(), raw).ok_or_else(|| catalog::unknown_model("anthropic", model))
    }
}

impl Anthropic {
    /// The page after the model `after`, or the first one.
    pub(super) async fn page(
        &self,
        http: &dyn HttpClient,
        endpoint: &Endpoint,
        operation: &'static str,
        after: Option<&str>,
    ) -> Result<(Page, HeaderMap)> {
        let mut url = Self::url(endpoint, "/v1/models?limit=1000");
        if let Some(after) = after {
            url.extend(["&after_id=", &catalog::query_value(after)]);
        }
        let request = request::get(url, self.headers(endpoint, operation)?)?;
        let (wire, headers): (Wire, _) = catalog::ask(http, request, operation, error::classify).await?;
        let next = wire.last_id.filter(|_| wire.has_more == Some(true));
        Ok((Page::of(&wire.data, next, read), headers))
    }
}

fn read(entry: &Value, native: RawJson) -> Option<ModelInfo> {
    let number = |name: &str| entry.get(name).and_then(Value::as_u64);
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let mut info = catalog::info(text("id")?, native)?;
    info.display_name = text("display_name").map(str::to_owned);
    // The list holds models whose date is 1970: not known.
    info.created_at = text("created_at")
        .and_then(|time| time.parse().ok())
        .filter(|time: &maestro_core::time::Timestamp| time.micros() > 0);
    info.max_input_tokens = number("max_input_tokens");
    info.max_output_tokens = number("max_tokens");
    info.reasoning = entry.pointer("/capabilities/thinking/supported").and_then(Value::as_bool);
    Some(info)
}

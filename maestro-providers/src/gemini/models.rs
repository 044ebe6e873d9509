//! `GET /v1beta/models`.

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

use super::{Gemini, code_assist::no_models, error, model_path};
use crate::{
    catalog::{self, Page, Walk},
    request,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    /// Left out when a page is empty.
    #[serde(default)]
    models: Vec<Box<RawValue>>,
    #[serde(default)]
    next_page_token: Option<String>,
}

#[async_trait]
impl ModelCatalog for Gemini {
    /// Those that can chat: the list also holds models for embeddings, pictures and videos.
    async fn list_models(&self, http: &dyn HttpClient, endpoint: &Endpoint) -> Result<Vec<ModelInfo>> {
        let mut walk = Walk::default();
        let mut token = None;
        loop {
            let (page, _) = self.page(http, endpoint, "list models", token.as_deref()).await?;
            token = walk.add(page);
            if token.is_none() {
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
        let path = model_path(model.as_str(), "get model")?;
        if self.code_assist_for(endpoint).is_some() {
            return Err(no_models("get model"));
        }
        let request = request::get(Self::url(endpoint, &path), self.headers(endpoint, "get model")?)?;
        let asked = catalog::ask::<Box<RawValue>>(http, request, "get model", error::classify).await;
        let (entry, _) = asked.map_err(|error| match error.kind() {
            ErrorKind::NotFound => catalog::unknown_model("gemini", model).caused_by(error),
            _ => error,
        })?;
        let raw = RawJson::from_raw(&entry);
        read(&raw.to_value(), raw).ok_or_else(|| catalog::unknown_model("gemini", model))
    }
}

impl Gemini {
    /// The page at `token`, or the first one.
    pub(super) async fn page(
        &self,
        http: &dyn HttpClient,
        endpoint: &Endpoint,
        operation: &'static str,
        token: Option<&str>,
    ) -> Result<(Page, HeaderMap)> {
        if self.code_assist_for(endpoint).is_some() {
            return Err(no_models(operation));
        }
        let mut url = Self::url(endpoint, "/models?pageSize=1000");
        if let Some(token) = token {
            url.extend(["&pageToken=", &catalog::query_value(token)]);
        }
        let request = request::get(url, self.headers(endpoint, operation)?)?;
        let (wire, headers): (Wire, _) = catalog::ask(http, request, operation, error::classify).await?;
        Ok((Page::of(&wire.models, wire.next_page_token, chats), headers))
    }
}

/// Reads an entry if the model can chat, as far as the entry says.
fn chats(entry: &Value, native: RawJson) -> Option<ModelInfo> {
    let methods = entry.get("supportedGenerationMethods").and_then(Value::as_array);
    let can_chat = methods.is_none_or(|methods| methods.iter().any(|method| method == "generateContent"));
    can_chat.then(|| read(entry, native)).flatten()
}

fn read(entry: &Value, native: RawJson) -> Option<ModelInfo> {
    let name = entry.get("name")?.as_str()?;
    let mut info = catalog::info(name.strip_prefix("models/").unwrap_or(name), native)?;
    info.display_name = entry.get("displayName").and_then(Value::as_str).map(str::to_owned);
    info.max_input_tokens = entry.get("inputTokenLimit").and_then(Value::as_u64);
    info.max_output_tokens = entry.get("outputTokenLimit").and_then(Value::as_u64);
    info.reasoning = entry.get("thinking").and_then(Value::as_bool);
    Some(info)
}

//! The model catalogue facet.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Endpoint, ModelId};
use crate::{chat::RawJson, error::Result, http::HttpClient, time::Timestamp};

/// Which models a provider has (requirement M-P2).
#[async_trait]
pub trait ModelCatalog: Send + Sync {
    /// All models that the credentials can see, over all pages, in the provider's order.
    async fn list_models(&self, http: &dyn HttpClient, endpoint: &Endpoint) -> Result<Vec<ModelInfo>>;

    /// One model. [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when the provider does not know it.
    async fn get_model_info(
        &self,
        http: &dyn HttpClient,
        endpoint: &Endpoint,
        model: &ModelId,
    ) -> Result<ModelInfo>;
}

/// What is known of a model. What a provider does not say is absent, never guessed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// The name to ask for it by.
    pub id: ModelId,
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// The most tokens it reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_input_tokens: Option<u64>,
    /// The most tokens it writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// Whether it reasons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<bool>,
    /// The provider's own entry, for what has no field here.
    pub native: RawJson,
}

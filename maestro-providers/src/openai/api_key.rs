//! API keys.

use async_trait::async_trait;
use maestro_core::{
    Result, Secret,
    http::HttpClient,
    provider::{ApiKeyFlow, Connection, Endpoint},
};

use super::{KEY_VARIABLE, OpenAi};
use crate::key_form;

#[async_trait]
impl ApiKeyFlow for OpenAi {
    fn environment_variable(&self) -> &'static str {
        KEY_VARIABLE
    }

    fn key_is_optional(&self) -> bool {
        false
    }

    fn validate_api_key(&self, key: &Secret) -> Result<()> {
        key_form::check("openai", key)
    }

    async fn test_connection(&self, http: &dyn HttpClient, endpoint: &Endpoint) -> Result<Connection> {
        let (page, headers) = self.page(http, endpoint, "test the connection").await?;
        Ok(page.into_connection(&headers))
    }
}

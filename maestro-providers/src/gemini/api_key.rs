//! API keys.

use async_trait::async_trait;
use maestro_core::{
    Result, Secret,
    http::HttpClient,
    provider::{ApiKeyFlow, Connection, Endpoint},
};

use super::{Gemini, KEY_VARIABLE};
use crate::key_form;

#[async_trait]
impl ApiKeyFlow for Gemini {
    fn environment_variable(&self) -> &'static str {
        KEY_VARIABLE
    }

    fn key_is_optional(&self) -> bool {
        false
    }

    fn validate_api_key(&self, key: &Secret) -> Result<()> {
        key_form::check("gemini", key)
    }

    async fn test_connection(&self, http: &dyn HttpClient, endpoint: &Endpoint) -> Result<Connection> {
        let (page, headers) = self.page(http, endpoint, "test the connection", None).await?;
        Ok(page.into_connection(&headers))
    }
}

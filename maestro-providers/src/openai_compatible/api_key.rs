//! API keys, which local servers do without.

use async_trait::async_trait;
use maestro_core::{
    Error, FieldError, Result, Secret,
    http::HttpClient,
    provider::{ApiKeyFlow, Connection, Endpoint},
};

use super::{KEY_VARIABLE, OpenAiCompatible};

#[async_trait]
impl ApiKeyFlow for OpenAiCompatible {
    fn environment_variable(&self) -> &'static str {
        KEY_VARIABLE
    }

    fn key_is_optional(&self) -> bool {
        true
    }

    /// Servers of one's own take keys of any form and length; it must only fit into a header.
    fn validate_api_key(&self, key: &Secret) -> Result<()> {
        if key.reveal().bytes().all(|b| b.is_ascii_graphic()) {
            Ok(())
        } else {
            let problem = FieldError::new("key", "holds a character that no header may");
            Err(Error::invalid("check an API key", [problem]))
        }
    }

    async fn test_connection(&self, http: &dyn HttpClient, endpoint: &Endpoint) -> Result<Connection> {
        let (page, headers) = self.page(http, endpoint, "test the connection").await?;
        Ok(page.into_connection(&headers))
    }
}

//! Where and as whom a provider is asked.

use url::Url;

use crate::{
    auth::Credentials,
    error::{Error, FieldError, Result},
};

/// Where and as whom a provider is asked: a base URL, if not the provider's own, and credentials.
#[derive(Debug, Clone, Default)]
pub struct Endpoint {
    /// The base URL in place of the provider's own. See [`Endpoint::parse_base_url`].
    pub base_url: Option<Url>,
    /// The credentials; absent for servers that want none.
    pub credentials: Option<Credentials>,
}

impl Endpoint {
    /// The provider's own address, with these credentials. A base URL that is kept with the credentials is used.
    pub fn with_credentials(credentials: Credentials) -> Self {
        Self { base_url: credentials.base_url().cloned(), credentials: Some(credentials) }
    }

    /// Reads a base URL: `http` or `https` with a host, without credentials, query or fragment; a slash at its end
    /// does not matter. [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) otherwise.
    pub fn parse_base_url(text: &str) -> Result<Url> {
        let problem =
            |problem: &str| Error::invalid("read a base URL", [FieldError::new("base_url", problem)]);
        let mut url =
            Url::parse(text.trim()).map_err(|_| problem("is not a URL such as http://127.0.0.1:8080/v1"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(problem("must begin with http:// or https:// and a host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(problem("must not hold a user name or password; save a key instead"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(problem("must not have a query or a fragment"));
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(url)
    }

    /// The base URL followed by `path`, which begins with a slash; `default` where no base URL is set.
    pub fn url(&self, default: &str, path: &str) -> String {
        let base = self.base_url.as_ref().map_or(default, Url::as_str);
        format!("{}{path}", base.trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_joined_with_one_slash() {
        let endpoint = Endpoint {
            base_url: Some(Endpoint::parse_base_url("http://127.0.0.1:1/v1/").unwrap()),
            credentials: None,
        };
        assert_eq!(endpoint.url("https://example.invalid", "/models"), "http://127.0.0.1:1/v1/models");
        let bare = Endpoint {
            base_url: Some(Endpoint::parse_base_url("http://127.0.0.1:1").unwrap()),
            credentials: None,
        };
        assert_eq!(bare.url("", "/models"), "http://127.0.0.1:1/models");
        assert_eq!(
            Endpoint::default().url("https://example.invalid/v1", "/models"),
            "https://example.invalid/v1/models"
        );
    }

    #[test]
    fn a_base_url_that_cannot_work_is_refused() {
        for text in
            ["", "localhost:1", "ftp://h", "http://", "http://u:p@h/", "http://h/?q", "http://h/#f", "/v1"]
        {
            assert!(Endpoint::parse_base_url(text).is_err(), "{text:?}");
        }
    }
}

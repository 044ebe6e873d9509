//! Timers and habits of the client, and the factory that makes it.

use std::time::Duration;

use super::ReqwestClient;

/// Timers and habits of the client. There is no limit on the whole time of an answer: a stream may last for hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSettings {
    /// How long a connection may take to be made, name look-up and TLS included. 10 seconds.
    pub connect_timeout: Duration,
    /// How long the first byte of the answer's body may take, counted from the request. Models think for minutes
    /// before they say anything. 10 minutes.
    pub first_byte_timeout: Duration,
    /// How long a stream that has begun may be silent; any byte counts. 5 minutes.
    pub idle_timeout: Duration,
    /// How long an unused connection is kept. 90 seconds.
    pub pool_idle_timeout: Duration,
    /// How often the system probes a silent connection (TCP keep-alive). 30 seconds.
    pub tcp_keepalive: Duration,
    /// What the client calls itself. `maestro/` and the version.
    pub user_agent: String,
    /// Whether the system's proxies are used.
    pub proxies: Proxies,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            first_byte_timeout: Duration::from_secs(600),
            idle_timeout: Duration::from_secs(300),
            pool_idle_timeout: Duration::from_secs(90),
            tcp_keepalive: Duration::from_secs(30),
            user_agent: concat!("maestro/", env!("CARGO_PKG_VERSION")).to_owned(),
            proxies: Proxies::System,
        }
    }
}

/// Whether the system's proxies are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Proxies {
    /// Those of the system and of `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`; never for loopback hosts.
    #[default]
    System,
    /// None.
    None,
}

/// Makes clients of the same settings.
#[derive(Debug, Clone, Default)]
pub struct ClientFactory {
    settings: HttpSettings,
}

impl ClientFactory {
    /// A factory for clients of these settings.
    pub const fn new(settings: HttpSettings) -> Self {
        Self { settings }
    }

    /// A client with a pool of its own. Clone it instead of making another where connections should be shared.
    ///
    /// Nothing happens yet: certificates are read, and connections made, when the first request is sent.
    pub fn client(&self) -> ReqwestClient {
        ReqwestClient::new(self.settings.clone())
    }
}

//! The two clients that are compared: the public event stream, and a bare body loop on the same bytes.

use bytes::Bytes;
use futures_util::StreamExt as _;
use maestro::{RetryPolicy, prelude::*};
use maestro_testkit::streams;

use crate::loopback::Loopback;

/// A protocol to measure.
pub(crate) struct Protocol {
    pub(crate) name: &'static str,
    provider: &'static str,
    base: &'static str,
    pub(crate) events: fn(usize, &str) -> Vec<Bytes>,
}

pub(crate) const PROTOCOLS: [Protocol; 4] = [
    Protocol { name: "chat", provider: "openai_compatible", base: "/v1", events: streams::chat },
    Protocol { name: "responses", provider: "openai", base: "/v1", events: streams::responses },
    Protocol { name: "anthropic", provider: "anthropic", base: "", events: streams::anthropic },
    Protocol { name: "gemini", provider: "gemini", base: "", events: streams::gemini },
];

/// Reads answers through Maestro.
pub(crate) struct ThroughMaestro {
    maestro: Maestro,
    target: Target,
}

impl ThroughMaestro {
    pub(crate) fn new(protocol: &Protocol, server: &Loopback) -> Self {
        let maestro = Maestro::builder()
            .store(MemoryStore::new())
            .vault(Vault::new(VaultKey::generate()))
            .retry(RetryPolicy::NEVER)
            .build()
            .expect("store and vault are given");
        let base = server.url(protocol.base).parse().expect("a URL");
        let credentials = Credentials::api_key(Secret::new("sandbox-key").expect("a key")).at(Some(base));
        let target =
            Target::new(protocol.provider.parse().expect("a name"), Endpoint::with_credentials(credentials));
        Self { maestro, target }
    }

    /// Reads one answer and returns how many bytes of text it had.
    pub(crate) async fn read(&self) -> usize {
        let request = ChatRequest::new("sandbox-small".parse().expect("a name"), vec![Message::user("hi")]);
        let mut stream = self.maestro.stream_chat(&self.target, request).await.expect("an answer");
        let mut bytes = 0;
        while let Some(event) = stream.next().await {
            match event {
                StreamEvent::TextDelta { text, .. } => bytes += text.len(),
                StreamEvent::Truncated(error) | StreamEvent::Failed(error) => panic!("{error}"),
                _ => {}
            }
        }
        bytes
    }
}

/// Reads bodies and looks at nothing: the floor.
pub(crate) struct BareLoop {
    client: reqwest::Client,
    url: String,
}

impl BareLoop {
    pub(crate) fn new(server: &Loopback) -> Self {
        let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().expect("a client");
        Self { client, url: server.url("/") }
    }

    /// Reads one body and returns how many bytes it had.
    pub(crate) async fn read(&self) -> usize {
        let response = self.client.post(&self.url).body("{}").send().await.expect("an answer");
        let mut body = response.bytes_stream();
        let mut bytes = 0;
        while let Some(chunk) = body.next().await {
            bytes += chunk.expect("a chunk").len();
        }
        bytes
    }
}

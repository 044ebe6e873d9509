//! A server that speaks OpenAI, Anthropic and Gemini on loopback, so that every path can be tried with no key.
//!
//! ```no_run
//! # async fn example() -> Result<(), maestro_testkit::sandbox::SandboxError> {
//! use maestro_testkit::sandbox::{Sandbox, Scenario};
//!
//! let sandbox = Sandbox::start().await?;
//! sandbox.add_scenario(Scenario::status(429).header("retry-after", "1").times(1));
//! // Point a client at `sandbox.anthropic_url()` with the key `sandbox.key()`: the first request is told to
//! // wait, the second is answered.
//! assert_eq!(sandbox.requests().len(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! Requests are checked as strictly as the real services check them, and refused with the service's own error
//! body; what is not scripted is answered by a rule that quotes what was said. A [`Scenario`] scripts a reply or
//! a fault, [`Sandbox::requests`] tells what arrived. The same over HTTP, for clients in other languages, is
//! under `/__sandbox`; see `docs/sandbox.md`.
//!
//! [`Sandbox::authorization`] is its authorization server, in the manners of four providers: every way to sign in
//! can be gone without an account, and every exchange is counted.
//!
//! The server runs on a thread of its own with its own runtime: a test's paused clock does not stop it, and
//! dropping the handle has freed the port when the drop returns.

mod answer;
mod anthropic;
mod ask;
mod authorization;
mod control;
mod delivery;
mod deltas;
mod gemini;
mod ids;
mod journal;
mod matching;
mod models;
mod openai;
mod protocol;
mod reply;
mod route;
mod scenario;
mod scenario_rules;
mod schema;
mod seal;
mod server;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use maestro_core::time::Clock;
use tokio_util::sync::CancellationToken;

pub use authorization::{
    Authorization, AuthorizationEndpoints, AuthorizationSettings, Callback, Consent, ExchangeEffect, Flavour,
    Grant, GrantedScopes, KeyExchange, LoopbackRule, OauthCounters, OauthScript, RegisteredClient, Rotation,
    SandboxUser, TokenFamily, VisitError,
};
pub use journal::{JOURNAL_CAPACITY, Outcome, RecordedRequest};
pub use scenario::{
    Dialect, ErrorScript, FinishScript, LineEnding, Match, RawScript, ReplyScript, Scenario, ScenarioError,
    StatusScript, StreamScript, ToolCallScript, UsageScript,
};

use server::Shared;

/// The key [`Sandbox::key`] gives out.  Any key that begins with `sandbox-` is accepted.
const KEY: &str = "sandbox-key";

/// How long [`Sandbox::stop`] lets answers that are under way finish.
const GRACE: Duration = Duration::from_secs(2);

/// A running sandbox server; it stops when this is dropped.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    shared: Arc<Shared>,
    soft: CancellationToken,
    hard: CancellationToken,
    ended: CancellationToken,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// How a sandbox is to be started: see [`Sandbox::builder`].
#[derive(Debug, Default, Clone)]
#[must_use = "a builder does nothing until `start` is awaited"]
pub struct SandboxBuilder {
    port: u16,
    scenarios: Vec<Scenario>,
    clock: Option<Arc<dyn Clock>>,
}

/// Why a sandbox could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// Another program listens on the port that was asked for.
    #[error(
        "start the sandbox on 127.0.0.1:{port}: the port is taken; stop the program that listens there, \
         choose another port, or port 0 to be given a free one"
    )]
    PortTaken {
        /// The port that was asked for.
        port: u16,
    },
    /// The port could not be bound for another reason, for instance one below 1024 without the right to it.
    #[error("start the sandbox on 127.0.0.1:{port}: {source}")]
    Bind {
        /// The port that was asked for.
        port: u16,
        /// What the operating system answered.
        source: std::io::Error,
    },
    /// The server's thread or its runtime could not be started.
    #[error("start the sandbox's thread: {source}")]
    Thread {
        /// What the operating system answered.
        source: std::io::Error,
    },
    /// A scenario asks for something that cannot be done.
    #[error("scenario {index}: {source}")]
    Scenario {
        /// Which one, counted from 0.
        index: usize,
        /// What is wrong with it.
        source: ScenarioError,
    },
}

impl Sandbox {
    /// Starts a sandbox on a free port of 127.0.0.1, with no scenario.
    ///
    /// # Errors
    /// When no port can be bound or no thread started.
    pub async fn start() -> Result<Self, SandboxError> {
        Self::builder().start().await
    }

    /// Begins a sandbox with a fixed port or with scenarios.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }

    /// The address of the server, `http://127.0.0.1:PORT`, without a slash at the end.
    ///
    /// It answers every dialect's own paths too (`/v1/messages`, `/v1beta/models/…`), for clients that take
    /// only a host.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The base URL of an OpenAI client, to which it adds `/responses` or `/chat/completions`.
    pub fn openai_url(&self) -> String {
        format!("{}/openai/v1", self.base_url())
    }

    /// The base URL of a client of ChatGPT's backend, to which it adds `/responses` or `/models`.
    ///
    /// It takes no key but only access tokens of the authorization server's OpenAI flavour.
    pub fn chatgpt_url(&self) -> String {
        format!("{}/chatgpt", self.base_url())
    }

    /// The base URL of an Anthropic client, to which it adds `/v1/messages`.
    pub fn anthropic_url(&self) -> String {
        format!("{}/anthropic", self.base_url())
    }

    /// The base URL of a Gemini client, to which it adds `/v1beta/models/…`.
    pub fn gemini_url(&self) -> String {
        format!("{}/gemini", self.base_url())
    }

    /// The base URL of a Code Assist client, to which it adds `/v1internal:…`.
    ///
    /// It takes no key but only access tokens of the authorization server's Google flavour, or its standard one.
    pub fn code_assist_url(&self) -> String {
        format!("{}/code-assist", self.base_url())
    }

    /// The address under which the authorization server has a folder for each of its flavours.
    pub fn authorization_url(&self) -> String {
        format!("{}/oauth", self.base_url())
    }

    /// The authorization server: its settings, its users' part and its counters.
    pub fn authorization(&self) -> Authorization {
        Authorization { authority: self.shared.authority.clone() }
    }

    /// A key that all dialects accept.
    pub fn key(&self) -> &'static str {
        KEY
    }

    /// Replaces all scenarios.
    ///
    /// A scenario that [`Scenario::validate`] refuses is answered with status 500 and the reason when it is
    /// its turn, so that the mistake shows in the test that made it.
    pub fn set_scenarios(&self, scenarios: Vec<Scenario>) {
        self.shared.scenarios.replace(scenarios);
    }

    /// Adds a scenario behind those that are there; the first that matches a request answers it.
    pub fn add_scenario(&self, scenario: Scenario) {
        self.shared.scenarios.add(scenario);
    }

    /// Forgets all scenarios and the journal.
    pub fn clear(&self) {
        self.shared.scenarios.replace(Vec::new());
        self.shared.journal.clear();
    }

    /// The requests that came in, oldest first, with secrets taken out: the last [`JOURNAL_CAPACITY`] of them.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.journal.list()
    }

    /// How many TCP connections were accepted so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections()
    }

    /// Stops the server: takes no new connection, lets answers finish for two seconds, then closes them.
    pub async fn stop(mut self) {
        self.soft.cancel();
        if tokio::time::timeout(GRACE, self.ended.cancelled()).await.is_err() {
            self.hard.cancel();
        }
        self.ended.cancelled().await;
        self.join();
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic of the server's thread was already printed by the panic hook; a drop has no one to tell.
            let _ = thread.join();
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.hard.cancel();
        self.join();
    }
}

impl SandboxBuilder {
    /// Listens on this port of 127.0.0.1 instead of on a free one; 0 means a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Adds a scenario.
    pub fn scenario(mut self, scenario: Scenario) -> Self {
        self.scenarios.push(scenario);
        self
    }

    /// Adds scenarios, in order.
    pub fn scenarios(mut self, scenarios: Vec<Scenario>) -> Self {
        self.scenarios.extend(scenarios);
        self
    }

    /// Takes the time of the authorization server from this clock instead of the machine's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    /// When the port is taken or may not be bound, when no thread can be started, or when a scenario asks for
    /// something that cannot be done.
    pub async fn start(self) -> Result<Sandbox, SandboxError> {
        for (index, scenario) in self.scenarios.iter().enumerate() {
            scenario.validate().map_err(|source| SandboxError::Scenario { index, source })?;
        }
        let port = self.port;
        let bind = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::AddrInUse => SandboxError::PortTaken { port },
            _ => SandboxError::Bind { port, source },
        };
        // Loopback and nothing else: the sandbox answers anyone who knows a key that is in its documentation.
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(bind)?;
        listener.set_nonblocking(true).map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;

        let shared = Arc::new(Shared::new(address, self.scenarios, self.clock));
        let (soft, hard, ended) =
            (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| SandboxError::Thread { source })?;
        let thread = std::thread::Builder::new()
            .name("maestro-sandbox".into())
            .spawn({
                let (shared, soft, hard, ended) =
                    (shared.clone(), soft.clone(), hard.clone(), ended.clone().drop_guard());
                move || {
                    runtime.block_on(server::run(listener, shared, soft, hard));
                    // Dropping the runtime drops the tasks of open connections, stalled ones too.
                    drop(runtime);
                    drop(ended);
                }
            })
            .map_err(|source| SandboxError::Thread { source })?;
        Ok(Sandbox { address, shared, soft, hard, ended, thread: Some(thread) })
    }
}

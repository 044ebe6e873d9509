//! The program's handle, and how it is put together.

use std::{fmt, sync::Arc};

use maestro_core::{
    Error, FieldError, Result, Store,
    auth::{HolderId, Vault},
    http::HttpClient,
    provider::Registry,
    time::{Clock, SystemClock, Timestamp},
};
use maestro_providers::http::ReqwestClient;

use crate::{
    library::Library,
    recovery::RetryPolicy,
    refresh::{RefreshPolicy, Refreshing},
    turn::Flush,
};

/// Maestro: a store, a vault, providers and the way to them. Cloning is cheap and shares them.
#[derive(Clone)]
pub struct Maestro {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Vault,
    pub(crate) registry: Registry,
    pub(crate) http: Arc<dyn HttpClient>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) retry: RetryPolicy,
    pub(crate) flush: Flush,
    pub(crate) refresh: RefreshPolicy,
    pub(crate) refreshing: Refreshing,
    /// Who this program is to leases and streamed entries.
    pub(crate) holder: HolderId,
    pub(crate) library: Library,
}

impl Maestro {
    /// Begins to put a Maestro together. Only a [`store`](MaestroBuilder::store) and a
    /// [`vault`](MaestroBuilder::vault) must be given.
    pub fn builder() -> MaestroBuilder {
        MaestroBuilder::default()
    }

    /// The contexts: saved authentications, conversations and the library.
    pub fn store(&self) -> &dyn Store {
        self.inner.store.as_ref()
    }

    /// The vault that seals and opens credentials.
    pub fn vault(&self) -> &Vault {
        &self.inner.vault
    }

    /// The providers.
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    /// The way to the network.
    pub fn http(&self) -> &dyn HttpClient {
        self.inner.http.as_ref()
    }

    /// The present moment, by this Maestro's clock.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }
}

impl fmt::Debug for Maestro {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Maestro")
            .field("registry", &self.inner.registry)
            .field("vault", &self.inner.vault)
            .field("http", &self.inner.http)
            .finish_non_exhaustive()
    }
}

/// Puts a [`Maestro`] together.
#[derive(Default)]
#[must_use]
pub struct MaestroBuilder {
    store: Option<Arc<dyn Store>>,
    vault: Option<Vault>,
    registry: Option<Registry>,
    http: Option<Arc<dyn HttpClient>>,
    clock: Option<Arc<dyn Clock>>,
    retry: RetryPolicy,
    flush: Flush,
    refresh: RefreshPolicy,
}

impl MaestroBuilder {
    /// Where everything is kept. Required.
    pub fn store(self, store: impl Store + 'static) -> Self {
        self.shared_store(Arc::new(store))
    }

    /// Where everything is kept, shared with other parts of the program.
    pub fn shared_store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// What seals credentials. Required; keep its key where only the program's user can read it.
    pub fn vault(mut self, vault: Vault) -> Self {
        self.vault = Some(vault);
        self
    }

    /// The providers, in place of [`maestro_providers::builtin`]. Add one of your own with
    /// `builtin().with(MyProvider)`.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// The way to the network, in place of one [`ReqwestClient`] with its usual timers.
    pub fn http(self, http: impl HttpClient + 'static) -> Self {
        self.shared_http(Arc::new(http))
    }

    /// The way to the network, shared with other parts of the program.
    pub fn shared_http(mut self, http: Arc<dyn HttpClient>) -> Self {
        self.http = Some(http);
        self
    }

    /// The clock, in place of the machine's.
    pub fn clock(self, clock: impl Clock + 'static) -> Self {
        self.shared_clock(Arc::new(clock))
    }

    /// The clock, shared with other parts of the program.
    pub fn shared_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// How often a request is tried again before its first event.
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// When a streamed answer is journalled.
    pub fn flush(mut self, flush: Flush) -> Self {
        self.flush = flush;
        self
    }

    /// How refreshes of tokens are timed.
    pub fn refresh(mut self, refresh: RefreshPolicy) -> Self {
        self.refresh = refresh;
        self
    }

    /// Puts it together. [`ErrorKind::Invalid`](maestro_core::ErrorKind::Invalid) when the store or the vault is missing.
    pub fn build(self) -> Result<Maestro> {
        let missing = |field: &'static str| {
            Error::invalid(
                "build Maestro",
                [FieldError::new(field, "is missing; call the builder's method of that name")],
            )
        };
        Ok(Maestro {
            inner: Arc::new(Inner {
                store: self.store.ok_or_else(|| missing("store"))?,
                vault: self.vault.ok_or_else(|| missing("vault"))?,
                registry: self.registry.unwrap_or_else(maestro_providers::builtin),
                http: self.http.unwrap_or_else(|| Arc::new(ReqwestClient::default())),
                clock: self.clock.unwrap_or_else(|| Arc::new(SystemClock)),
                retry: self.retry,
                flush: self.flush,
                refresh: self.refresh,
                refreshing: Refreshing::default(),
                holder: HolderId::new(),
                library: Library::default(),
            }),
        })
    }
}

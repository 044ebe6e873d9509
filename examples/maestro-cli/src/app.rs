//! What every command works with: the output, and the store and Maestro, each opened when it is first needed.

use std::{path::PathBuf, sync::Arc, time::Duration};

use maestro::{
    Error, ErrorKind, Maestro, Settled, Store,
    archive::Archive,
    core::{
        auth::{Vault, VaultKey},
        http::HttpClient,
        provider::Registry,
    },
    providers::{
        self,
        gemini::{CodeAssist, Gemini},
        http::ReqwestClient,
    },
};
use tokio::sync::OnceCell;

use crate::{
    exit::Result,
    key::KeySource,
    output::Output,
    store::{StoreUrl, default_store},
};

/// By what an operator turns Code Assist on, which is the word that they may use it.
const CODE_ASSIST: &str = "MAESTRO_CODE_ASSIST";

/// How long a program may stay silent after it was stopped.
const A_WHILE: Duration = Duration::from_millis(500);

/// What every command works with.
pub(crate) struct App {
    /// The way to standard output and standard error.
    pub(crate) output: Output,
    /// The providers that are built in.
    pub(crate) registry: Registry,
    named_store: Option<StoreUrl>,
    key_file: Option<PathBuf>,
    http: Arc<dyn HttpClient>,
    store: OnceCell<Arc<dyn Archive>>,
    keyless: OnceCell<Maestro>,
    with_key: OnceCell<Maestro>,
}

impl App {
    /// Notes what was named on the command line, and opens nothing yet.
    pub(crate) fn new(output: Output, store: Option<StoreUrl>, key_file: Option<PathBuf>) -> Self {
        Self {
            output,
            registry: registry(),
            named_store: store,
            key_file,
            http: Arc::new(ReqwestClient::default()),
            store: OnceCell::new(),
            keyless: OnceCell::new(),
            with_key: OnceCell::new(),
        }
    }

    /// The same over another way to the network and, if one is given, another store. Nothing is open yet.
    pub(crate) fn over(&self, http: Arc<dyn HttpClient>, store: Option<StoreUrl>) -> Self {
        let store = store.or_else(|| self.named_store.clone());
        Self { http, ..Self::new(self.output, store, self.key_file.clone()) }
    }

    /// Which store is used.
    pub(crate) fn store_url(&self) -> Result<StoreUrl> {
        self.named_store.clone().map_or_else(default_store, Ok)
    }

    /// The store.
    pub(crate) async fn store(&self) -> Result<&dyn Store> {
        Ok(self.archive().await?)
    }

    /// The same store, by its whole records.
    pub(crate) async fn archive(&self) -> Result<&dyn Archive> {
        let store = self.store.get_or_try_init(|| async { self.store_url()?.open().await }).await?;
        Ok(store.as_ref())
    }

    /// Maestro, for what seals and opens no credentials: it may hold a key that is forgotten with it, so that no key
    /// is made, and no keyring asked, for nothing.
    pub(crate) async fn maestro(&self) -> Result<&Maestro> {
        if let Some(maestro) = self.with_key.get() {
            return Ok(maestro);
        }
        self.keyless
            .get_or_try_init(|| async { self.maestro_of(Vault::new(VaultKey::generate())).await })
            .await
    }

    /// Maestro with the key of the vault, which is made if there is none.
    pub(crate) async fn maestro_with_key(&self) -> Result<&Maestro> {
        self.with_key
            .get_or_try_init(|| async {
                let source = self.key_source()?;
                let vault = blocking("open the vault", move || source.open_or_make()).await??;
                self.maestro_of(vault).await
            })
            .await
    }

    /// Waits for tokens that are just being refreshed, and says so when it takes a while; none are from then on, until what
    /// comes back is dropped.
    pub(crate) async fn settle(&self) -> Option<Settled> {
        let mut settling = std::pin::pin!(self.with_key.get()?.settle());
        tokio::select! {
            biased;
            settled = &mut settling => return Some(settled),
            () = tokio::time::sleep(A_WHILE) => {}
        }
        self.output.notice("New tokens are on their way; they are written down first.");
        Some(settling.await)
    }

    /// Where the keys of the vault are.
    pub(crate) fn key_source(&self) -> Result<KeySource> {
        Ok(KeySource { file: self.key_file.clone(), store: self.store_url()? })
    }

    /// Maestro with this vault, whatever keys are found elsewhere.
    pub(crate) async fn maestro_of(&self, vault: Vault) -> Result<Maestro> {
        self.store().await?;
        let store = self.store.get().cloned().ok_or_else(|| Error::new(ErrorKind::Internal, "open store"))?;
        let maestro = Maestro::builder().shared_store(store).vault(vault).registry(self.registry.clone());
        Ok(maestro.shared_http(self.http.clone()).build()?)
    }
}

/// Whether the operator has turned Code Assist on.
pub(crate) fn has_code_assist() -> bool {
    code_assist().is_some()
}

/// The providers that are built in. Gemini asks Code Assist with a sign-in where the operator has turned that on.
fn registry() -> Registry {
    let builtin = providers::builtin();
    match code_assist() {
        Some(code_assist) => builtin.with(Gemini::default().with_code_assist(code_assist)),
        None => builtin,
    }
}

/// How Code Assist is asked: with the Cloud project that the variable names, or with none where it says `none`.
fn code_assist() -> Option<CodeAssist> {
    let project = std::env::var(CODE_ASSIST).ok().map(|text| text.trim().to_owned());
    let project = project.filter(|project| !project.is_empty())?;
    Some(CodeAssist { project: (project != "none").then_some(project) })
}

/// Does something that blocks, such as asking the user, beside the runtime.
pub(crate) async fn blocking<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|error| Error::new(ErrorKind::Internal, operation).caused_by(error))?)
}

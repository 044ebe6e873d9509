//! Whom a chat asks, and with which key.

use maestro::{
    Error, ErrorKind, Secret, Target,
    core::{
        auth::{AuthExt as _, AuthName, AuthQuery, Credentials, SavedAuthentication},
        chat::Origin,
        provider::{Endpoint, ProviderId},
    },
};
use maestro_testkit::sandbox::Sandbox;

use crate::{
    app::App,
    exit::{Result, invalid},
    sandbox,
};

/// The providers whose keys are looked for in the environment, in this order, when none is named.
const LOOKED_FOR: [&str; 3] = ["anthropic", "openai", "gemini"];

/// The provider that `--base-url` alone means: most servers of one's own speak its protocol.
const OF_BASE_URL: &str = "openai_compatible";

/// Whom to ask, as the command line names it.
#[derive(Debug, clap::Args)]
pub(crate) struct Whom {
    /// Ask this provider: anthropic, openai, gemini, openai_compatible or sandbox
    #[arg(long, value_name = "PROVIDER")]
    pub(crate) provider: Option<ProviderId>,
    /// Ask the server at this address; without --provider, as an OpenAI-compatible one
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// Use this saved authentication: see `maestro auth list`
    #[arg(long, value_name = "NAME")]
    pub(crate) auth: Option<AuthName>,
}

/// With what a session was held so far.
#[derive(Debug, Default)]
pub(crate) struct Before {
    /// Its saved authentication.
    pub(crate) auth: Option<SavedAuthentication>,
    /// Who gave its latest answer.
    pub(crate) origin: Option<Origin>,
}

/// Whom to ask, found.
pub(crate) struct Found {
    /// The provider, where and as whom.
    pub(crate) target: Target,
    /// The saved authentication that it is, if it is one.
    pub(crate) auth: Option<SavedAuthentication>,
    /// The sandbox in this process, if it is that.
    pub(crate) sandbox: Option<Sandbox>,
}

/// Finds whom to ask. In this order: what the command line names, what the session was held with, the only saved
/// authentication, a key in the environment, the sandbox.
///
/// With nothing but a provider named, that provider's key is the session's, else looked for in the environment, else
/// the only one that is saved for it.
pub(crate) async fn find(app: &App, whom: &Whom, before: &Before) -> Result<Found> {
    let base_url = whom.base_url.as_deref().map(Endpoint::parse_base_url).transpose()?;
    let mut found = find_key(app, whom, before).await?;
    if let Some(url) = base_url {
        found.target.endpoint.base_url = Some(url);
    }
    if found.target.provider.as_str() == OF_BASE_URL && found.target.endpoint.base_url.is_none() {
        let url = std::env::var("OPENAI_BASE_URL").ok().filter(|url| !url.trim().is_empty());
        let url = url.ok_or_else(|| {
            invalid(
                "find a server",
                "base_url",
                "is missing: an OpenAI-compatible server has no address of its own",
            )
            .advise("name the server with --base-url, or in OPENAI_BASE_URL")
        })?;
        found.target.endpoint.base_url = Some(Endpoint::parse_base_url(&url)?);
    }
    Ok(found)
}

async fn find_key(app: &App, whom: &Whom, before: &Before) -> Result<Found> {
    if let Some(name) = &whom.auth {
        return saved(app, saved_under(app, name, whom.provider.as_ref()).await?).await;
    }
    let of_base_url = whom.base_url.as_ref().map(|_| ProviderId::new(OF_BASE_URL)).transpose()?;
    if let Some(provider) = whom.provider.as_ref().or(of_base_url.as_ref()) {
        return match &before.auth {
            _ if provider.as_str() == sandbox::NAME => of_sandbox().await,
            Some(auth) if auth.provider == *provider => saved(app, auth.clone()).await,
            _ => of_provider(app, provider).await,
        };
    }
    if let Some(auth) = &before.auth {
        return saved(app, auth.clone()).await;
    }
    if let Some(origin) = &before.origin {
        return if sandbox::has_model(&origin.model_asked) {
            app.output.warn(
                "This session was begun with the built-in sandbox, which goes on with it: no model is asked. \
                 To ask one, name it with --provider or --auth.",
            );
            of_sandbox().await
        } else {
            of_provider(app, &origin.provider).await
        };
    }
    let everything = app.store().await?.auth_list_all(&AuthQuery::default()).await?;
    if let [only] = everything.as_slice() {
        return saved(app, only.clone()).await;
    }
    for name in LOOKED_FOR {
        let provider = ProviderId::new(name)?;
        if let Ok(flow) = app.registry.api_key(&provider)
            && let Some(key) = of_environment(flow.environment_variable())?
        {
            return Ok(with_key(provider, Some(key)));
        }
    }
    if !everything.is_empty() {
        return Err(several(&everything).into());
    }
    // Nobody shall take the sandbox's answers for a model's.
    app.output.warn(
        "No key found: answering from the built-in sandbox, no model is asked. \
         Add one with `maestro auth add anthropic NAME` (or openai, gemini), or set ANTHROPIC_API_KEY.",
    );
    of_sandbox().await
}

/// The saved authentication of this name. Names may exist for several providers: then `provider` decides.
pub(crate) async fn saved_under(
    app: &App,
    name: &AuthName,
    provider: Option<&ProviderId>,
) -> Result<SavedAuthentication> {
    if let Some(provider) = provider {
        app.registry.provider(provider)?;
    }
    let query = AuthQuery { name: Some(name.clone()), provider: provider.cloned(), auth_type: None };
    let store = app.store().await?;
    match store.auth_only(&query).await {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let known = store.auth_list_all(&AuthQuery::default()).await?;
            let known: Vec<_> = known.iter().map(|auth| auth.name.as_str()).collect();
            Err(error
                .advise(if known.is_empty() {
                    format!("none is saved; `maestro auth add PROVIDER {name}` saves one")
                } else {
                    format!("saved are {}", known.join(", "))
                })
                .into())
        }
        Err(error) if error.kind() == ErrorKind::Conflict => {
            Err(error.advise("say which one with --provider").into())
        }
        found => Ok(found?),
    }
}

async fn saved(app: &App, auth: SavedAuthentication) -> Result<Found> {
    let target = app.maestro_with_key().await?.target(&auth).map_err(|error| match error.kind() {
        ErrorKind::Unauthenticated => error.advise(format!(
            "if the vault key was rotated, start this program again; else put back the one that sealed it \
             (MAESTRO_KEY, --key-file or the keyring), or save the key again: `maestro auth add {} {} --replace`",
            auth.provider, auth.name
        )),
        _ => error,
    })?;
    Ok(Found { target, auth: Some(auth), sandbox: None })
}

/// A provider with the key of the environment, else with the only saved one, else without where it needs none.
async fn of_provider(app: &App, provider: &ProviderId) -> Result<Found> {
    let flow = app.registry.api_key(provider)?;
    if let Some(key) = of_environment(flow.environment_variable())? {
        return Ok(with_key(provider.clone(), Some(key)));
    }
    let query = AuthQuery { provider: Some(provider.clone()), ..AuthQuery::default() };
    let known = app.store().await?.auth_list_all(&query).await?;
    match known.as_slice() {
        [only] => saved(app, only.clone()).await,
        [] if flow.key_is_optional() => Ok(with_key(provider.clone(), None)),
        [] => Err(Error::new(ErrorKind::Unauthenticated, "find a key")
            .on(format_args!("for {provider}"))
            .because("there is none")
            .advise(format!(
                "set {}, or save one: `maestro auth add {provider} NAME`",
                flow.environment_variable()
            ))
            .into()),
        _ if flow.key_is_optional() => Ok(with_key(provider.clone(), None)),
        several_known => Err(several(several_known).into()),
    }
}

async fn of_sandbox() -> Result<Found> {
    let (sandbox, target) = sandbox::start().await?;
    Ok(Found { target, auth: None, sandbox: Some(sandbox) })
}

fn with_key(provider: ProviderId, key: Option<Secret>) -> Found {
    let credentials = Credentials::ApiKey { key, base_url: None };
    Found {
        target: Target::new(provider, Endpoint::with_credentials(credentials)),
        auth: None,
        sandbox: None,
    }
}

/// The key in an environment variable, or in the other one that the same provider's tools read.
fn of_environment(variable: &'static str) -> Result<Option<Secret>> {
    let other = if variable == "GEMINI_API_KEY" { Some("GOOGLE_API_KEY") } else { None };
    for name in [variable].into_iter().chain(other) {
        match std::env::var(name) {
            Ok(text) if !text.trim().is_empty() => {
                let key = Secret::new(text).map_err(|error| error.on(format_args!("in {name}")))?;
                return Ok(Some(key));
            }
            _ => {}
        }
    }
    Ok(None)
}

fn several(known: &[SavedAuthentication]) -> Error {
    let names: Vec<_> = known.iter().map(|auth| auth.reference().to_string()).collect();
    Error::new(ErrorKind::Conflict, "find a key")
        .because(format!("several are saved: {}", names.join(", ")))
        .advise("say which one with --auth")
}

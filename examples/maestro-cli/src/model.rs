//! Which model is asked when none is named.

use maestro::{Error, core::provider::ModelId};

use crate::{
    app::App,
    credentials::{Before, Found},
    exit::{Result, invalid},
    sandbox,
};

/// The model of each provider that is asked when none is named. One place, to be changed as models come and go;
/// `MAESTRO_MODEL` overrides it.
const DEFAULTS: [(&str, &str); 3] =
    [("anthropic", "claude-sonnet-4-5"), ("openai", "gpt-5.2"), ("gemini", "gemini-2.5-flash")];

/// The model to ask: the one that is named, else the session's where its provider is asked again, else that of
/// `MAESTRO_MODEL`, else the provider's default, else the only one that the server has.
pub(crate) async fn choose(
    app: &App,
    found: &Found,
    named: Option<ModelId>,
    of_session: Option<ModelId>,
    before: &Before,
) -> Result<ModelId> {
    if let Some(model) = named {
        return Ok(model);
    }
    if let Some(model) = of_session
        && is_asked_again(found, &model, before)
    {
        return Ok(model);
    }
    if found.sandbox.is_some() {
        return Ok(ModelId::new(sandbox::DEFAULT_MODEL)?);
    }
    if let Some(model) = std::env::var("MAESTRO_MODEL").ok().filter(|model| !model.trim().is_empty()) {
        return Ok(ModelId::new(model)?);
    }
    let provider = found.target.provider.as_str();
    match DEFAULTS.iter().find(|(name, _)| *name == provider) {
        Some((_, model)) => Ok(ModelId::new(model)?),
        None => only_model(app, found).await,
    }
}

/// Whether the session's model belongs to whom is asked now.
fn is_asked_again(found: &Found, model: &ModelId, before: &Before) -> bool {
    // A sandbox elsewhere is a server like any other; without an address the provider's own is asked, which has no model
    // of the sandbox.
    let has_sandbox_models = found.sandbox.is_some() || found.target.endpoint.base_url.is_some();
    if sandbox::has_model(model.as_str()) && !has_sandbox_models {
        return false;
    }
    if found.sandbox.is_some() {
        return sandbox::has_model(model.as_str());
    }
    let held_with = before.auth.as_ref().map(|auth| &auth.provider);
    let held_with = held_with.or(before.origin.as_ref().map(|origin| &origin.provider));
    held_with.is_none_or(|provider| *provider == found.target.provider)
}

async fn only_model(app: &App, found: &Found) -> Result<ModelId> {
    let mut models = app.maestro().await?.list_models(&found.target).await?;
    if models.len() == 1 {
        return Ok(models.remove(0).id);
    }
    const SHOWN: usize = 20;
    let names: Vec<_> = models.iter().take(SHOWN).map(|model| model.id.as_str()).collect();
    let more = if models.len() > SHOWN { ", …" } else { "" };
    let error: Error = invalid("choose a model", "model", "is missing, and the server has more than one")
        .advise(format!("name one with --model: {}{more}", names.join(", ")));
    let none = || invalid("choose a model", "model", "is missing, and the server lists none");
    Err(if models.is_empty() { none() } else { error }.into())
}

//! As what to sign in: a client that was named, or the one that is kept with the sign-in that is replaced.

use maestro::{
    Error, ErrorKind, Maestro,
    core::{
        auth::{Credentials, OAuthTokens, PolicyAccepted, SavedAuthentication},
        provider::{OAuthClient, UsePolicy},
    },
    providers::oauth::{ModeChoice, OAuth, ProfileFile, SignInMode, builtin_profiles},
};
use url::Url;

use super::{Args, Mode, OPERATION};
use crate::{
    editor::read_text,
    exit::{Result, invalid},
};

/// The sign-in that is to be replaced.
pub(super) struct Old {
    tokens: OAuthTokens,
    base_url: Option<Url>,
}

impl Old {
    pub(super) fn open(maestro: &Maestro, row: &SavedAuthentication) -> Result<Option<Self>> {
        Ok(match maestro.target(row)?.endpoint.credentials {
            Some(Credentials::OAuth { tokens, base_url }) => Some(Self { tokens: *tokens, base_url }),
            _ => None,
        })
    }

    /// When these very terms were accepted.
    pub(super) fn accepted(&self, policy: &UsePolicy) -> Option<PolicyAccepted> {
        let shown = &self.tokens.client.as_ref()?.profile.policy;
        self.tokens.policy.clone().filter(|accepted| shown == policy && accepted.source == policy.source)
    }
}

/// As what to sign in, and what goes with it.
pub(super) struct Client {
    pub(super) oauth: OAuth,
    pub(super) mode: ModeChoice,
    pub(super) quota_project: Option<String>,
    pub(super) base_url: Option<Url>,
}

/// The client that was named, else the one that is kept with the sign-in that is to be replaced. What goes with the old one
/// stays as far as nothing else was said.
pub(super) async fn client_of(args: &Args, maestro: &Maestro, old: Option<&Old>) -> Result<Client> {
    let named_mode = match args.mode {
        None => None,
        Some(Mode::Chatgpt) => Some(ModeChoice::Always(SignInMode::Tokens)),
        Some(Mode::ApiKey) => Some(ModeChoice::Always(SignInMode::Key)),
    };
    let kept = old.and_then(|old| Some((old, old.tokens.client.as_deref()?)));
    let kept = kept.filter(|_| args.profile.is_none() && args.client_id.is_none());
    let (client, told_project) = match kept {
        Some((old, client)) => {
            let by_then = if old.tokens.api_key.is_some() {
                ModeChoice::Always(SignInMode::Key)
            } else {
                ModeChoice::ByPlan
            };
            let client = Client {
                // Whoever saved it has said that it may be used.
                oauth: OAuth::turned_on(client.clone())?,
                mode: named_mode.unwrap_or(by_then),
                quota_project: old.tokens.quota_project.clone(),
                base_url: old.base_url.clone(),
            };
            (client, None)
        }
        None => {
            let (oauth, project) = oauth_of(args, maestro).await?;
            let mode = named_mode.unwrap_or_default();
            (Client { oauth, mode, quota_project: None, base_url: None }, project)
        }
    };
    let quota_project = args.quota_project.clone().or(told_project).or(client.quota_project);
    let is_header = |text: &String| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if quota_project.is_some() && args.provider.as_str() != "gemini" {
        let problem = format!("is for gemini alone: {} books on no Cloud project", args.provider);
        return Err(invalid(OPERATION, "quota_project", problem).into());
    }
    if quota_project.as_ref().is_some_and(|project| !is_header(project)) {
        return Err(invalid(
            OPERATION,
            "quota_project",
            "must be the id of a Cloud project, such as my-project-1",
        )
        .into());
    }
    Ok(Client { quota_project, ..client })
}

/// The client to sign in with: of a file, which may name a Cloud project too, or of the operator at a server that is built in.
async fn oauth_of(args: &Args, maestro: &Maestro) -> Result<(OAuth, Option<String>)> {
    let restricted = |error: Error| match error.kind() {
        ErrorKind::Forbidden => error.advise(
            "if you have the right to use it, say so: turn_on_restricted = true in the file of --profile, or \
             --turn-on-restricted with --client-id; an API key needs no permission",
        ),
        _ => error,
    };
    if let Some(path) = &args.profile {
        let file = ProfileFile::parse(&read_text(path)?)?;
        let other = file.provider().filter(|name| {
            builtin_profiles().iter().any(|known| known.name == **name) && *name != args.provider.as_str()
        });
        if let Some(other) = other {
            let problem = format!("is {}, and the file is for {other}", args.provider);
            return Err(invalid(OPERATION, "provider", problem).into());
        }
        let oauth = file.oauth(maestro.http()).await.map_err(restricted)?;
        return Ok((oauth, file.quota_project().map(str::to_owned)));
    }
    let Some(profile) = builtin_profiles().into_iter().find(|profile| profile.name == args.provider.as_str())
    else {
        return Err(invalid(
            OPERATION,
            "profile",
            format!("is missing: no sign-in of {} is built in", args.provider),
        )
        .advise("describe the server in a file, and name it with --profile")
        .into());
    };
    let Some(client_id) = args.client_id.clone() else {
        return Err(invalid(OPERATION, "client_id", "is missing: no client is built in")
            .advise("give the id of your own client with --client-id or in a file with --profile; or use an API key: `maestro auth add`")
            .into());
    };
    let client = OAuthClient { profile, client_id, client_secret: None };
    let oauth = if args.turn_on_restricted { OAuth::turned_on(client) } else { OAuth::new(client) };
    Ok((oauth.map_err(restricted)?, None))
}

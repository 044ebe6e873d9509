//! Buying a key with tokens: RFC 8693, and OpenAI's dialect of it.

use maestro_core::{
    Error, ErrorKind, Result, Secret,
    auth::{BoughtKey, OAuthTokens},
    http::HttpClient,
    provider::{BodyForm, ExchangeDialect, OAuthClient, SubjectToken, TokenExchange},
    time::Timestamp,
};

use super::{ask::Ask, reply};

const OPERATION: &str = "trade a sign-in for a key";

/// Buys a key. Errors are those of
/// [`OAuthFlow::extract_api_credentials`](maestro_core::provider::OAuthFlow::extract_api_credentials).
pub(super) async fn buy(
    client: &OAuthClient,
    http: &dyn HttpClient,
    tokens: &OAuthTokens,
    now: Timestamp,
) -> Result<BoughtKey> {
    let Some(exchange) = &client.profile.key_exchange else {
        return Err(Error::new(ErrorKind::Unsupported, OPERATION)
            .with_provider(&client.profile.name)
            .because("the server sells no keys"));
    };
    let ask = Ask::new(client, OPERATION, &client.profile.token_endpoint, BodyForm::Form)?
        .field("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
        .proved()?;
    match &exchange.dialect {
        ExchangeDialect::OpenAi { requested_token } => {
            let ask = subject(
                ask.field("requested_token", requested_token),
                client,
                SubjectToken::IdToken,
                tokens,
            )?;
            let key = reply::key(&ask.send(http).await?)?;
            Ok(BoughtKey { key, expires_at: None })
        }
        ExchangeDialect::Standard(exchange) => standard(ask, client, exchange, http, tokens, now).await,
    }
}

async fn standard<'a>(
    ask: Ask<'a>,
    client: &'a OAuthClient,
    exchange: &'a TokenExchange,
    http: &dyn HttpClient,
    tokens: &'a OAuthTokens,
    now: Timestamp,
) -> Result<BoughtKey> {
    let scope = exchange.scope.join(" ");
    let mut ask = subject(ask, client, exchange.subject_token, tokens)?;
    if let Some(wanted) = &exchange.requested_token_type {
        ask = ask.field("requested_token_type", wanted);
    }
    for audience in &exchange.audience {
        ask = ask.field("audience", audience);
    }
    for resource in &exchange.resource {
        ask = ask.field("resource", resource.as_str());
    }
    let reply =
        if scope.is_empty() { ask.send(http).await } else { ask.field("scope", &scope).send(http).await };
    reply::exchanged(&reply?, exchange.requested_token_type.as_deref(), &client.profile.name, now)
}

/// Adds the token that is traded. [`ErrorKind::Forbidden`] when the sign-in has none of the kind.
fn subject<'a>(
    ask: Ask<'a>,
    client: &OAuthClient,
    kind: SubjectToken,
    tokens: &'a OAuthTokens,
) -> Result<Ask<'a>> {
    let token: Option<&Secret> = match kind {
        SubjectToken::AccessToken => Some(&tokens.access_token),
        SubjectToken::IdToken => tokens.id_token.as_ref(),
    };
    let token = token.ok_or_else(|| {
        Error::new(ErrorKind::Forbidden, OPERATION)
            .with_provider(&client.profile.name)
            .because("the sign-in has no id token, which is what buys a key")
            .advise("sign in again, with the scope openid")
    })?;
    Ok(ask.secret("subject_token", token).field("subject_token_type", kind.token_type()))
}

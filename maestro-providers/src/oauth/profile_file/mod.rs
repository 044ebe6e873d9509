//! Sign-ins that a TOML file describes: a server of one's own, or a client of one's own at a known server.

mod exchange;
mod keys;

use std::time::Duration;

use maestro_core::{
    Error, Result, Secret,
    http::HttpClient,
    provider::{
        BodyForm, ClientAuthentication, DeviceFlow, FlowAccess, KeyExchange, OAuthClient, OAuthProfile,
        RedirectStyle, Revocation, RevocationFields, Rotation, SendState, UsePolicy,
    },
};
use url::Url;

use self::keys::Keys;
use super::{OAuth, ServerMetadata, builtin_profiles, discover};

const OPERATION: &str = "read a sign-in profile";

/// The longest file that is read.
const MAX_FILE: usize = 256 << 10;

/// A sign-in that a TOML file describes. `docs/sign-in.md` has a full example.
///
/// Keys are named as in RFC 8414 and RFC 7591 where these have a name. `provider` alone stands for the built-in profile of
/// that provider, `issuer` alone for a server that says the rest of itself; every key that is given replaces what would
/// stand there otherwise.
///
/// ```
/// use maestro_providers::oauth::ProfileFile;
///
/// let file = ProfileFile::parse(r#"
///     issuer = "https://auth.example.com"
///     client_id = "maestro"
///     scopes = ["openid", "offline_access"]
/// "#).unwrap();
/// assert_eq!(file.name(), "auth.example.com");
///
/// let error = ProfileFile::parse(r#"issuer = "https://auth.example.com"
/// clientid = "maestro""#).unwrap_err();
/// assert!(error.to_string().contains("client_id is missing"));
/// ```
#[derive(Debug, Clone)]
pub struct ProfileFile {
    name: String,
    provider: Option<String>,
    server: Server,
    client_id: String,
    client_secret: Option<Secret>,
    quota_project: Option<String>,
    is_turned_on: bool,
    changes: Changes,
}

/// Where the addresses come from.
#[derive(Debug, Clone)]
enum Server {
    /// They are known.
    Known(Box<OAuthProfile>),
    /// The server is asked.
    Issuer(Url),
}

/// What a file says of a profile, key by key.
#[derive(Debug, Clone, Default)]
struct Changes {
    issuer: Option<Url>,
    authorization_endpoint: Option<Url>,
    token_endpoint: Option<Url>,
    device_authorization_endpoint: Option<Url>,
    revocation_endpoint: Option<Url>,
    revocation_body: Option<BodyForm>,
    scopes: Option<Vec<String>>,
    redirects: Option<Vec<RedirectStyle>>,
    authorize_parameters: Option<Vec<(String, String)>>,
    client_authentication: Option<ClientAuthentication>,
    code: RequestChanges,
    refresh: RequestChanges,
    send_state: Option<SendState>,
    rotation: Option<Rotation>,
    refresh_margin: Option<Duration>,
    default_lifetime: Option<Duration>,
    account_claim: Option<String>,
    plan_claim: Option<String>,
    key_exchange: Option<KeyExchange>,
    policy: Option<UsePolicy>,
}

#[derive(Debug, Clone, Default)]
struct RequestChanges {
    body: Option<BodyForm>,
    headers: Option<Vec<(String, String)>>,
    parameters: Option<Vec<(String, String)>>,
}

impl ProfileFile {
    /// Reads a file.
    ///
    /// [`ErrorKind::Invalid`](maestro_core::ErrorKind::Invalid) names every key that is not known, missing, or of a wrong
    /// type, with what it should be; no value is repeated, since one of them is a secret.
    pub fn parse(text: &str) -> Result<Self> {
        let mut keys = Keys::parse(text)?;
        let name = keys.text("name");
        let provider = keys.text("provider");
        let client_id = keys.text("client_id");
        let client_secret = keys.secret("client_secret");
        let quota_project = keys.project("quota_project");
        let is_turned_on = keys.flag("turn_on_restricted").unwrap_or(false);
        let changes = Changes::read(&mut keys);
        if client_id.is_none() && !keys.has_problem("client_id") {
            keys.problem(
                "client_id",
                "is missing: the id under which this program is registered at the server",
            );
        }
        let server = Server::of(provider.as_deref(), &changes, &mut keys);
        keys.finish()?;
        let (Some(client_id), Some(server)) = (client_id, server) else {
            return Err(Error::invalid(OPERATION, []));
        };
        let name = name.or_else(|| provider.clone()).unwrap_or_else(|| match &server {
            Server::Known(profile) => profile.name.clone(),
            Server::Issuer(issuer) => host(issuer),
        });
        Ok(Self { name, provider, server, client_id, client_secret, quota_project, is_turned_on, changes })
    }

    /// What the sign-in is called: `name`, else `provider`, else the host of the server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which provider the tokens are for, if the file says it.
    pub fn provider(&self) -> Option<&str> {
        self.provider.as_deref()
    }

    /// The Cloud project that requests with the tokens are booked on, if the file says it. It is to be kept with them
    /// ([`OAuthTokens::quota_project`](maestro_core::auth::OAuthTokens::quota_project)).
    pub fn quota_project(&self) -> Option<&str> {
        self.quota_project.as_deref()
    }

    /// The client that the file describes. A server of which only the issuer is known is asked first; errors are those of
    /// [`discover`] then.
    pub async fn client(&self, http: &dyn HttpClient) -> Result<OAuthClient> {
        let mut profile = match &self.server {
            Server::Known(profile) => (**profile).clone(),
            Server::Issuer(issuer) => discovered(discover(http, issuer).await?),
        };
        profile.name.clone_from(&self.name);
        self.changes.apply(&mut profile);
        Ok(OAuthClient {
            profile,
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.clone(),
        })
    }

    /// The client at work. A flow that the provider keeps to itself works only if the file says `turn_on_restricted = true`;
    /// errors are those of [`client`](Self::client) and [`OAuth::new`].
    pub async fn oauth(&self, http: &dyn HttpClient) -> Result<OAuth> {
        let client = self.client(http).await?;
        if self.is_turned_on { OAuth::turned_on(client) } else { OAuth::new(client) }
    }
}

impl Server {
    fn of(provider: Option<&str>, changes: &Changes, keys: &mut Keys) -> Option<Self> {
        let given = changes.authorization_endpoint.as_ref().zip(changes.token_endpoint.as_ref());
        let builtin =
            provider.and_then(|name| builtin_profiles().into_iter().find(|profile| profile.name == name));
        Some(match (&changes.issuer, given, builtin) {
            (None, _, Some(mut profile)) => {
                if changes.authorization_endpoint.is_some() || changes.token_endpoint.is_some() {
                    // It is another server: no token may go to the first one, and its terms do not hold.
                    let server = changes.token_endpoint.as_ref().unwrap_or(&profile.token_endpoint);
                    profile.policy = own_policy(server);
                    (profile.issuer, profile.device, profile.revocation) = (None, None, None);
                }
                Self::Known(Box::new(profile))
            }
            (_, Some((authorization, token)), _) => {
                Self::Known(Box::new(plain(authorization.clone(), token.clone())))
            }
            (Some(issuer), None, _) => Self::Issuer(issuer.clone()),
            (None, None, None) => {
                let known: Vec<_> = builtin_profiles().into_iter().map(|profile| profile.name).collect();
                let problem = format!(
                    "is missing: give issuer, or both authorization_endpoint and token_endpoint, or a provider that has a \
                     profile ({})",
                    known.join(", ")
                );
                if !["issuer", "authorization_endpoint", "token_endpoint"]
                    .iter()
                    .any(|key| keys.has_problem(key))
                {
                    keys.problem("issuer", problem);
                }
                return None;
            }
        })
    }
}

impl Changes {
    fn read(keys: &mut Keys) -> Self {
        let body = [("form", BodyForm::Form), ("json", BodyForm::Json)];
        let methods = [
            ("client_secret_post", ClientAuthentication::Post),
            ("client_secret_basic", ClientAuthentication::Basic),
        ];
        let grace = keys.seconds("refresh_grace_seconds");
        let is_single_use = keys.flag("single_use_refresh_tokens");
        let rotation = match (is_single_use, grace) {
            (Some(false), Some(_)) => {
                keys.problem("refresh_grace_seconds", "goes with single_use_refresh_tokens = true alone");
                None
            }
            (Some(false), None) => Some(Rotation::Reusable),
            (Some(true), grace) => Some(Rotation::SingleUse { grace: grace.unwrap_or_default() }),
            (None, Some(grace)) => Some(Rotation::SingleUse { grace }),
            (None, None) => None,
        };
        Self {
            issuer: keys.url("issuer"),
            authorization_endpoint: keys.url("authorization_endpoint"),
            token_endpoint: keys.url("token_endpoint"),
            device_authorization_endpoint: keys.url("device_authorization_endpoint"),
            revocation_endpoint: keys.url("revocation_endpoint"),
            revocation_body: keys.one_of("revocation_body", &body),
            scopes: keys.texts("scopes"),
            redirects: keys.redirects("redirect_uris"),
            authorize_parameters: keys.pairs("authorize_parameters"),
            client_authentication: keys.one_of("token_endpoint_auth_method", &methods),
            code: RequestChanges {
                body: keys.one_of("code_body", &body),
                headers: keys.pairs("code_headers"),
                parameters: keys.pairs("code_parameters"),
            },
            refresh: RequestChanges {
                body: keys.one_of("refresh_body", &body),
                headers: keys.pairs("refresh_headers"),
                parameters: keys.pairs("refresh_parameters"),
            },
            send_state: keys
                .flag("send_state")
                .map(|sent| if sent { SendState::Send } else { SendState::Withhold }),
            rotation,
            refresh_margin: keys.seconds("refresh_margin_seconds"),
            default_lifetime: keys.seconds("default_lifetime_seconds"),
            account_claim: keys.pointer("account_claim"),
            plan_claim: keys.pointer("plan_claim"),
            key_exchange: keys.within("token_exchange", exchange::read),
            policy: keys.policy("policy"),
        }
    }

    fn apply(&self, profile: &mut OAuthProfile) {
        fn set<T: Clone>(to: &mut T, from: Option<&T>) {
            if let Some(from) = from {
                to.clone_from(from);
            }
        }
        if self.issuer.is_some() {
            profile.issuer.clone_from(&self.issuer);
        }
        set(&mut profile.authorization_endpoint, self.authorization_endpoint.as_ref());
        set(&mut profile.token_endpoint, self.token_endpoint.as_ref());
        if let Some(endpoint) = &self.device_authorization_endpoint {
            profile.device = Some(DeviceFlow::Standard { device_authorization_endpoint: endpoint.clone() });
        }
        if let Some(endpoint) = &self.revocation_endpoint {
            profile.revocation = Some(revocation(endpoint.clone()));
        }
        if let (Some(revocation), Some(body)) = (&mut profile.revocation, self.revocation_body) {
            revocation.body = body;
        }
        set(&mut profile.scopes, self.scopes.as_ref());
        set(&mut profile.redirects, self.redirects.as_ref());
        set(&mut profile.extra_authorize_parameters, self.authorize_parameters.as_ref());
        set(&mut profile.client_authentication, self.client_authentication.as_ref());
        for (request, changes) in
            [(&mut profile.code_request, &self.code), (&mut profile.refresh_request, &self.refresh)]
        {
            set(&mut request.body, changes.body.as_ref());
            set(&mut request.headers, changes.headers.as_ref());
            set(&mut request.parameters, changes.parameters.as_ref());
        }
        set(&mut profile.code_request.state, self.send_state.as_ref());
        set(&mut profile.rotation, self.rotation.as_ref());
        set(&mut profile.refresh_margin, self.refresh_margin.as_ref());
        for (claim, change) in [
            (&mut profile.claims.account_id, &self.account_claim),
            (&mut profile.claims.plan, &self.plan_claim),
        ] {
            if change.is_some() {
                claim.clone_from(change);
            }
        }
        if self.default_lifetime.is_some() {
            profile.default_lifetime = self.default_lifetime;
        }
        if self.key_exchange.is_some() {
            profile.key_exchange.clone_from(&self.key_exchange);
        }
        set(&mut profile.policy, self.policy.as_ref());
    }
}

fn discovered(found: ServerMetadata) -> OAuthProfile {
    let device = found.device_authorization_endpoint;
    OAuthProfile {
        issuer: Some(found.issuer),
        device: device.map(|endpoint| DeviceFlow::Standard { device_authorization_endpoint: endpoint }),
        revocation: found.revocation_endpoint.map(revocation),
        client_authentication: found.client_authentication,
        ..plain(found.authorization_endpoint, found.token_endpoint)
    }
}

fn revocation(revocation_endpoint: Url) -> Revocation {
    Revocation { revocation_endpoint, body: BodyForm::Form, fields: RevocationFields::Standard }
}

fn plain(authorization_endpoint: Url, token_endpoint: Url) -> OAuthProfile {
    let policy = own_policy(&token_endpoint);
    OAuthProfile::new(host(&token_endpoint), authorization_endpoint, token_endpoint, policy)
}

fn own_policy(server: &Url) -> UsePolicy {
    UsePolicy {
        text: format!(
            "A server that the operator has set up: {}. Whoever runs it says who may sign in there.",
            host(server)
        ),
        source: "the profile file, which gives no terms".into(),
        access: FlowAccess::Open,
    }
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

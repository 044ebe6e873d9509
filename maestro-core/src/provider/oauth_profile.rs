//! OAuth as data: what differs from server to server is values, not code.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::secret::Secret;

/// One authorization server and how it wants to be spoken to. Every address can point at loopback.
///
/// Field names follow RFC 8414 where it has a name for the thing. It holds no secret and no client: those are of an
/// [`OAuthClient`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuthProfile {
    /// What it is called: `openai`, `anthropic`, `gemini`, or what a file calls it.
    pub name: String,
    /// Who issues the tokens, where that is known.
    pub issuer: Option<Url>,
    /// Where the user signs in.
    pub authorization_endpoint: Url,
    /// Where codes and refresh tokens are traded.
    pub token_endpoint: Url,
    /// How a device without a browser signs in, if the server has it.
    pub device: Option<DeviceFlow>,
    /// How tokens are revoked (RFC 7009), if the server has it.
    pub revocation: Option<Revocation>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// Parameters that this server wants in the authorization address besides the standard ones.
    pub extra_authorize_parameters: Vec<(String, String)>,
    /// In which order the parameters of the authorization address stand, as far as the server's own clients have one:
    /// names of standard and extra ones. Those that are not named follow.
    #[serde(default)]
    pub parameter_order: Vec<String>,
    /// How a client that has a secret proves itself.
    #[serde(default)]
    pub client_authentication: ClientAuthentication,
    /// How a code is traded.
    pub code_request: TokenRequest,
    /// How a refresh token is traded.
    pub refresh_request: TokenRequest,
    /// How the code can come back, the preferred way first.
    pub redirects: Vec<RedirectStyle>,
    /// Whether a refresh token dies with its use.
    pub rotation: Rotation,
    /// How long before expiry tokens are refreshed.
    pub refresh_margin: Duration,
    /// How long tokens live of which neither the reply nor the token says it; absent when that cannot be known.
    pub default_lifetime: Option<Duration>,
    /// Where the claims of a token say whose it is.
    pub claims: ClaimNames,
    /// How tokens buy a key that is sent in their place (RFC 8693, or a dialect of it), if the server sells them.
    pub key_exchange: Option<KeyExchange>,
    /// Who may use this flow.
    pub policy: UsePolicy,
}

/// A client of an authorization server: the profile and the registration that the operator made there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthClient {
    /// The server.
    pub profile: OAuthProfile,
    /// The id of the client.
    pub client_id: String,
    /// The secret of the client; absent for public clients.
    pub client_secret: Option<Secret>,
}

impl OAuthProfile {
    /// A server that keeps to the RFCs, of which nothing else is known: forms, and codes that come back to any port of
    /// 127.0.0.1. Its refresh tokens are taken for such as can be used once, since the other mistake would end sign-ins.
    pub fn new(
        name: impl Into<String>,
        authorization_endpoint: Url,
        token_endpoint: Url,
        policy: UsePolicy,
    ) -> Self {
        Self {
            name: name.into(),
            issuer: None,
            authorization_endpoint,
            token_endpoint,
            device: None,
            revocation: None,
            scopes: Vec::new(),
            extra_authorize_parameters: Vec::new(),
            parameter_order: Vec::new(),
            client_authentication: ClientAuthentication::Post,
            code_request: TokenRequest::default(),
            refresh_request: TokenRequest::default(),
            redirects: vec![RedirectStyle::Loopback {
                host: "127.0.0.1".into(),
                ports: vec![0],
                path: "/callback".into(),
            }],
            rotation: Rotation::SingleUse { grace: Duration::ZERO },
            refresh_margin: Duration::from_secs(5 * 60),
            default_lifetime: None,
            claims: ClaimNames { account_id: Some("/sub".into()), plan: None },
            key_exchange: None,
            policy,
        }
    }

    /// The same profile with every address of the server behind `base`: a sandbox, a gateway, a server of one's own.
    /// Scheme, host and port are those of `base`; each path keeps its place behind the path of `base`. Loopback
    /// redirects stay, since they are the client's.
    ///
    /// ```
    /// # use maestro_core::provider::*;
    /// # fn check(profile: OAuthProfile) {
    /// // https://auth.example.com/oauth/token, say
    /// let sandboxed = profile.rebased(&"http://127.0.0.1:8123/auth".parse().unwrap());
    /// assert_eq!(sandboxed.token_endpoint.as_str(), "http://127.0.0.1:8123/auth/oauth/token");
    /// # }
    /// ```
    #[must_use]
    pub fn rebased(mut self, base: &Url) -> Self {
        let own = |url: &mut Url| *url = moved(url, base);
        self.issuer.iter_mut().for_each(own);
        own(&mut self.authorization_endpoint);
        own(&mut self.token_endpoint);
        match &mut self.device {
            Some(DeviceFlow::Standard { device_authorization_endpoint }) => {
                own(device_authorization_endpoint)
            }
            Some(DeviceFlow::OpenAi {
                user_code_endpoint,
                poll_endpoint,
                verification_uri,
                redirect_uri,
            }) => {
                [user_code_endpoint, poll_endpoint, verification_uri, redirect_uri].into_iter().for_each(own);
            }
            None => {}
        }
        if let Some(revocation) = &mut self.revocation {
            own(&mut revocation.revocation_endpoint);
        }
        for redirect in &mut self.redirects {
            if let RedirectStyle::Paste { redirect_uri } = redirect {
                own(redirect_uri);
            }
        }
        self
    }
}

/// The address behind `base` that has the path and query of `url`.
fn moved(url: &Url, base: &Url) -> Url {
    let mut to = base.clone();
    to.set_path(&format!("{}{}", base.path().trim_end_matches('/'), url.path()));
    to.set_query(url.query());
    to.set_fragment(None);
    to
}

/// How a client that has a secret proves itself at the token endpoint (RFC 6749, section 2.3.1), under the names of
/// RFC 8414.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ClientAuthentication {
    /// Id and secret stand in the body.
    #[default]
    #[serde(rename = "client_secret_post")]
    Post,
    /// Id and secret stand in the header `authorization`.
    #[serde(rename = "client_secret_basic")]
    Basic,
}

/// How a request to the token endpoint looks, and what its reply must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenRequest {
    /// The form of its body.
    pub body: BodyForm,
    /// Headers besides the standard ones.
    pub headers: Vec<(String, String)>,
    /// Parameters besides the standard ones.
    pub parameters: Vec<(String, String)>,
    /// Whether the state goes along, which RFC 6749 does not ask for and some servers do.
    pub state: SendState,
    /// What a reply must hold to be one. Some servers leave out of a refresh whatever did not change.
    pub required: Vec<TokenField>,
}

impl Default for TokenRequest {
    /// As RFC 6749 has it: a form, and a reply with an access token.
    fn default() -> Self {
        Self {
            body: BodyForm::default(),
            headers: Vec::new(),
            parameters: Vec::new(),
            state: SendState::default(),
            required: vec![TokenField::AccessToken],
        }
    }
}

/// A token in a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenField {
    /// `access_token`.
    AccessToken,
    /// `refresh_token`.
    RefreshToken,
    /// `id_token`.
    IdToken,
}

/// The form of a request body at a token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyForm {
    /// `application/x-www-form-urlencoded`, as RFC 6749 says.
    #[default]
    Form,
    /// `application/json`.
    Json,
}

/// Whether the state goes along with a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendState {
    /// No, as RFC 6749 has it.
    #[default]
    Withhold,
    /// Yes.
    Send,
}

/// How a device without a browser signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "style", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "there is one in a profile, and never a list of them")]
pub enum DeviceFlow {
    /// RFC 8628.
    Standard {
        /// Where a code for the user is asked for.
        device_authorization_endpoint: Url,
    },
    /// OpenAI's own: JSON at two addresses, and a verifier that the server makes.
    OpenAi {
        /// Where a code for the user is asked for.
        user_code_endpoint: Url,
        /// Where it is asked whether the user is done.
        poll_endpoint: Url,
        /// The page that the user opens.
        verification_uri: Url,
        /// The redirect address of the exchange that follows.
        redirect_uri: Url,
    },
}

/// How tokens are revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Where (RFC 7009).
    pub revocation_endpoint: Url,
    /// The form of the body.
    pub body: BodyForm,
    /// What stands in it.
    #[serde(default)]
    pub fields: RevocationFields,
}

/// What stands in a request to revoke a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationFields {
    /// The token, of which kind it is, and the client (RFC 7009).
    #[default]
    Standard,
    /// The token alone, as Google has it.
    TokenOnly,
}

/// How an authorization code comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "style", rename_all = "snake_case")]
pub enum RedirectStyle {
    /// To a listener on loopback (RFC 8252, section 7.3).
    Loopback {
        /// The host as the server wants it written: `localhost` or `127.0.0.1`. The listener is on 127.0.0.1.
        host: String,
        /// The ports that the server accepts, in the order in which they are tried; 0 for any that is free.
        ports: Vec<u16>,
        /// The path of the redirect address.
        path: String,
    },
    /// By the user, who copies it from a page of the server's.
    Paste {
        /// The registered redirect address.
        redirect_uri: Url,
    },
}

/// Whether a refresh token dies with its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Rotation {
    /// Each use gives a new one, and using an old one later revokes the whole family.
    SingleUse {
        /// For how long after its first use the server takes an old one once more, because its answer may have been
        /// lost; zero when that is not known.
        grace: Duration,
    },
    /// It stays until it is revoked.
    Reusable,
}

/// Where it stands whose tokens are: JSON pointers (RFC 6901) into the claims of the id token, or else those of the access
/// token, or else into the reply that brought them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimNames {
    /// The provider's id of the account.
    pub account_id: Option<String>,
    /// The provider's word for the plan.
    pub plan: Option<String>,
}

/// How tokens buy a key: another token, which is sent in their place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyExchange {
    /// How it is asked for.
    #[serde(flatten)]
    pub dialect: ExchangeDialect,
    /// Which plans want a key instead of the tokens.
    pub plans: PlanRule,
}

/// How a token is asked for in exchange for another. A written profile tells the two by their fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ExchangeDialect {
    /// OpenAI's own: the id token buys an API key, which has no end.
    OpenAi {
        /// What is asked for, as the value of `requested_token`.
        requested_token: String,
    },
    /// As RFC 8693 has it.
    Standard(TokenExchange),
}

/// What stands in a token exchange by RFC 8693. Fields are named as its parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenExchange {
    /// Which of the tokens is traded.
    pub subject_token: SubjectToken,
    /// The type of token that is wanted, as a URI; the server decides when it is absent.
    #[serde(default)]
    pub requested_token_type: Option<String>,
    /// For whom the token is meant, by the names that the server has for them.
    #[serde(default)]
    pub audience: Vec<String>,
    /// Where the token is to be used, as addresses.
    #[serde(default)]
    pub resource: Vec<Url>,
    /// What it may be used for; the server decides when it is empty.
    #[serde(default)]
    pub scope: Vec<String>,
}

/// A token of a sign-in that is traded for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectToken {
    /// The access token.
    #[default]
    AccessToken,
    /// The id token.
    IdToken,
}

impl SubjectToken {
    /// Its type (RFC 8693, section 3).
    pub const fn token_type(self) -> &'static str {
        match self {
            Self::AccessToken => "urn:ietf:params:oauth:token-type:access_token",
            Self::IdToken => "urn:ietf:params:oauth:token-type:id_token",
        }
    }
}

/// Which of the two modes a plan signs in to (requirement M-P8).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PlanRule {
    /// Plans that use the tokens themselves.
    pub tokens: Vec<String>,
    /// Plans that want a key.
    pub key: Vec<String>,
    /// What a plan does that is in neither list, or is not told.
    #[serde(default)]
    pub others: OtherPlans,
}

/// What a plan does that no list names, or that is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OtherPlans {
    /// It wants a key, and the user is warned that this is a guess.
    #[default]
    BuyKey,
    /// It uses the tokens themselves.
    UseTokens,
}

/// Who may use a sign-in flow, as the provider's terms said it. It is shown before sign-in and must be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsePolicy {
    /// What the terms say, in a sentence or two.
    pub text: String,
    /// Where and when they were read.
    pub source: String,
    /// Whether other software may use the flow at all.
    pub access: FlowAccess,
}

/// Whether software like this may use a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowAccess {
    /// Yes, with a client of the operator's own.
    Open,
    /// The provider keeps it for its own software. It is off until the operator, who must have the right to,
    /// supplies a client id and turns it on.
    Restricted,
}

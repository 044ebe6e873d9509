//! Tokens that read like the real ones.  They are not signed: the third part is there so that there are three.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::flavour::Flavour;
use super::settings::SandboxUser;

/// What the claims of a token are made from.
pub(super) struct Claims<'a> {
    pub(super) flavour: Flavour,
    pub(super) issuer: &'a str,
    pub(super) client: &'a str,
    pub(super) user: &'a SandboxUser,
    pub(super) scopes: &'a [String],
    pub(super) nonce: Option<&'a str>,
    /// Whether the organization is told.
    pub(super) organizations: bool,
    /// Unix seconds.
    pub(super) issued: i64,
    /// Unix seconds.
    pub(super) expires: i64,
    /// Tells apart tokens that are made in the same second.
    pub(super) serial: &'a str,
    /// What stands in the place of the signature, as it is.
    pub(super) word: Option<&'a str>,
}

/// A token that says who signed in.
pub(super) fn id_token(claims: &Claims<'_>) -> String {
    let mut body = claims.common();
    let audience =
        if claims.flavour == Flavour::Openai { json!([claims.client]) } else { claims.client.into() };
    body.insert("aud".into(), audience);
    put(&mut body, "email", claims.user.email.as_deref());
    if claims.user.email.is_some() {
        body.insert("email_verified".into(), true.into());
    }
    put(&mut body, "nonce", claims.nonce);
    if claims.flavour == Flavour::Openai {
        body.insert("https://api.openai.com/auth".into(), claims.openai(claims.organizations));
    }
    write(&body, claims.word)
}

/// An access token as OpenAI makes it, and as the standard server does.
pub(super) fn access_token(claims: &Claims<'_>) -> String {
    let mut body = claims.common();
    body.insert("client_id".into(), claims.client.into());
    if claims.flavour == Flavour::Openai {
        body.insert("aud".into(), json!(["https://api.openai.com/v1"]));
        body.insert("scp".into(), json!(claims.scopes));
        body.insert("https://api.openai.com/auth".into(), claims.openai(false));
        if let Some(email) = &claims.user.email {
            let profile = json!({"email": email, "email_verified": true});
            body.insert("https://api.openai.com/profile".into(), profile);
        }
    } else {
        body.insert("aud".into(), claims.issuer.into());
        body.insert("scope".into(), claims.scopes.join(" ").into());
    }
    write(&body, claims.word)
}

impl Claims<'_> {
    fn common(&self) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("iss".into(), self.issuer.into());
        body.insert("sub".into(), self.user.id.as_str().into());
        body.insert("iat".into(), self.issued.into());
        body.insert("exp".into(), self.expires.into());
        body.insert("jti".into(), self.serial.into());
        body
    }

    fn openai(&self, organizations: bool) -> Value {
        let mut auth = Map::new();
        auth.insert("chatgpt_user_id".into(), self.user.id.as_str().into());
        auth.insert("user_id".into(), self.user.id.as_str().into());
        put(&mut auth, "chatgpt_account_id", self.user.account.as_deref());
        put(&mut auth, "chatgpt_plan_type", self.user.plan.as_deref());
        if organizations && let Some(organization) = &self.user.organization {
            auth.insert("organization_id".into(), organization.as_str().into());
            auth.insert("project_id".into(), "proj-sandbox".into());
            auth.insert("completed_platform_onboarding".into(), true.into());
            auth.insert("is_org_owner".into(), true.into());
        }
        auth.into()
    }
}

fn put(body: &mut Map<String, Value>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        body.insert(name.into(), value.into());
    }
}

fn write(body: &Map<String, Value>, word: Option<&str>) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = encode(&json!({"alg": "none", "typ": "JWT"}));
    let signature = word.map_or_else(|| URL_SAFE_NO_PAD.encode("sandbox"), str::to_owned);
    format!("{header}.{}.{signature}", encode(&Value::Object(body.clone())))
}

//! The four servers in one: whose manners are played, and under which paths.

use serde::{Deserialize, Serialize};

/// Whose authorization server is played.
///
/// Each has its folder under `/oauth`, with the paths that the real one has under its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavour {
    /// By the book: RFC 6749, 7009, 7636, 8414, 8628 and 8693.
    Standard,
    /// `auth.openai.com`: JSON or form, its own device flow, codes of its own for refresh tokens.
    Openai,
    /// `claude.ai` and `api.anthropic.com`: the state is wanted again when the code is exchanged.
    Anthropic,
    /// `accounts.google.com` and `oauth2.googleapis.com`: refresh tokens stay, and a refresh brings none.
    Google,
}

/// The addresses of one server, to configure a client with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AuthorizationEndpoints {
    /// The issuer of RFC 8414; the other addresses are below it.
    pub issuer: String,
    /// Where the browser is sent.
    pub authorize: String,
    /// Where codes, refresh tokens, device codes and subject tokens are exchanged.
    pub token: String,
    /// RFC 7009; Anthropic has none that is documented.
    pub revoke: Option<String>,
    /// Who signed in, for an access token; standard and Google have it.
    pub userinfo: Option<String>,
    /// Where a device flow begins; Anthropic has none.
    pub device: Option<String>,
    /// Where OpenAI's device flow is polled; the others poll `token`.
    pub device_poll: Option<String>,
    /// Where the user types the code of a device; Anthropic has none.
    pub device_page: Option<String>,
    /// The redirect address that a code of OpenAI's device flow is exchanged with; nobody is sent there.
    pub device_redirect: Option<String>,
    /// A redirect address that shows `code#state` to be copied, for programs without a listener.
    pub paste: String,
}

/// What a path under a flavour's folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Authorize,
    Token,
    Revoke,
    Userinfo,
    Device,
    DevicePoll,
    DevicePage,
    /// The page that shows a code to be copied.
    Paste,
    /// RFC 8414 and OpenID Connect Discovery.
    Metadata,
}

/// The well-known documents.  RFC 8414 puts the issuer's path behind the name, OpenID puts the name behind the
/// path; both are served both ways.
const METADATA: [&str; 2] = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];

const ROOT: &str = "/oauth";

impl Flavour {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Standard, Self::Openai, Self::Anthropic, Self::Google];

    /// The name of its folder, such as `openai`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
            Self::Google => "google",
        }
    }

    /// The flavour of a name.
    pub(in super::super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flavour| flavour.name() == name)
    }

    pub(super) fn endpoints(self, origin: &str) -> AuthorizationEndpoints {
        let issuer = self.issuer(origin);
        let at = |place| self.path(place).map(|path| format!("{issuer}{path}"));
        let always = |place| at(place).unwrap_or_else(|| issuer.clone());
        AuthorizationEndpoints {
            authorize: always(Place::Authorize),
            token: always(Place::Token),
            revoke: at(Place::Revoke),
            userinfo: at(Place::Userinfo),
            device: at(Place::Device),
            device_poll: at(Place::DevicePoll),
            device_page: at(Place::DevicePage),
            device_redirect: (self == Self::Openai).then(|| format!("{issuer}/deviceauth/callback")),
            paste: always(Place::Paste),
            issuer,
        }
    }

    pub(super) fn issuer(self, origin: &str) -> String {
        format!("{origin}{ROOT}/{}", self.name())
    }

    fn path(self, place: Place) -> Option<&'static str> {
        PATHS.iter().find(|(flavour, known, _)| *flavour == self && *known == place).map(|(_, _, path)| *path)
    }
}

const PATHS: [(Flavour, Place, &str); 27] = {
    use Flavour::{Anthropic, Google, Openai, Standard};
    use Place::{Authorize, Device, DevicePage, DevicePoll, Paste, Revoke, Token, Userinfo};
    [
        (Standard, Authorize, "/authorize"),
        (Standard, Token, "/token"),
        (Standard, Revoke, "/revoke"),
        (Standard, Userinfo, "/userinfo"),
        (Standard, Device, "/device_authorization"),
        (Standard, DevicePage, "/device"),
        (Standard, Paste, "/code"),
        (Openai, Authorize, "/oauth/authorize"),
        (Openai, Token, "/oauth/token"),
        (Openai, Revoke, "/oauth/revoke"),
        (Openai, Device, "/api/accounts/deviceauth/usercode"),
        (Openai, DevicePoll, "/api/accounts/deviceauth/token"),
        (Openai, DevicePage, "/codex/device"),
        (Openai, Paste, "/code"),
        (Anthropic, Authorize, "/oauth/authorize"),
        (Anthropic, Token, "/v1/oauth/token"),
        (Anthropic, Paste, "/oauth/code/callback"),
        // The second host of the real one has the token endpoint under the same path.
        (Anthropic, Token, "/oauth/token"),
        (Google, Authorize, "/o/oauth2/v2/auth"),
        (Google, Token, "/token"),
        (Google, Revoke, "/revoke"),
        (Google, Userinfo, "/oauth2/v2/userinfo"),
        (Google, Device, "/device/code"),
        (Google, DevicePage, "/device"),
        (Google, Paste, "/authcode"),
        (Google, Authorize, "/o/oauth2/auth"),
        (Google, Userinfo, "/oauth2/v3/userinfo"),
    ]
};

/// Whether a path is the authorization server's.
pub(in super::super) fn is_authorization(path: &str) -> bool {
    let below =
        |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    below(ROOT) || METADATA.into_iter().any(below)
}

/// What a path means.
pub(super) fn find(path: &str) -> Option<(Flavour, Place)> {
    if let Some(rest) = METADATA.iter().find_map(|root| path.strip_prefix(root)) {
        return Some((Flavour::named(rest.strip_prefix(ROOT)?.strip_prefix('/')?)?, Place::Metadata));
    }
    let rest = path.strip_prefix(ROOT)?.strip_prefix('/')?;
    let (name, _) = rest.split_once('/')?;
    let (flavour, rest) = (Flavour::named(name)?, &rest[name.len()..]);
    if METADATA.contains(&rest) {
        return Some((flavour, Place::Metadata));
    }
    PATHS
        .iter()
        .find(|(known, _, path)| *known == flavour && *path == rest)
        .map(|(_, place, _)| (flavour, *place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_found_under_its_own_address() {
        for flavour in Flavour::ALL {
            let endpoints = flavour.endpoints("");
            assert_eq!(find(&endpoints.authorize), Some((flavour, Place::Authorize)));
            assert_eq!(find(&endpoints.token), Some((flavour, Place::Token)));
            for (url, place) in [
                (endpoints.revoke, Place::Revoke),
                (endpoints.userinfo, Place::Userinfo),
                (endpoints.device, Place::Device),
                (endpoints.device_poll, Place::DevicePoll),
                (endpoints.device_page, Place::DevicePage),
            ] {
                assert!(url.is_none_or(|url| find(&url) == Some((flavour, place))));
            }
            assert_eq!(find(&endpoints.paste), Some((flavour, Place::Paste)));
        }
        for path in METADATA {
            assert_eq!(find(&format!("{path}/oauth/google")), Some((Flavour::Google, Place::Metadata)));
            assert_eq!(find(&format!("/oauth/google{path}")), Some((Flavour::Google, Place::Metadata)));
        }
        for path in ["/oauth", "/oauth/", "/oauth/nobody/token", "/oauth/openai", "/oauth/openai/token"] {
            assert!(is_authorization(path) && find(path).is_none(), "{path}");
        }
        assert!(!is_authorization("/oauthx") && !is_authorization("/v1/models"));
    }
}

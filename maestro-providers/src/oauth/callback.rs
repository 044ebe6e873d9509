//! What comes back from a sign-in page: by the browser, or by the user's clipboard.

use maestro_core::{
    Error, ErrorKind, FieldError, Result, Retry, Secret,
    provider::{CodePaste, PendingAuthorization},
};
use url::Url;
use zeroize::Zeroizing;

use crate::answer::told;

/// The longest paste that is read; an address with a code has some hundred bytes.
const MAX_PASTE: usize = 16 << 10;

const OPERATION: &str = "read what came back from the sign-in";

/// What a request to a loopback listener is.
#[derive(Debug)]
pub enum Callback {
    /// Not the answer of this sign-in: another path, or a state that is missing or not ours. The listener waits on; only
    /// what carries the right state may end a sign-in.
    Stray,
    /// The server, or the user, said no.
    Refused(Error),
    /// The code.
    Code(CodePaste),
}

impl Callback {
    /// Reads the address of a request. Its path and its state are looked at first, then an error, then the code. The host
    /// does not matter: `localhost` and `127.0.0.1` are the same listener.
    pub fn read(pending: &PendingAuthorization, url: &Url) -> Self {
        let answer = Answer::of(url);
        let is_ours = answer.state.as_ref().is_some_and(|state| *state == pending.state);
        if url.path() != pending.redirect_uri.path() || !is_ours {
            return Self::Stray;
        }
        match answer.into_paste() {
            Ok(paste) => Self::Code(paste),
            Err(error) => Self::Refused(error),
        }
    }
}

/// Reads what a user pastes: `code#state`, a bare code, or the whole address that the browser was sent to.
///
/// [`ErrorKind::Invalid`] when it is empty, longer than 16 KiB, or nothing of the three; [`ErrorKind::Forbidden`] when
/// the address says that access was denied; [`ErrorKind::Unavailable`] when it says that the server failed;
/// [`ErrorKind::Unauthenticated`] when it tells of another error. Whether the state is the right one is looked at by
/// [`OAuthFlow::exchange`](maestro_core::provider::OAuthFlow::exchange).
///
/// ```
/// let pasted = maestro_providers::oauth::read_paste(" abc#xyz \n").unwrap();
/// assert_eq!((pasted.code.reveal(), pasted.state.unwrap().reveal()), ("abc", "xyz"));
/// assert!(maestro_providers::oauth::read_paste("abc").unwrap().state.is_none());
/// ```
pub fn read_paste(text: &str) -> Result<CodePaste> {
    let text = text.trim();
    if text.is_empty() {
        return Err(bad("is empty; paste the code from the page, or the whole address"));
    }
    if text.len() > MAX_PASTE {
        return Err(bad(format!("is longer than {MAX_PASTE} bytes, which no code is")));
    }
    if text.contains("://") {
        let url = Url::parse(text).map_err(|_| bad("looks like an address and is none"))?;
        return Answer::of(&url).into_paste();
    }
    // The query alone, as it is when only the end of an address was copied.
    let query = text.trim_start_matches('?');
    if ["code=", "state=", "error="].iter().any(|start| query.starts_with(start)) {
        return Answer::of_query(query).into_paste();
    }
    let (code, state) = match text.split_once('#') {
        Some((code, state)) => (code, Some(state).filter(|state| !state.is_empty())),
        None => (text, None),
    };
    Ok(CodePaste { code: secret(code)?, state: state.map(secret).transpose()? })
}

/// The parameters of an address to which a browser was sent (RFC 6749, section 4.1.2).
#[derive(Default)]
struct Answer {
    code: Option<Zeroizing<String>>,
    state: Option<Secret>,
    error: Option<String>,
    description: Option<String>,
}

impl Answer {
    fn of(url: &Url) -> Self {
        Self::of_query(url.query().unwrap_or_default())
    }

    /// The first of each parameter counts.
    fn of_query(query: &str) -> Self {
        let mut found = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let value = value.into_owned();
            match &*name {
                "code" if found.code.is_none() => found.code = Some(Zeroizing::new(value)),
                "state" if found.state.is_none() => found.state = Secret::new(value).ok(),
                "error" if found.error.is_none() => found.error = Some(value),
                "error_description" if found.description.is_none() => found.description = Some(value),
                _ => {}
            }
        }
        found
    }

    fn into_paste(self) -> Result<CodePaste> {
        if let Some(error) = self.error.as_deref().filter(|error| !error.is_empty()) {
            return Err(refused(error, self.description.as_deref()));
        }
        match self.code {
            Some(code) if !code.is_empty() => Ok(CodePaste { code: secret(&code)?, state: self.state }),
            _ => Err(bad("is an address without a code")),
        }
    }
}

/// The error that an address tells (RFC 6749, section 4.1.2.1).
fn refused(code: &str, description: Option<&str>) -> Error {
    let kind = match code {
        "access_denied" => ErrorKind::Forbidden,
        "server_error" | "temporarily_unavailable" => ErrorKind::Unavailable,
        _ => ErrorKind::Unauthenticated,
    };
    let description = description.filter(|description| !description.trim().is_empty());
    let error = Error::new(kind, "sign in").with_retry(Retry::Never).with_code(told(code));
    let error = match description {
        Some(description) => error.because(told(description)),
        None => error.because(format!("the server answered {}", told(code))),
    };
    match (kind, description) {
        (ErrorKind::Forbidden, Some(text)) if text.contains("missing_codex_entitlement") => {
            error.advise("the administrator of the workspace has not turned this sign-in on")
        }
        (ErrorKind::Unavailable, _) => error.advise("begin the sign-in anew in a while"),
        _ => error,
    }
}

fn secret(text: &str) -> Result<Secret> {
    Secret::new(text).map_err(|_| bad("is not a code: it is empty, or has white space within"))
}

fn bad(problem: impl Into<String>) -> Error {
    Error::invalid(OPERATION, [FieldError::new("code", problem)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending() -> PendingAuthorization {
        PendingAuthorization {
            url: "https://auth.example/authorize".parse().unwrap(),
            redirect_uri: "http://localhost:1455/auth/callback".parse().unwrap(),
            state: Secret::new("the-state").unwrap(),
            verifier: Secret::new("the-verifier").unwrap(),
        }
    }

    fn read(url: &str) -> Callback {
        Callback::read(&pending(), &url.parse().unwrap())
    }

    #[test]
    fn a_code_comes_in_every_form_that_pages_and_browsers_have() {
        for (text, code, state) in [
            ("c0de#st4te", "c0de", Some("st4te")),
            ("  c0de#st4te\n", "c0de", Some("st4te")),
            ("c0de", "c0de", None),
            ("c0de#", "c0de", None),
            ("http://localhost:1455/auth/callback?code=c0de&state=st4te", "c0de", Some("st4te")),
            ("http://127.0.0.1:1/cb?state=st4te&code=4%2F0Ab%2B&scope=a+b", "4/0Ab+", Some("st4te")),
            ("https://a.example/cb?code=c0de", "c0de", None),
            ("?code=c0de&state=st4te", "c0de", Some("st4te")),
            ("code=c0de&state=st4te", "c0de", Some("st4te")),
        ] {
            let pasted = read_paste(text).unwrap();
            assert_eq!(pasted.code.reveal(), code, "{text}");
            assert_eq!(pasted.state.as_ref().map(Secret::reveal), state, "{text}");
        }
    }

    #[test]
    fn what_is_no_code_is_refused_and_not_repeated() {
        let long = "canary".repeat(10_000);
        for text in
            ["", " ", "#canary", "can ary", "http://canary", "https://a/?state=canary", "://canary", &long]
        {
            let error = read_paste(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{text}");
            assert_eq!(error.fields()[0].field, "code");
            assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
        }
    }

    #[test]
    fn an_error_in_the_address_is_told_with_its_description() {
        let denied =
            read_paste("http://localhost:1/cb?error=access_denied&error_description=The+user+said+no");
        let denied = denied.unwrap_err();
        assert_eq!((denied.kind(), denied.code()), (ErrorKind::Forbidden, Some("access_denied")));
        assert!(denied.to_string().contains("The user said no"), "{denied}");
        let failed = read_paste("http://localhost:1/cb?error=server_error&code=x").unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::Unavailable);
        let other = read_paste("http://localhost:1/cb?error=invalid_scope").unwrap_err();
        assert_eq!(other.kind(), ErrorKind::Unauthenticated);
        let codex = "http://a/?error=access_denied&error_description=x+missing_codex_entitlement";
        assert!(read_paste(codex).unwrap_err().to_string().contains("administrator"));
    }

    #[test]
    fn only_the_right_path_and_state_end_a_sign_in() {
        let good = "http://127.0.0.1:1455/auth/callback?code=c0de&state=the-state";
        assert!(matches!(read(good), Callback::Code(paste) if paste.code.reveal() == "c0de"));
        for stray in [
            "http://localhost:1455/favicon.ico",
            "http://localhost:1455/auth/callback",
            "http://localhost:1455/auth/callback?code=c0de",
            "http://localhost:1455/auth/callback?code=c0de&state=another",
            "http://localhost:1455/auth/callback?error=access_denied",
            "http://localhost:1455/auth/callback?error=access_denied&state=another",
            "http://localhost:1455/other?code=c0de&state=the-state",
        ] {
            assert!(matches!(read(stray), Callback::Stray), "{stray}");
        }
        for refused in ["error=access_denied&state=the-state", "state=the-state", "code=&state=the-state"] {
            let url = format!("http://localhost:1455/auth/callback?{refused}");
            assert!(matches!(read(&url), Callback::Refused(_)), "{url}");
        }
    }
}

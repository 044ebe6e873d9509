//! OAuth: one engine for every authorization server (requirements M-P2, M-P8, M-P9).
//!
//! What differs from server to server is data, an [`OAuthProfile`]; the providers that sign people in have theirs in
//! `oauth.rs` (`openai::oauth_profile()` and its neighbours), and a [`ProfileFile`] describes any other. An [`OAuth`] is
//! such a profile with the client that the operator registered, and does the work: authorization with PKCE, codes that
//! come back by loopback or by hand, devices, refresh, revocation, and the key that tokens can buy.
//!
//! ```
//! use maestro_core::provider::{OAuthClient, OAuthFlow as _};
//! use maestro_providers::oauth::{OAuth, read_paste};
//!
//! # fn main() -> maestro_core::Result<()> {
//! # #[cfg(feature = "gemini")] {
//! let client = OAuthClient {
//!     profile: maestro_providers::gemini::oauth_profile(),
//!     client_id: "my-client.apps.googleusercontent.com".into(),
//!     client_secret: None,
//! };
//! let oauth = OAuth::new(client)?;
//! let pending = oauth.authorize(&"http://127.0.0.1:49152/callback".parse().unwrap())?;
//! assert!(pending.url.as_str().contains("code_challenge_method=S256"));
//! // The user opens the address, signs in, and brings back what the browser was sent to:
//! let pasted = read_paste("http://127.0.0.1:49152/callback?code=4%2F0A&state=xyz")?;
//! assert!(pasted.state.is_some());
//! # }
//! # Ok(())
//! # }
//! ```

mod ask;
mod authorize;
mod callback;
pub(crate) mod claims;
mod device;
mod discovery;
mod engine;
mod key;
mod mode;
mod profile_file;
mod refusal;
mod reply;

pub use self::{
    callback::{Callback, read_paste},
    discovery::{ServerMetadata, discover},
    engine::OAuth,
    mode::{ModeChoice, ModeDecision, SignInMode, decide_mode},
    profile_file::ProfileFile,
};
pub use maestro_core::provider::OAuthProfile;

/// The profiles that are built in: those of the providers whose features are on.
pub fn builtin_profiles() -> Vec<OAuthProfile> {
    vec![
        #[cfg(feature = "anthropic")]
        crate::anthropic::oauth_profile(),
        #[cfg(feature = "gemini")]
        crate::gemini::oauth_profile(),
        #[cfg(feature = "openai")]
        crate::openai::oauth_profile(),
    ]
}

//! What was counted, in all and for each sign-in.

use serde::Serialize;

use super::flavour::Flavour;

/// How often each thing happened since the start of the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OauthCounters {
    /// Codes given out, OpenAI's device codes included.
    pub codes_issued: u64,
    /// Codes exchanged for tokens.
    pub codes_used: u64,
    /// Codes that came a second time.
    pub codes_reused: u64,
    /// Refresh tokens that were accepted and, where they rotate, replaced.
    pub refreshes: u64,
    /// Refresh tokens that came again and were answered with the same successor.
    pub reuses_within_grace: u64,
    /// Refresh tokens that came again and revoked their family.
    pub reuses_detected: u64,
    /// Families that were revoked: by reuse of a code or a refresh token, or on demand.
    pub families_revoked: u64,
    /// Tokens exchanged for an API key.
    pub exchanges: u64,
    /// Device flows begun.
    pub device_starts: u64,
    /// Polls of device flows, whatever they were answered.
    pub device_polls: u64,
    /// Requests to the token, device and revocation endpoints that were refused, by any rule but not by a scenario; a
    /// device that still waits is none.  Counted in all only, since a refused request may belong to no family.
    pub refused: u64,
}

/// All that came of one sign-in: its code or device, its tokens and their successors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TokenFamily {
    /// Counted from 1, in the order of the sign-ins.
    pub number: u64,
    /// Whose server it was.
    pub flavour: Flavour,
    /// The `client_id`.
    pub client: String,
    /// The scopes that were granted.
    pub scopes: Vec<String>,
    /// Whether it was revoked; none of its tokens is accepted any more.
    pub revoked: bool,
    /// What was counted of it.
    pub counters: OauthCounters,
}

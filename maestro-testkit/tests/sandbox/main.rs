//! What the sandbox promises: streams as the providers send them, their refusals, faults on demand, a journal
//! without secrets.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "clippy excuses test functions, not what they share; bodies written in place read best by value"
)]

mod chatgpt;
mod client;
mod code_assist;
mod faults;
mod oauth;
mod oauth_bearers;
mod oauth_codes;
mod oauth_devices;
mod oauth_faults;
mod oauth_refresh;
mod robust;
mod server;
mod streams;
mod strict_anthropic;
mod strict_gemini;
mod strict_openai;

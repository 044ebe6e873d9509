//! What the sandbox promises: streams as the providers send them, their refusals, faults on demand, a journal
//! without secrets.

mod client;
mod faults;
mod server;
mod streams;
mod strict_anthropic;
mod strict_gemini;
mod strict_openai;

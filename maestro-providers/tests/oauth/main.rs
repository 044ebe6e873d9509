//! Sign-ins, against scripted authorization servers.

mod authorize;
mod chatgpt;
mod codes;
mod devices;
mod given;
mod keys;
mod laws;
mod refresh;
mod secrets;

//! The commands, a file each.

pub(crate) mod auth;
pub(crate) mod chat;
pub(crate) mod context;
pub(crate) mod decode;
pub(crate) mod models;
pub(crate) mod rotate_key;
pub(crate) mod sandbox;
pub(crate) mod session;
pub(crate) mod thread;

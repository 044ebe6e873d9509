//! The commands, a file each.

pub(crate) mod auth;
pub(crate) mod chat;
pub(crate) mod context;
pub(crate) mod decode;
pub(crate) mod e2e;
pub(crate) mod login;
pub(crate) mod models;
pub(crate) mod rotate_key;
pub(crate) mod sandbox;
pub(crate) mod session;
pub(crate) mod session_file;
pub(crate) mod sign_ins;
pub(crate) mod store;
pub(crate) mod thread;
pub(crate) mod worker;

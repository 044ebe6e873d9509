//! One store, all contexts.

use crate::{auth::Auth, conversations::Conversations, supplied_context::SuppliedContext};

/// A store: one type that implements every context, used as `Arc<dyn Store>`.
pub trait Store: Auth + Conversations + SuppliedContext {}

impl<T: Auth + Conversations + SuppliedContext + ?Sized> Store for T {}

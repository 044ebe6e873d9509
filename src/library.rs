//! Texts of the library at a version, which never change and so are read once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use maestro_core::{
    Result, Store,
    conversations::{ItemUse, Session},
    supplied_context::SuppliedContextExt as _,
};

/// How many texts are kept at the most; then all are forgotten and read again as they are used.
const KEPT: usize = 256;

/// The texts that have been read.
#[derive(Default)]
pub(crate) struct Library {
    texts: Mutex<HashMap<ItemUse, Arc<str>>>,
}

impl Library {
    /// The instructions of a session: its persona, then its system prompts, each at the version that it recorded.
    pub(crate) async fn instructions(&self, store: &dyn Store, session: &Session) -> Result<Vec<Arc<str>>> {
        let mut texts = Vec::new();
        for used in session.persona.iter().chain(&session.system_prompts) {
            texts.push(self.text(store, *used).await?);
        }
        Ok(texts)
    }

    async fn text(&self, store: &dyn Store, used: ItemUse) -> Result<Arc<str>> {
        if let Some(text) = self.texts.lock().unwrap_or_else(PoisonError::into_inner).get(&used) {
            return Ok(text.clone());
        }
        let version = store.item_text_at(used.item_id, used.version).await?;
        let text: Arc<str> = version.text.as_str().into();
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if texts.len() >= KEPT {
            texts.clear();
        }
        texts.insert(used, text.clone());
        Ok(text)
    }
}

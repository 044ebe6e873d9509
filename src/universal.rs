//! The universal provider interface (requirement M-P1): every provider operation by the name of a saved authentication.
//!
//! In the requirements' words a *session* here is a saved authentication, not a conversation.

use maestro_core::{
    Error, ErrorKind, Id, Result,
    auth::{AuthExt as _, AuthName, AuthQuery, AuthRef, AuthType, Credentials, SavedAuthentication},
    chat::{ChatRequest, Effort, Message, ToolDefinition},
    conversations::{ChunkRef, ChunkState, ContextChunk, LineageRange, Thread},
    provider::{Capabilities, ModelId, ModelInfo, ProviderId},
};

use crate::{ChatStream, Maestro, Save, Target};

/// Every provider operation, by the name or id of a saved authentication. Made by [`Maestro::universal`].
#[derive(Debug, Clone, Copy)]
pub struct Universal<'a> {
    maestro: &'a Maestro,
}

/// How [`Universal::stream_chat`] asks; what is absent is left to the provider.
#[derive(Debug, Clone)]
pub struct ChatOptions {
    /// The model to ask.
    pub model: ModelId,
    /// Instructions that stand before the conversation.
    pub system: Option<String>,
    /// The tools that the model may call.
    pub tools: Vec<ToolDefinition>,
    /// The most tokens to write.
    pub max_output_tokens: Option<u32>,
    /// How hard to think.
    pub effort: Option<Effort>,
}

impl ChatOptions {
    /// Asks `model`, with everything else as the provider has it.
    pub const fn new(model: ModelId) -> Self {
        Self { model, system: None, tools: Vec::new(), max_output_tokens: None, effort: None }
    }
}

impl Maestro {
    /// The universal provider interface.
    pub const fn universal(&self) -> Universal<'_> {
        Universal { maestro: self }
    }
}

impl Universal<'_> {
    /// Saves credentials under a name. Errors as at [`Maestro::save_credentials`].
    pub async fn create_session(
        &self,
        provider: &ProviderId,
        auth_type: AuthType,
        name: AuthName,
        credentials: &Credentials,
    ) -> Result<SavedAuthentication> {
        let reference = AuthRef::new(provider.clone(), auth_type, name);
        self.maestro.save_credentials(&reference, credentials, Save::Create).await
    }

    /// Removes credentials. Removing what is not there is no error (requirement M-A3).
    pub async fn delete_session(
        &self,
        provider: &ProviderId,
        auth_type: AuthType,
        session: &str,
    ) -> Result<()> {
        let found = match self.find(provider, Some(auth_type), session).await {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        match self.maestro.store().auth_delete(found.id).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The models that a saved authentication can use.
    pub async fn list_models(
        &self,
        provider: &ProviderId,
        auth_type: AuthType,
        session: &str,
    ) -> Result<Vec<ModelInfo>> {
        let target = self.maestro.target(&self.find(provider, Some(auth_type), session).await?)?;
        self.maestro.list_models(&target).await
    }

    /// Streams one answer, and keeps nothing. See [`Maestro::stream_chat`].
    pub async fn stream_chat(
        &self,
        provider: &ProviderId,
        session: &str,
        messages: Vec<Message>,
        options: ChatOptions,
    ) -> Result<ChatStream> {
        let target = self.maestro.target(&self.find(provider, None, session).await?)?;
        let ChatOptions { model, system, tools, max_output_tokens, effort } = options;
        let mut request = ChatRequest::new(model, messages);
        request.system.extend(system.map(Into::into));
        request.tools = tools;
        request.max_output_tokens = max_output_tokens;
        request.effort = effort;
        self.maestro.stream_chat(&target, request).await
    }

    /// What will be sent to the model from a thread, piece by piece.
    pub async fn list_context_chunks(&self, thread: Id<Thread>) -> Result<Vec<ContextChunk>> {
        Ok(self.maestro.store().lineage(thread, LineageRange::All).await?.chunks())
    }

    /// Leaves a piece out of what is sent from a thread and its forks; history stays as it is (requirement M-C7).
    pub async fn delete_context_chunk(&self, thread: Id<Thread>, chunk: ChunkRef) -> Result<()> {
        self.maestro.store().chunk_mark(thread, chunk, ChunkState::Excluded, self.maestro.now()).await
    }

    /// The names of all providers, sorted.
    pub fn list_providers(&self) -> Vec<ProviderId> {
        self.maestro.registry().list().cloned().collect()
    }

    /// What a provider can do, computed from what it implements. [`ErrorKind::NotFound`] names the known providers.
    pub fn provider_capabilities(&self, provider: &ProviderId) -> Result<Capabilities> {
        Ok(Capabilities::of(self.maestro.registry().provider(provider)?))
    }

    /// A saved authentication by name or id.
    async fn find(
        &self,
        provider: &ProviderId,
        auth_type: Option<AuthType>,
        session: &str,
    ) -> Result<SavedAuthentication> {
        self.maestro.registry().provider(provider)?;
        if let Ok(id) = session.parse() {
            let found = self.maestro.store().auth_get(id).await?;
            let fits =
                found.provider == *provider && auth_type.is_none_or(|auth_type| auth_type == found.auth_type);
            return if fits {
                Ok(found)
            } else {
                Err(Error::not_found("find authentication", format_args!("{id} of {provider}")))
            };
        }
        let query =
            AuthQuery { provider: Some(provider.clone()), auth_type, name: Some(AuthName::new(session)?) };
        self.maestro.store().auth_only(&query).await
    }
}

impl Maestro {
    /// The models that a target can use, in the provider's order.
    pub async fn list_models(&self, target: &Target) -> Result<Vec<ModelInfo>> {
        let models = self.registry().models(&target.provider)?;
        models.list_models(self.http(), &self.ready(target).await?.endpoint).await
    }
}

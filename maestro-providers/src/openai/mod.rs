//! OpenAI: the Responses API.

mod decoder;

use maestro_core::chat::ApiId;

pub use decoder::Decoder;

/// The name of the wire protocol.
pub const API: ApiId = ApiId::from_static("openai-responses");

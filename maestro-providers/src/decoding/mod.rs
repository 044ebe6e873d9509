//! What the stream decoders share: reading JSON, ids for calls that have none, errors in a provider's words.

mod call_id;
mod fault;
mod fields;
mod json;
mod openai_error;

pub(crate) use call_id::made_up;
pub(crate) use fault::{Fault, not_json, wait_from_words};
pub(crate) use fields::{Flag, Index, Raw, Str, Text, Tokens, object};
pub(crate) use json::{Json, Malformed, Read, elements, read, read_into};
pub(crate) use openai_error::openai_error;

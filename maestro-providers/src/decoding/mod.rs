//! What the stream decoders share: lenient JSON fields, ids for calls that have none, errors in a provider's words.

mod call_id;
mod fault;
mod fields;
mod fill;
mod openai_error;

pub(crate) use call_id::made_up;
pub(crate) use fault::{Fault, not_json, wait_from_words};
pub(crate) use fields::{Flag, Index, Str, Text, Tokens};
pub(crate) use fill::{Fill, List, Object, fill, skip};
pub(crate) use openai_error::openai_error;

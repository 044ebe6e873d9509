//! placeholder
/// x
#[derive(Default)]
pub struct Decoder;

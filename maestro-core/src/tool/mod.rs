//! Tool calls: why a tool is called (requirement M-I1).

mod intent;

pub use intent::{Intent, Purpose, RiskLevel};

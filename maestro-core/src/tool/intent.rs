//! The intent of a tool call, stored with the conversation and open to audits.

use serde::{Deserialize, Serialize};

/// Why a tool is called, what it may touch, and how much can go wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// What the call is for.
    pub purpose: Purpose,
    /// What the call may touch, such as a path or a host.
    pub scope: String,
    /// How much can go wrong.
    pub risk_level: RiskLevel,
}

/// What a tool call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To make tests pass.
    TestPass,
    /// To follow good practice.
    BestPractice,
    /// To keep things in order.
    Maintenance,
}

/// How much can go wrong when a tool runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskLevel {
    /// It only reads, or what it does is easily undone.
    Low,
    /// It changes things within its scope.
    Medium,
    /// It can destroy, spend or publish.
    High,
}

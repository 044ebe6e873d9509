//! The models the sandbox says it has.

/// A model.
pub(super) struct Model {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) reasons: bool,
    /// RFC 3339.
    pub(super) created: &'static str,
    /// Unix seconds of the same moment.
    pub(super) created_seconds: u64,
}

/// All of them, newest first; enough for three pages of two.
pub(super) const MODELS: [Model; 5] = [
    model("sandbox-reasoning", "Sandbox Reasoning", true, 5),
    model("sandbox-large", "Sandbox Large", false, 4),
    model("sandbox-small", "Sandbox Small", false, 3),
    model("sandbox-reasoning-mini", "Sandbox Reasoning Mini", true, 2),
    model("sandbox-legacy", "Sandbox Legacy", false, 1),
];

/// Input tokens a model is said to take, and output tokens it is said to give.
pub(super) const LIMITS: (u64, u64) = (200_000, 64_000);

/// Names that begin so are accepted too, that clients with real names may be pointed here.
const FAMILIES: [&str; 6] = ["sandbox-", "gpt-", "o1", "o3", "o4", "claude-"];
const GEMINI: &str = "gemini-";

/// Names that contain one of these are unknown whatever they begin with.
const UNKNOWN: [&str; 4] = ["nonexistent", "does-not-exist", "unknown", "no-such"];

/// Whether a model of this name may be asked.
pub(super) fn exists(name: &str) -> bool {
    !UNKNOWN.iter().any(|part| name.contains(part))
        && (FAMILIES.iter().any(|family| name.starts_with(family)) || name.starts_with(GEMINI))
}

/// Whether a model of this name reasons without being asked to.
pub(super) fn reasons(name: &str) -> bool {
    name.contains("reasoning")
}

const fn model(id: &'static str, name: &'static str, reasons: bool, day: u64) -> Model {
    const DAYS: [&str; 6] = [
        "2026-01-01T00:00:00Z",
        "2026-01-02T00:00:00Z",
        "2026-01-03T00:00:00Z",
        "2026-01-04T00:00:00Z",
        "2026-01-05T00:00:00Z",
        "2026-01-06T00:00:00Z",
    ];
    let created = DAYS[day as usize];
    Model { id, name, reasons, created, created_seconds: super::ids::CREATED + day * 86_400 }
}

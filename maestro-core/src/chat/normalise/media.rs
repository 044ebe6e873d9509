//! Pictures, documents and sound, and what stands for them where they cannot go.

use super::{Carries, MediaRule};
use crate::chat::{ApiId, Document, Media, Text};

/// Whether a target of these rules takes this.
pub(super) fn carries(rule: &MediaRule, api: &ApiId, media: &Media) -> bool {
    match media {
        Media::Bytes { media_type, .. } => rule.carries_bytes(media_type),
        Media::Url { .. } => rule.urls == Carries::Yes,
        Media::FileRef { api: owner, .. } => owner == api && rule.file_refs == Carries::Yes,
    }
}

/// What is said of media in a report: the kind, and the media type or the way in which they are given.
pub(super) fn describe(kind: &str, media: &Media) -> String {
    match media {
        Media::Bytes { media_type, .. } => format!("{kind} ({media_type})"),
        Media::Url { .. } => format!("{kind} at an address"),
        Media::FileRef { api, .. } => format!("{kind} in a file of {api}"),
    }
}

/// The text that is sent in place of media that cannot go.
pub(super) fn note(kind: &str, media: &Media) -> String {
    match media {
        Media::Bytes { media_type, .. } => format!("[{kind} ({media_type}) left out]"),
        Media::Url { url, .. } => format!("[{kind}: {url}]"),
        Media::FileRef { .. } => format!("[{kind} left out]"),
    }
}

/// The words of a document that is nothing but text.
pub(super) fn words(document: &Document) -> Option<String> {
    let Media::Bytes { media_type, data } = &document.media else { return None };
    let is_text = media_type.starts_with("text/") || media_type == "application/json";
    let text = std::str::from_utf8(data).ok().filter(|text| is_text && !text.trim().is_empty())?;
    Some(match &document.title {
        Some(title) => format!("{title}\n\n{text}"),
        None => text.to_owned(),
    })
}

/// A text without anything else.
pub(super) const fn plain(text: String) -> Text {
    Text { text, citations: Vec::new(), seal: None }
}

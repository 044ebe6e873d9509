//! Pictures from files, as parts of what is said.

use std::path::Path;

use maestro::{
    Error, ErrorKind, Result,
    core::chat::{Image, Media, Part, PartKind},
};

use crate::exit::invalid;

/// The most bytes of a picture. Providers take between 5 and 20 MiB.
const MOST_BYTES: u64 = 20 << 20;

/// Reads a picture. What it is is told by its first bytes and never by its name.
pub(crate) fn read(path: &Path) -> Result<Part> {
    let unreadable = |error: std::io::Error| {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Unavailable,
        };
        Error::new(kind, "read picture").on(path.display()).because(error.to_string())
    };
    let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
    if bytes > MOST_BYTES {
        let problem = format!("has {bytes} bytes, more than any provider takes ({MOST_BYTES})");
        return Err(invalid("read picture", "image", problem).on(path.display()));
    }
    let data = std::fs::read(path).map_err(unreadable)?;
    let Some(media_type) = media_type(&data) else {
        let problem = "is not a picture that providers take: PNG, JPEG, GIF or WebP";
        return Err(invalid("read picture", "image", problem).on(path.display()));
    };
    let media = Media::Bytes { media_type: media_type.into(), data: data.into() };
    Ok(Part::new(PartKind::Image(Image { media, detail: None, seal: None })))
}

fn media_type(data: &[u8]) -> Option<&'static str> {
    match data {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_known_by_its_first_bytes() {
        assert_eq!(media_type(b"\x89PNG\r\n\x1a\n..."), Some("image/png"));
        assert_eq!(media_type(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        assert_eq!(media_type(b"%PDF-1.7"), None);
        assert_eq!(media_type(b""), None);
    }
}

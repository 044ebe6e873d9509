//! The bytes of one answer, cut in other places: the events must be the same.

use maestro::{
    Error, ErrorKind,
    core::stream::{Parser, StreamDecoder},
};

use super::runner::{Done, wrong};
use crate::{event_lines::EventLine, output::JsonLines};

/// In pieces of how many bytes an answer is parsed once more: byte by byte, and at odd places.
const PIECES: [usize; 4] = [1, 3, 61, 4093];

const OPERATION: &str = "cut an answer elsewhere";

/// Parses the bytes of an answer whole and in pieces, and compares what comes with what was streamed.
pub(super) fn check(
    decoder: impl Fn() -> maestro::Result<Box<dyn StreamDecoder>>,
    bytes: &[u8],
    streamed: &[u8],
) -> Done<()> {
    if bytes.is_empty() {
        return Err(wrong(OPERATION, "no byte of the answer was kept"));
    }
    for size in PIECES.into_iter().chain([bytes.len()]) {
        if events(decoder()?, bytes, size)? != streamed {
            return Err(wrong(OPERATION, format!("in pieces of {size} bytes other events come")));
        }
    }
    let events = streamed.iter().filter(|byte| **byte == b'\n').count();
    Ok((
        (),
        format!("{} bytes, whole and in pieces of 1, 3, 61 and 4093: the same {events} events", bytes.len()),
    ))
}

/// The events of an answer as lines of JSON.
fn events(decoder: Box<dyn StreamDecoder>, bytes: &[u8], size: usize) -> maestro::Result<Vec<u8>> {
    let mut parser = Parser::new(decoder);
    let mut lines = JsonLines::default();
    for piece in bytes.chunks(size).map(Some).chain([None]) {
        match piece {
            Some(piece) => parser.push(piece),
            None => parser.finish(),
        }
        while let Some(event) = parser.next_event() {
            lines
                .push(&EventLine::of(&event))
                .map_err(|error| Error::new(ErrorKind::Internal, OPERATION).caused_by(error))?;
        }
    }
    Ok(lines.into_bytes())
}

#[cfg(test)]
mod tests {
    use maestro::providers::anthropic::Decoder;

    use super::*;

    fn answer() -> Vec<u8> {
        maestro_testkit::streams::anthropic(20, "é✔ word ").concat()
    }

    fn decoder() -> maestro::Result<Box<dyn StreamDecoder>> {
        Ok(Box::new(Decoder::new()))
    }

    #[test]
    fn the_same_bytes_pass() {
        let streamed = events(decoder().unwrap(), &answer(), 7).unwrap();
        let ((), detail) = check(decoder, &answer(), &streamed).unwrap();
        assert!(detail.contains("the same 2"), "{detail}");
    }

    #[test]
    fn other_events_and_none_at_all_do_not() {
        let streamed = events(decoder().unwrap(), &answer(), 7).unwrap();
        let other = String::from_utf8(answer()).unwrap().replacen("word", "words", 1);
        let error = check(decoder, other.as_bytes(), &streamed).unwrap_err();
        assert!(error.to_string().contains("in pieces of 1 bytes"), "{error}");
        assert!(check(decoder, b"", &streamed).is_err());
    }
}

//! From events to bytes on the wire: framing, chunks, delays, and everything that goes wrong on the way.

use std::collections::VecDeque;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;

use super::answer::{Event, Frames, Framing};
use super::journal::{Outcome, Ticket};
use super::scenario::{ErrorScript, LineEnding, StreamScript};

/// How long the connection has to take what was written before it is broken, so that the events before a cut
/// arrive.
const FLUSH: Duration = Duration::from_millis(20);

/// What the body does next.
#[derive(Debug, PartialEq)]
enum Step {
    Send(Bytes),
    Wait(Duration),
    Stall,
    Cut,
}

/// The error that makes the server break the connection; nobody sees it.
#[derive(Debug, thiserror::Error)]
#[error("the scenario breaks the connection here")]
struct Broken;

/// The body of a stream.  `error` gives the provider's in-band error events when the script asks for them.
pub(super) fn stream(
    frames: &Frames,
    script: &StreamScript,
    first_byte: Option<Duration>,
    error: impl FnOnce(&ErrorScript, usize) -> Vec<Event>,
    ticket: Ticket,
) -> Body {
    let (steps, outcome) = plan(frames, script, first_byte, error);
    body(steps, outcome, ticket)
}

/// The body of an answer that is not streamed.
pub(super) fn whole(
    bytes: Bytes,
    script: &StreamScript,
    first_byte: Option<Duration>,
    ticket: Ticket,
) -> Body {
    let plain = script.chunk_bytes.is_none()
        && script.cut_after_events.is_none()
        && script.stall_after_events.is_none()
        && first_byte.is_none();
    if plain {
        // With its length known, hyper sends it with `content-length`, as the providers do.
        ticket.close(Outcome::Complete);
        return Body::from(bytes);
    }
    let mut steps: Vec<Step> = first_byte.map(Step::Wait).into_iter().collect();
    let half = bytes.len() / 2;
    let (first, second) = (bytes.slice(..half), bytes.slice(half..));
    steps.push(Step::Send(first));
    let mut outcome = Outcome::Complete;
    if script.cut_after_events.is_some() {
        steps.push(Step::Cut);
        outcome = Outcome::Cut;
    } else {
        if script.stall_after_events.is_some() {
            steps.push(stall(script));
        }
        steps.push(Step::Send(second));
    }
    body(rechunk(steps, script.chunk_bytes), outcome, ticket)
}

/// A body that breaks the connection at once: the client gets no byte of the answer, or its headers at most.
pub(super) fn lost(ticket: Ticket) -> Body {
    ticket.close(Outcome::Cut);
    Body::from_stream(futures_util::stream::once(async { Err::<Bytes, _>(Broken) }))
}

fn plan(
    frames: &Frames,
    script: &StreamScript,
    first_byte: Option<Duration>,
    error: impl FnOnce(&ErrorScript, usize) -> Vec<Event>,
) -> (Vec<Step>, Outcome) {
    let total = frames.events.len();
    let at = |place: Option<usize>| place.map(|place| place.min(total));
    let (cut, end, stalled) =
        (at(script.cut_after_events), at(script.end_after_events), at(script.stall_after_events));
    let failed = at(script.error_after_events.as_ref().map(|error| error.events));
    let mut error = Some(error);

    let mut steps: Vec<Step> = first_byte.map(Step::Wait).into_iter().collect();
    let mut writer = Writer { script, framing: frames.framing, written: 0 };
    let mut outcome = Outcome::Complete;
    for place in 0..=total {
        if stalled == Some(place) {
            steps.push(stall(script));
        }
        if cut == Some(place) {
            steps.push(Step::Cut);
            outcome = Outcome::Cut;
            break;
        }
        if failed == Some(place)
            && let (Some(script), Some(error)) = (&script.error_after_events, error.take())
        {
            let events = error(script, place);
            steps.extend(events.iter().map(|event| Step::Send(writer.event(event))));
            outcome = Outcome::Ended;
            break;
        }
        if end == Some(place) {
            outcome = Outcome::Ended;
            break;
        }
        let Some(event) = frames.events.get(place) else { break };
        if let (Some(delay), true) = (script.event_delay_ms, place > 0) {
            steps.push(Step::Wait(Duration::from_millis(delay)));
        }
        steps.push(Step::Send(if script.malformed_after_events == Some(place) {
            writer.event(&halved(event))
        } else {
            writer.event(event)
        }));
    }
    if outcome == Outcome::Complete && frames.framing == Framing::Array {
        steps.push(Step::Send(Bytes::from_static(if total == 0 { b"[]" } else { b"\n]" })));
    }
    if script.omit_final_newline
        && let Some(Step::Send(last)) = steps.iter_mut().rfind(|step| matches!(step, Step::Send(_)))
    {
        let kept = last.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |end| end + 1);
        last.truncate(kept);
    }
    (rechunk(steps, script.chunk_bytes), outcome)
}

fn stall(script: &StreamScript) -> Step {
    script.stall_ms.map_or(Step::Stall, |ms| Step::Wait(Duration::from_millis(ms)))
}

fn halved(event: &Event) -> Event {
    let half = event.data.chars().take(event.data.chars().count() / 2).collect();
    Event { data: half, ..event.clone() }
}

/// Writes events one after another.
struct Writer<'a> {
    script: &'a StreamScript,
    framing: Framing,
    written: usize,
}

impl Writer<'_> {
    fn event(&mut self, event: &Event) -> Bytes {
        let newline = match (self.script.line_ending, self.framing) {
            (Some(LineEnding::Cr), _) => "\r",
            (Some(LineEnding::Crlf), _) | (None, Framing::SseCrlf) => "\r\n",
            (Some(LineEnding::Lf), _) | (None, _) => "\n",
        };
        let mut text = String::with_capacity(event.data.len() + 64);
        if self.written == 0 && self.script.bom {
            text.push('\u{feff}');
        }
        match self.framing {
            Framing::Array => {
                text.push_str(if self.written == 0 { "[" } else { ",\r\n" });
                text.push_str(&event.data);
            }
            Framing::Sse | Framing::SseUntyped | Framing::SseCrlf => {
                if self.script.comments {
                    text.push_str(": keep-alive");
                    text.push_str(newline);
                    text.push_str(newline);
                }
                if event.bare {
                    text.push_str(&event.data);
                } else {
                    if let Some(name) = event.name {
                        text.push_str("event: ");
                        text.push_str(name);
                        text.push_str(newline);
                    }
                    text.push_str("data: ");
                    text.push_str(&event.data);
                }
                text.push_str(newline);
                text.push_str(newline);
            }
        }
        self.written += 1;
        Bytes::from(text)
    }
}

/// Cuts runs of bytes into chunks of this size, across the borders of events.
fn rechunk(steps: Vec<Step>, size: Option<usize>) -> Vec<Step> {
    let Some(size) = size.filter(|size| *size > 0) else { return steps };
    let mut cut = Vec::new();
    let mut run = Vec::new();
    let flush = |run: &mut Vec<u8>, cut: &mut Vec<Step>| {
        let mut bytes = Bytes::from(std::mem::take(run));
        while !bytes.is_empty() {
            cut.push(Step::Send(bytes.split_to(size.min(bytes.len()))));
        }
    };
    for step in steps {
        match step {
            Step::Send(bytes) => run.extend_from_slice(&bytes),
            other => {
                flush(&mut run, &mut cut);
                cut.push(other);
            }
        }
    }
    flush(&mut run, &mut cut);
    cut
}

fn body(steps: Vec<Step>, outcome: Outcome, ticket: Ticket) -> Body {
    let start = (VecDeque::from(steps), Some((ticket, outcome)));
    Body::from_stream(futures_util::stream::unfold(start, |(mut steps, mut end)| async move {
        loop {
            match steps.pop_front() {
                Some(Step::Send(bytes)) => {
                    // The ticket is closed with the last bytes and not after them: a client that has read to a
                    // terminal event may be gone before it asks for more.
                    if steps.is_empty()
                        && let Some((ticket, outcome)) = end.take()
                    {
                        ticket.close(outcome);
                    }
                    return Some((Ok(bytes), (steps, end)));
                }
                Some(Step::Wait(time)) => tokio::time::sleep(time).await,
                Some(Step::Stall) => std::future::pending().await,
                Some(Step::Cut) => {
                    tokio::time::sleep(FLUSH).await;
                    if let Some((ticket, outcome)) = end.take() {
                        ticket.close(outcome);
                    }
                    return Some((Err(Broken), (steps, end)));
                }
                None => {
                    if let Some((ticket, outcome)) = end.take() {
                        ticket.close(outcome);
                    }
                    return None;
                }
            }
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(framing: Framing) -> Frames {
        Frames {
            framing,
            events: vec![Event::named("a", "{\"x\":1}".into()), Event::data("{\"y\":2}".into())],
        }
    }

    fn bytes(framing: Framing, script: &StreamScript) -> (Vec<String>, Outcome) {
        let error = |script: &ErrorScript, _| vec![Event::data(script.kind.clone().unwrap_or_default())];
        let (steps, outcome) = plan(&frames(framing), script, None, error);
        let text = |step: Step| match step {
            Step::Send(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            other => format!("<{other:?}>"),
        };
        (steps.into_iter().map(text).collect(), outcome)
    }

    #[test]
    fn each_event_is_one_chunk_in_its_dialects_framing() {
        let script = StreamScript::default();
        assert_eq!(bytes(Framing::Sse, &script).0, ["event: a\ndata: {\"x\":1}\n\n", "data: {\"y\":2}\n\n"]);
        assert_eq!(
            bytes(Framing::SseCrlf, &script).0,
            ["event: a\r\ndata: {\"x\":1}\r\n\r\n", "data: {\"y\":2}\r\n\r\n"]
        );
        assert_eq!(bytes(Framing::Array, &script).0, ["[{\"x\":1}", ",\r\n{\"y\":2}", "\n]"]);
    }

    #[test]
    fn decorations_change_bytes_and_not_events() {
        let script = StreamScript {
            line_ending: Some(LineEnding::Cr),
            bom: true,
            comments: true,
            omit_final_newline: true,
            ..Default::default()
        };
        assert_eq!(
            bytes(Framing::Sse, &script).0.concat(),
            "\u{feff}: keep-alive\r\revent: a\rdata: {\"x\":1}\r\r: keep-alive\r\rdata: {\"y\":2}"
        );
    }

    #[test]
    fn chunks_are_cut_anywhere_and_joined_are_the_same() {
        let whole = bytes(Framing::Sse, &StreamScript::default()).0.concat();
        for size in [1, 3, 1000] {
            let script = StreamScript { chunk_bytes: Some(size), ..Default::default() };
            let (chunks, _) = bytes(Framing::Sse, &script);
            assert!(chunks.iter().all(|chunk| chunk.len() <= size));
            assert_eq!(chunks.concat(), whole);
        }
    }

    #[test]
    fn faults_take_their_place() {
        let faults = |script: StreamScript| {
            let (steps, outcome) = bytes(Framing::Sse, &script);
            (steps[1..].to_vec(), outcome)
        };
        let second = "data: {\"y\":2}\n\n".to_owned();
        assert_eq!(
            faults(StreamScript { cut_after_events: Some(1), ..Default::default() }),
            (vec!["<Cut>".into()], Outcome::Cut)
        );
        assert_eq!(
            faults(StreamScript { end_after_events: Some(1), ..Default::default() }),
            (vec![], Outcome::Ended)
        );
        assert_eq!(
            faults(StreamScript { stall_after_events: Some(1), ..Default::default() }),
            (vec!["<Stall>".into(), second.clone()], Outcome::Complete)
        );
        assert_eq!(
            faults(StreamScript { malformed_after_events: Some(1), ..Default::default() }),
            (vec!["data: {\"y\n\n".into()], Outcome::Complete)
        );
        let error = ErrorScript { events: 9, kind: Some("boom".into()), message: None };
        assert_eq!(
            faults(StreamScript { error_after_events: Some(error), ..Default::default() }),
            (vec![second, "data: boom\n\n".into()], Outcome::Ended)
        );
    }
}

//! The rules of SSE, one test a rule, each with every way to cut the bytes into chunks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

use maestro_core::{
    Result,
    stream::{Events, SseFrame, SseFramer, SseLimits, StreamDecoder},
};

/// What a framer hands to a decoder.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Frame { event: Option<String>, data: String, unterminated: bool },
    Stray(String),
}

#[derive(Default)]
struct Witness(Vec<Seen>);

impl StreamDecoder for Witness {
    fn push(&mut self, frame: SseFrame<'_>, _: &mut Events) -> Result<()> {
        self.0.push(Seen::Frame {
            event: frame.event.map(str::to_owned),
            data: frame.data.to_owned(),
            unterminated: frame.unterminated,
        });
        Ok(())
    }

    fn stray(&mut self, json: &str, _: &mut Events) -> Result<()> {
        self.0.push(Seen::Stray(json.to_owned()));
        Ok(())
    }

    fn finish(&mut self, _: &mut Events) -> Result<()> {
        Ok(())
    }
}

fn seen<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Seen> {
    let (mut framer, mut witness, mut out) =
        (SseFramer::new(SseLimits::default()), Witness::default(), Events::new());
    for chunk in chunks {
        framer.push(chunk, &mut witness, &mut out).unwrap();
    }
    framer.finish(&mut witness, &mut out).unwrap();
    witness.0
}

/// What is seen, the same for the whole, for every cut in two, and byte by byte.
fn every_way(bytes: &[u8]) -> Vec<Seen> {
    let whole = seen([bytes]);
    for cut in 0..=bytes.len() {
        let (head, tail) = bytes.split_at(cut);
        assert_eq!(seen([head, tail]), whole, "cut at {cut}");
        assert_eq!(seen([head, b"", tail]), whole, "cut at {cut} with an empty chunk");
    }
    assert_eq!(seen(bytes.chunks(1)), whole, "byte by byte");
    whole
}

fn message(data: &str) -> Seen {
    Seen::Frame { event: None, data: data.to_owned(), unterminated: false }
}

fn unterminated(data: &str) -> Seen {
    Seen::Frame { event: None, data: data.to_owned(), unterminated: true }
}

#[test]
fn a_leading_byte_order_mark_is_dropped() {
    assert_eq!(every_way(b"\xEF\xBB\xBFdata: a\n\n"), [message("a")]);
}

#[test]
fn a_later_byte_order_mark_is_data() {
    assert_eq!(every_way(b"data: \xEF\xBB\xBFa\n\n"), [message("\u{feff}a")]);
    assert_eq!(every_way(b"\xEF\xBBdata: a\n\ndata: b\n\n"), [message("b")]);
}

#[test]
fn a_crlf_may_be_split_over_chunks() {
    let chunks: [&[u8]; 3] = [b"data: a\r", b"\ndata: b\r\n\r", b"\n"];
    assert_eq!(seen(chunks), [message("a\nb")]);
}

#[test]
fn an_event_is_out_at_its_blank_line_though_a_line_feed_is_still_to_come() {
    let (mut framer, mut witness, mut out) =
        (SseFramer::new(SseLimits::default()), Witness::default(), Events::new());
    framer.push(b"data: a\r\n\r", &mut witness, &mut out).unwrap();
    assert_eq!(witness.0, [message("a")]);
    framer.push(b"\ndata: b\r\r", &mut witness, &mut out).unwrap();
    assert_eq!(witness.0, [message("a"), message("b")]);
}

#[test]
fn a_lone_cr_ends_a_line() {
    assert_eq!(every_way(b"data: a\rdata: b\r\rdata: c\r\r"), [message("a\nb"), message("c")]);
}

#[test]
fn mixed_line_ends_count_once_each() {
    assert_eq!(every_way(b"data: a\r\n\ndata: b\n\r\n"), [message("a"), message("b")]);
}

#[test]
fn an_empty_data_line_is_a_line() {
    assert_eq!(every_way(b"data: a\ndata:\ndata:b\n\n"), [message("a\n\nb")]);
}

#[test]
fn a_field_without_a_colon_is_empty() {
    assert_eq!(every_way(b"data\n\ndata\ndata\n\ndata:"), [message(""), message("\n"), unterminated("")]);
}

#[test]
fn comments_are_nothing() {
    assert_eq!(every_way(b":x\n\n: y\r\n\r\n:\n\n"), []);
}

#[test]
fn an_event_without_data_is_nothing_and_its_name_is_forgotten() {
    assert_eq!(every_way(b"event: ping\n\ndata: x\n\n"), [message("x")]);
}

#[test]
fn an_event_has_the_last_name_it_was_given() {
    let named =
        |name: &str| Seen::Frame { event: Some(name.to_owned()), data: "x".to_owned(), unterminated: false };
    assert_eq!(every_way(b"event: a\ndata: x\nevent:b\n\n"), [named("b")]);
    assert_eq!(every_way(b"event: a\nevent\ndata: x\n\n"), [message("x")]);
    assert_eq!(every_way(b"event: a\ndata: x\nevent:\n\n"), [message("x")]);
}

#[test]
fn ids_and_retry_times_are_passed_over() {
    assert_eq!(every_way(b"id: 7\ndata: z\n\ndata: y\n\n"), [message("z"), message("y")]);
    assert_eq!(every_way(b"id: a\0b\ndata: q\n\n"), [message("q")]);
    assert_eq!(every_way(b"retry: 10\nretry: x\ndata: z\n\n"), [message("z")]);
}

#[test]
fn one_leading_space_is_dropped_and_no_tab() {
    assert_eq!(every_way(b"data:x\ndata: x\ndata:  x\ndata:\tx\n\n"), [message("x\nx\n x\n\tx")]);
}

#[test]
fn field_names_are_told_by_case() {
    assert_eq!(every_way(b"Data: x\n data: x\ndatum: x\ndat\n\ndata: y\n\n"), [message("y")]);
}

#[test]
fn a_character_may_be_split_over_chunks() {
    let chunks: [&[u8]; 2] = [b"data: \xD0", b"\xB8\n\n"];
    assert_eq!(seen(chunks), [message("и")]);
    assert_eq!(every_way("data: 𝄞и\n\n".as_bytes()), [message("𝄞и")]);
}

#[test]
fn a_bad_byte_does_not_kill_the_stream() {
    assert_eq!(
        every_way(b"data: \xFF\n\n: \xFF\ndata: a\xE2\x80\n\ndata: ok\n\n"),
        [message("\u{fffd}"), message("a\u{fffd}"), message("ok")]
    );
}

#[test]
fn unicode_line_separators_are_data() {
    let bytes = "data: {\"t\":\"\u{2028}\u{85}\u{b}\u{c}\"}\n\n".as_bytes();
    assert_eq!(every_way(bytes), [message("{\"t\":\"\u{2028}\u{85}\u{b}\u{c}\"}")]);
}

#[test]
fn json_may_be_spread_over_data_lines() {
    let frames = every_way(b"data: {\ndata: \"foo\":\ndata: \ndata:\ndata: true}\n\n");
    let Seen::Frame { data, .. } = &frames[0] else { panic!("a frame") };
    assert_eq!(serde_json::from_str::<serde_json::Value>(data).unwrap(), serde_json::json!({"foo": true}));
}

#[test]
fn what_is_open_at_the_end_goes_out_as_unterminated() {
    assert_eq!(every_way(b"data: a\n\ndata: b"), [message("a"), unterminated("b")]);
    assert_eq!(every_way(b"data: a\n\ndata: b\n"), [message("a"), unterminated("b")]);
    assert_eq!(every_way(b"data: a\n\nevent: x\n"), [message("a")]);
    assert_eq!(every_way(b"data: a\n\ndat"), [message("a")]);
}

#[test]
fn json_outside_of_fields_is_handed_over_at_its_last_brace() {
    let error = "{\n  \"error\": {\n    \"message\": \"a } and \\\" and {\"\n  }\n}";
    let bytes = format!("data: a\n\n{error}\n\ndata: b\n\n");
    assert_eq!(every_way(bytes.as_bytes()), [message("a"), Seen::Stray(error.to_owned()), message("b")]);
    let two = b"data: a\r\n\r\n [{\"error\":1}] {\"b\":[]}";
    assert_eq!(
        every_way(two),
        [message("a"), Seen::Stray("[{\"error\":1}]".to_owned()), Seen::Stray("{\"b\":[]}".to_owned())]
    );
}

#[test]
fn json_in_an_error_field_is_handed_over() {
    assert_eq!(
        every_way(b"data: a\n\nerror: {\"code\":500}\n\ndata: [DONE]\n\n"),
        [message("a"), Seen::Stray("{\"code\":500}".to_owned()), message("[DONE]")]
    );
}

#[test]
fn text_outside_of_fields_that_is_no_json_is_passed_over() {
    assert_eq!(
        every_way(b"<html>{\n</html>\n{not json}\n{\n\ndata: a\n\n{\"b\":1}\n"),
        [message("a"), Seen::Stray("{\"b\":1}".to_owned())]
    );
}

#[test]
fn an_event_of_five_megabytes_in_four_thousand_chunks_is_one_event() {
    let text = "x".repeat(5 << 20);
    let bytes = format!("data: {text}\n\n");
    assert_eq!(seen(bytes.as_bytes().chunks(bytes.len() / 4000)), [message(&text)]);
}

fn error_of(limits: SseLimits, bytes: &[u8], chunk: usize) -> Option<maestro_core::ErrorKind> {
    let (mut framer, mut witness, mut out) = (SseFramer::new(limits), Witness::default(), Events::new());
    let mut chunks = bytes.chunks(chunk).map(|chunk| framer.push(chunk, &mut witness, &mut out));
    chunks.find_map(Result::err).map(|error| error.kind())
}

#[test]
fn an_event_beyond_the_limit_is_a_typed_error_however_it_is_cut() {
    let limits = SseLimits { event_bytes: 16, stray_bytes: 16 };
    let too_large: [&[u8]; 5] = [
        b"data: 12345678901234567\n\n",
        b"event: 123456789\ndata: 12345678\n\n",
        b"data: 12345678\ndata: 12345678\n\n",
        b"data\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\n",
        b"{\"1234567890\":123}\n",
    ];
    for bytes in too_large {
        for chunk in 1..=bytes.len() {
            assert_eq!(error_of(limits, bytes, chunk), Some(maestro_core::ErrorKind::Protocol));
        }
    }
    let fits: [&[u8]; 4] = [
        b"data: 1234567890123456\n\n",
        b"event: 12345678\ndata: 12345678\n\ndata: 1234567890123456\n\n",
        b"{\"12345678\":123}\n{\"12345678\":123}\n",
        b": a comment may be as long as it likes\nid: and so may an id\nfoo: and what nobody knows\n\n",
    ];
    for bytes in fits {
        for chunk in 1..=bytes.len() {
            assert_eq!(error_of(limits, bytes, chunk), None, "{}", String::from_utf8_lossy(bytes));
        }
    }
}

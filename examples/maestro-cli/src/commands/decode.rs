//! `maestro decode`: the canonical events of a recorded stream.

use std::{
    fs::File,
    io::{self, Read},
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use maestro::{
    Error, ErrorKind,
    core::{
        chat::StreamEvent,
        stream::{Parser, StreamDecoder},
    },
    providers::{anthropic, gemini, openai, openai_compatible},
};

use crate::{
    app::App,
    event_lines::EventLine,
    exit::{Exit, Failure, Result},
    output::JsonLines,
};

/// Show a recorded stream as canonical events, one JSON object a line
///
/// The body of a streamed answer goes in, byte for byte as it came over the network; the events that Maestro reads from
/// it come out. The last line is `finish` or `error`. The output is the same however the input is cut.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  curl -sN https://api.anthropic.com/v1/messages … | maestro decode --protocol anthropic
  maestro decode --protocol openai-chat --chunk 1 recorded.sse | tail -n 1

Exit codes:
  0  the answer finished
  2  the stream cannot be decoded
  3  the stream ended before the answer did
  4  the provider reported an error in the stream")]
pub(crate) struct Args {
    /// The protocol that was recorded
    #[arg(long, value_enum)]
    protocol: Protocol,
    /// Hand the input to the parser in pieces of N bytes
    #[arg(long, value_name = "N")]
    chunk: Option<NonZeroUsize>,
    /// The recording; - is standard input
    #[arg(default_value = "-")]
    file: PathBuf,
}

/// A protocol of streamed answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Protocol {
    /// OpenAI, Responses API
    OpenaiResponses,
    /// OpenAI, Chat Completions, and servers that are compatible with it
    OpenaiChat,
    /// Anthropic, Messages API
    Anthropic,
    /// Gemini, streamGenerateContent with alt=sse
    Gemini,
}

impl Protocol {
    /// What reads it. The same bytes give the same ids of calls in every run, which a provider's own decoders, each with a
    /// seed of its own, must not.
    fn decoder(self) -> Box<dyn StreamDecoder> {
        match self {
            Self::OpenaiResponses => Box::new(openai::Decoder::new()),
            Self::OpenaiChat => Box::new(openai_compatible::Decoder::new()),
            Self::Anthropic => Box::new(anthropic::Decoder::new()),
            Self::Gemini => Box::new(gemini::Decoder::new()),
        }
    }
}

/// How much is read at once at the most, when nothing is said.
const PIECE: usize = 64 << 10;

/// The largest piece that can be asked for.
const LARGEST_PIECE: usize = 16 << 20;

/// Runs the command.
pub(crate) fn run(app: &App, args: Args) -> Result<Exit> {
    let mut parser = Parser::new(args.protocol.decoder());
    let mut input = open(&args.file)?;
    let mut lines = JsonLines::default();
    let mut piece = vec![0; args.chunk.map_or(PIECE, NonZeroUsize::get).min(LARGEST_PIECE)];
    loop {
        // Without a wanted size events are shown as soon as their bytes are there.
        let read = match args.chunk {
            Some(_) => fill(&mut *input, &mut piece),
            None => read_some(&mut *input, &mut piece),
        };
        let read = read.map_err(|error| unreadable(&args.file, &error))?;
        match read {
            0 => parser.finish(),
            _ => parser.push(&piece[..read]),
        }
        let mut exit = None;
        while let Some(event) = parser.next_event() {
            lines.push(&EventLine::of(&event))?;
            exit = event.is_end().then(|| exit_of(&event));
        }
        // What arrived together is shown together.
        app.output.json_lines(&mut lines)?;
        if let Some(exit) = exit {
            return Ok(exit);
        }
        if read == 0 {
            // A parser that is finished has told an end; this is for one that breaks its promise.
            let error = Error::new(ErrorKind::Internal, "decode").because("the parser told no end");
            return Err(error.into());
        }
    }
}

fn exit_of(end: &StreamEvent) -> Exit {
    match end {
        StreamEvent::Truncated(_) => Exit::Truncated,
        StreamEvent::Failed(error) if error.kind() == ErrorKind::Protocol => Exit::Invalid,
        StreamEvent::Failed(_) => Exit::Provider,
        _ => Exit::Done,
    }
}

/// Reads until the piece is full or the input ends, so that pieces have the wanted size whatever a pipe gives.
fn fill(input: &mut dyn Read, piece: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < piece.len() {
        match read_some(input, &mut piece[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

/// Reads what is there, or waits for something.
fn read_some(input: &mut dyn Read, piece: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

fn open(file: &Path) -> Result<Box<dyn Read>> {
    if file == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    Ok(Box::new(File::open(file).map_err(|error| unreadable(file, &error))?))
}

fn unreadable(file: &Path, error: &io::Error) -> Failure {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, "read recording").on(file.display()).because(error.to_string()).into()
}

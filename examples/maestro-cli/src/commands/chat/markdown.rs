//! Markdown that is shown as it streams.
//!
//! Text appears at once, as it is. When a block of it (a paragraph, a list, a table, a piece of code) is whole, the raw
//! rows are wiped and the block is shown as it is meant. A block that is higher than the terminal stays raw: what has
//! scrolled away cannot be wiped.

use std::io::{self, IsTerminal as _};

use termimad::{Alignment, MadSkin, crossterm::terminal};
use unicode_width::UnicodeWidthChar as _;

use crate::output::{Output, printable};

/// Shows a whole text: as Markdown at a terminal, as it is elsewhere.
pub(crate) fn show(output: Output, text: &str) -> io::Result<()> {
    let text = for_terminal(text);
    if !io::stdout().is_terminal() {
        return output.line(text.trim_end_matches('\n'));
    }
    let (width, _) = size();
    output.text(&skin(output).text(text.trim_matches('\n'), Some(width)).to_string())
}

/// Markdown that is shown as it streams to a terminal.
pub(super) struct Markdown {
    output: Output,
    skin: MadSkin,
    /// What has been shown raw and is not yet a whole block.
    raw: String,
}

impl Markdown {
    /// Nothing shown yet.
    pub(super) fn new(output: Output) -> Self {
        Self { output, skin: skin(output), raw: String::new() }
    }

    /// Shows more.
    pub(super) fn push(&mut self, text: &str) -> io::Result<()> {
        let text = for_terminal(text);
        let shown = self.raw.len();
        self.raw.push_str(&text);
        let whole = whole_blocks(&self.raw);
        if whole == 0 {
            return self.output.text(&text);
        }
        let (width, height) = size();
        let Some(mut shows) = wipe(&self.raw[..shown], width, height) else {
            // Too high to be wiped: it stays as it is, and what follows begins anew.
            self.raw.drain(..whole);
            return self.output.text(&text);
        };
        shows.push_str(&self.render(&self.raw[..whole], width));
        shows.push_str(&self.raw[whole..]);
        self.raw.drain(..whole);
        self.output.text(&shows)
    }

    /// Nothing more comes: shows what is left as it is meant, and ends the line.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let raw = std::mem::take(&mut self.raw);
        if raw.trim().is_empty() {
            return Ok(());
        }
        let (width, height) = size();
        match wipe(&raw, width, height) {
            Some(wiped) => self.output.text(&format!("{wiped}{}", self.render(&raw, width))),
            None => self.output.text("\n"),
        }
    }

    fn render(&self, blocks: &str, width: usize) -> String {
        let text = blocks.trim_matches('\n');
        if text.is_empty() {
            return blocks.to_owned();
        }
        let mut shows = "\n".repeat(blocks.len() - blocks.trim_start_matches('\n').len());
        shows.push_str(&self.skin.text(text, Some(width)).to_string());
        if blocks.ends_with("\n\n") {
            shows.push('\n');
        }
        shows
    }
}

fn skin(output: Output) -> MadSkin {
    if !output.has_color() {
        return MadSkin::no_style();
    }
    let mut skin = MadSkin::default();
    for header in &mut skin.headers {
        header.align = Alignment::Left;
    }
    skin
}

/// Columns of the terminal.
pub(super) fn width() -> usize {
    size().0
}

/// Columns and rows of the terminal.
fn size() -> (usize, usize) {
    let (columns, rows) = terminal::size().unwrap_or((80, 24));
    (usize::from(columns).max(20), usize::from(rows).max(2))
}

/// Text without what could steer the terminal, and with tabs as spaces, whose width is known.
fn for_terminal(text: &str) -> String {
    printable(text).replace('\t', "    ")
}

/// What wipes a text that was just written from the beginning of a row; absent when it is too high for that.
fn wipe(text: &str, width: usize, height: usize) -> Option<String> {
    let (mut row, mut column) = (0, 0);
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if c == '\n' {
            (row, column) = (row + 1, 0);
        } else if column + wide > width {
            (row, column) = (row + 1, wide);
        } else {
            column += wide;
        }
    }
    match row {
        0 => Some("\r\x1b[J".to_owned()),
        _ if row + 1 < height => Some(format!("\r\x1b[{row}A\x1b[J")),
        _ => None,
    }
}

/// How many bytes of a text are whole blocks.
fn whole_blocks(text: &str) -> usize {
    let mut whole = 0;
    let mut at = 0;
    let mut fence: Option<&str> = None;
    let mut in_block = false;
    for line in text.split_inclusive('\n') {
        if !line.ends_with('\n') {
            break;
        }
        let trimmed = line.trim();
        let end = at + line.len();
        let opens = ["```", "~~~"].into_iter().find(|marker| trimmed.starts_with(marker));
        match (fence, opens) {
            (Some(marker), _) if trimmed.starts_with(marker) => {
                (fence, in_block, whole) = (None, false, end);
            }
            (Some(_), _) => {}
            (None, Some(marker)) => {
                // What stands before the code is whole, too.
                (fence, in_block, whole) = (Some(marker), true, at);
            }
            (None, None) if trimmed.is_empty() => {
                if in_block {
                    (in_block, whole) = (false, end);
                }
            }
            (None, None) if trimmed.starts_with('#') && !in_block => whole = end,
            (None, None) => in_block = true,
        }
        at = end;
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_is_whole_at_its_blank_line() {
        assert_eq!(whole_blocks("one\ntwo"), 0);
        assert_eq!(whole_blocks("one\ntwo\n"), 0);
        assert_eq!(whole_blocks("one\ntwo\n\nthree"), "one\ntwo\n\n".len());
    }

    #[test]
    fn code_is_whole_at_its_closing_fence_blank_lines_or_not() {
        let open = "text\n```rust\nlet a;\n\nlet b;\n";
        assert_eq!(whole_blocks(open), "text\n".len());
        assert_eq!(whole_blocks(&format!("{open}```\n")), open.len() + 4);
    }

    #[test]
    fn a_heading_is_whole_at_its_end() {
        assert_eq!(whole_blocks("# Title\nte"), "# Title\n".len());
    }

    #[test]
    fn wiping_counts_the_rows_that_wrap() {
        assert_eq!(wipe("abc", 20, 24).unwrap(), "\r\x1b[J");
        assert_eq!(wipe(&"x".repeat(20), 20, 24).unwrap(), "\r\x1b[J");
        assert_eq!(wipe(&"x".repeat(21), 20, 24).unwrap(), "\r\x1b[1A\x1b[J");
        assert_eq!(wipe(&"漢".repeat(21), 20, 24).unwrap(), "\r\x1b[2A\x1b[J");
        assert_eq!(wipe(&"x\n".repeat(30), 20, 24), None);
    }
}

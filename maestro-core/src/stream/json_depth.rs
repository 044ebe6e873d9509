//! How deep a piece of JSON is open, told from its bytes as they come.

/// Counts braces and brackets outside of strings, over JSON that comes in pieces cut anywhere. It does not validate:
/// it tells where an object or array must end if it is valid.
///
/// ```
/// use maestro_core::stream::JsonDepth;
///
/// let mut depth = JsonDepth::default();
/// assert_eq!(depth.feed(br#"{"a":"}"#), None);
/// assert_eq!(depth.feed(br#"\""} ,"#), Some(4));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JsonDepth {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl JsonDepth {
    /// Whether no object or array is open.
    #[inline]
    pub const fn is_outside(&self) -> bool {
        self.depth == 0
    }

    /// Reads on, as far as the end of the outermost object or array: the number of bytes up to and including its
    /// closing brace, or nothing if it stays open.
    pub fn feed(&mut self, bytes: &[u8]) -> Option<usize> {
        for (at, byte) in bytes.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// A line has ended. No string of valid JSON spans lines, so that one that is open was none.
    pub(super) fn end_line(&mut self) {
        self.in_string = false;
        self.escaped = false;
    }
}

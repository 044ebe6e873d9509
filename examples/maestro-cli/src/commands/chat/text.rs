//! Messages over several lines, the same at a prompt and from a pipe.

/// What stands alone on the line before and after a message of several lines.
const FENCE: &str = "\"\"\"";

/// Whether more lines belong to a message: it ends in `\`, or a fence is open.
pub(super) fn is_open(input: &str) -> bool {
    let mut lines = input.lines();
    if lines.next().is_some_and(|line| line.trim() == FENCE) {
        return !lines.any(|line| line.trim() == FENCE);
    }
    input.ends_with('\\')
}

/// The message, without what held its lines together.
pub(super) fn message(input: &str) -> String {
    let mut lines = input.lines();
    if lines.next().is_some_and(|line| line.trim() == FENCE) {
        let within: Vec<_> = lines.take_while(|line| line.trim() != FENCE).collect();
        return within.join("\n");
    }
    input.replace("\\\n", "\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backslash_at_the_end_goes_on() {
        assert!(is_open("one\\"));
        assert!(!is_open("one\\\ntwo"));
        assert_eq!(message("one\\\ntwo"), "one\ntwo");
    }

    #[test]
    fn a_fence_holds_lines_together_as_they_are() {
        assert!(is_open("\"\"\""));
        assert!(is_open("\"\"\"\n  one\n\ntwo \\"));
        assert!(!is_open("\"\"\"\n  one\n\"\"\""));
        assert_eq!(message("\"\"\"\n  one\n\ntwo\n\"\"\""), "  one\n\ntwo");
    }

    #[test]
    fn a_plain_line_is_itself() {
        assert!(!is_open("say \"\"\" aloud"));
        assert_eq!(message(" hello "), "hello");
    }
}

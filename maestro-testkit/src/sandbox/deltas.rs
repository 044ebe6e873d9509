//! Text cut into deltas.

/// Characters of tool arguments in one delta.
const ARGUMENT_DELTA: usize = 12;

/// The text up to the first stop sequence, and which that was.
pub(super) fn until_stop(mut text: String, stops: &[String]) -> (String, Option<String>) {
    let first = stops
        .iter()
        .filter(|stop| !stop.is_empty())
        .filter_map(|stop| Some((text.find(stop.as_str())?, stop)))
        .min_by_key(|(place, _)| *place);
    match first {
        Some((place, stop)) => {
            let stop = stop.clone();
            text.truncate(place);
            (text, Some(stop))
        }
        None => (text, None),
    }
}

/// Cuts the text into deltas of one to four words that, joined, are the text.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut deltas = Vec::new();
    let mut delta = String::new();
    let mut wanted = 1;
    let mut taken = 0;
    for word in text.split_inclusive([' ', '\n']) {
        // A delta begins with the space before its first word, as tokens do.
        let (body, space) = match word.strip_suffix(' ') {
            Some(body) => (body, " "),
            None => (word, ""),
        };
        delta.push_str(body);
        taken += 1;
        if taken >= wanted && !delta.is_empty() {
            deltas.push(std::mem::take(&mut delta));
            wanted = wanted % 4 + 1;
            taken = 0;
        }
        delta.push_str(space);
    }
    if !delta.is_empty() {
        deltas.push(delta);
    }
    deltas
}

/// Cuts arguments into deltas of a few characters, across keys, values and escapes.
pub(super) fn pieces(arguments: &str) -> Vec<String> {
    let chars: Vec<char> = arguments.chars().collect();
    chars.chunks(ARGUMENT_DELTA).map(|piece| piece.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_joined_are_the_text() {
        for text in ["", " ", "a", " a  b ", "line\n\n- list of `things`,\n", "no_spaces", "ends with \n"] {
            assert_eq!(words(text).concat(), text);
            assert!(words(text).iter().all(|delta| !delta.is_empty()));
        }
    }
}

//! The one meaning of search: words, folded, each a prefix.
//!
//! Case and accents are folded and the text is split into words here, in Rust, and never by a backend; so a search
//! finds the same on every store. A word holds letters and digits only, which lets an index use it as it is.

use std::collections::BTreeSet;

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};
use unicode_segmentation::UnicodeSegmentation as _;

/// How many characters of a folded word count. What is longer is hardly a word, and indexes keep no key of any length.
const COUNTED: usize = 64;

/// The folded words of some texts, each once, sorted: what an index of an item holds. Of a long word its first 64
/// characters count.
///
/// ```
/// use maestro_core::supplied_context::search_words;
///
/// let words: Vec<_> = search_words(["Crème brûlée", "STRASSE Straße don't"]).into_iter().collect();
/// assert_eq!(words, ["brulee", "creme", "dont", "strasse"]);
/// ```
pub fn search_words<'a>(texts: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    texts
        .into_iter()
        .flat_map(|text| text.unicode_words().map(fold).collect::<Vec<_>>())
        .filter(|word| !word.is_empty())
        .collect()
}

/// The folded words of a query, each once, sorted. An item matches when every one of them begins one of its words.
pub fn query_words(query: &str) -> BTreeSet<String> {
    search_words([query])
}

/// Compatibility decomposition, lower case, no marks, letters and digits only, cut to length. Two rounds, because lower case can
/// decompose again (`İ`).
fn fold(word: &str) -> String {
    let once = |text: &str| -> String {
        text.nfkd()
            .flat_map(char::to_lowercase)
            .filter(|c| !is_combining_mark(*c))
            .map(|c| if c == 'ς' { 'σ' } else { c })
            .collect()
    };
    once(&once(word)).replace('ß', "ss").chars().filter(|c| c.is_alphanumeric()).take(COUNTED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        search_words([text]).into_iter().collect()
    }

    #[test]
    fn case_accents_and_width_are_folded() {
        assert_eq!(words("ÅNGSTRÖM Ｆｕｌｌ ﬁne"), ["angstrom", "fine", "full"]);
        assert_eq!(words("ΟΔΟΣ"), words("οδος"));
        assert_eq!(words("İstanbul"), ["istanbul"]);
    }

    #[test]
    fn scripts_without_spaces_are_split_too() {
        assert_eq!(words("東京").len(), 2);
    }

    #[test]
    fn folding_twice_changes_nothing() {
        for text in ["Straße", "don't", "3.14", "naïve", "x_y", "İ"] {
            for word in words(text) {
                assert_eq!(words(&word), [word]);
            }
        }
    }
}

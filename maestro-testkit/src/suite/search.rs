//! How items are found: words, folded, each the beginning of a word.

use maestro_core::{
    Store,
    supplied_context::{ItemChange, ItemQuery, ItemType, NewItem, Tags},
};

use super::given::{at, first, item_name, item_text, new_item, persona, prompt, tags};

/// The names of what a query finds, in order.
async fn found(store: &dyn Store, query: ItemQuery) -> Vec<String> {
    let page = store.item_search(&query, first(100).counted()).await.unwrap();
    assert_eq!(page.total, Some(page.items.len() as u64));
    page.items.into_iter().map(|item| item.name.to_string()).collect()
}

async fn searched(store: &dyn Store, text: &str) -> Vec<String> {
    found(store, ItemQuery { text: text.to_owned(), ..ItemQuery::default() }).await
}

async fn tagged(store: &dyn Store, name: &str, tags: Tags) {
    store.item_create(NewItem { tags, ..new_item(ItemType::Persona, name, "nothing") }).await.unwrap();
}

/// A query without words, be it empty, blank or punctuation, finds everything.
pub async fn no_words_match_everything(store: &dyn Store) {
    persona(store, "one").await;
    prompt(store, "two", "x").await;
    for nothing in ["", "   ", "\"*\" -- () ! ' \\ %"] {
        assert_eq!(searched(store, nothing).await, ["one", "two"], "{nothing:?}");
    }
}

/// Words are looked for in the name, the text, and the names and values of tags.
pub async fn words_are_found_in_name_text_and_tags(store: &dyn Store) {
    prompt(store, "by name", "nothing").await;
    prompt(store, "second", "found by text").await;
    tagged(store, "third", tags(&[("bylaw", "x")])).await;
    tagged(store, "fourth", tags(&[("x", "bystander")])).await;
    assert_eq!(searched(store, "by").await, ["by name", "fourth", "second", "third"]);
}

/// A word of the query matches the beginning of a word, never its middle or end.
pub async fn a_word_matches_the_beginning_of_words(store: &dyn Store) {
    prompt(store, "p", "understand the undertow").await;
    for hit in ["u", "under", "undertow", "underst", "UNDER", "the"] {
        assert_eq!(searched(store, hit).await, ["p"], "{hit:?}");
    }
    for miss in ["tow", "nder", "undertows", "understandthe", "stand"] {
        assert!(searched(store, miss).await.is_empty(), "{miss:?}");
    }
}

/// Every word of the query must be found, in any order and in any field.
pub async fn every_word_must_be_found(store: &dyn Store) {
    prompt(store, "alpha", "beta gamma").await;
    prompt(store, "delta", "beta").await;
    assert_eq!(searched(store, "gam alp").await, ["alpha"]);
    assert_eq!(searched(store, "beta").await, ["alpha", "delta"]);
    assert_eq!(searched(store, "beta beta BETA bet").await, ["alpha", "delta"]);
    assert!(searched(store, "alpha delta").await.is_empty());
}

/// Accents and case are folded on both sides.
pub async fn a_search_folds_accents(store: &dyn Store) {
    prompt(store, "p", "Crème brûlée, Ångström, naïve, smörgås").await;
    for hit in ["creme", "CRÈME", "cre\u{300}me", "brulee", "angstrom", "ångström", "NAIVE", "smorgas"] {
        assert_eq!(searched(store, hit).await, ["p"], "{hit:?}");
    }
}

/// Letters that fold to several, or differ by their place in a word, are found in every spelling.
pub async fn a_search_folds_special_letters(store: &dyn Store) {
    prompt(store, "p", "Straße ΟΔΟΣ İstanbul ﬁne Ǆungla").await;
    for hit in
        ["strasse", "STRASSE", "straße", "STRAẞE", "οδος", "οδοσ", "ΟΔΌΣ", "istanbul", "İSTANBUL", "fine"]
    {
        assert_eq!(searched(store, hit).await, ["p"], "{hit:?}");
    }
}

/// Cyrillic, Greek, Hebrew, Arabic, Devanagari and Hangul are found by the beginning of their words.
pub async fn a_search_reads_many_scripts(store: &dyn Store) {
    prompt(store, "p", "Война и мир Ёлка Ελλάδα שלום مرحبا नमस्ते 한국어").await;
    for hit in ["война", "ВОЙ", "елка", "ελλαδα", "שלום", "مرح", "नमस्ते", "한국"]
    {
        assert_eq!(searched(store, hit).await, ["p"], "{hit:?}");
    }
    assert!(searched(store, "мирв").await.is_empty());
}

/// Scripts without spaces are split, and wide forms are the same as narrow ones.
pub async fn a_search_reads_scripts_without_spaces(store: &dyn Store) {
    prompt(store, "p", "東京タワー Ｆｕｌｌｗｉｄｔｈ １２３").await;
    for hit in ["東京", "京", "東", "fullwidth", "ｆｕｌｌ", "123", "１２"] {
        assert_eq!(searched(store, hit).await, ["p"], "{hit:?}");
    }
    assert!(searched(store, "大阪").await.is_empty());
}

/// What means something to a database means nothing here.
pub async fn a_query_is_never_read_as_code(store: &dyn Store) {
    prompt(store, "p", "and or not near title select 100% don't a_b 3.14").await;
    prompt(store, "q", "plain").await;
    for hit in
        ["AND", "or", "NOT", "near", "title:", "100%", "don't", "dont", "a_b", "3.14", "\"select", "sel*"]
    {
        assert_eq!(searched(store, hit).await, ["p"], "{hit:?}");
    }
    for miss in ["p OR plain", "%", "title:plain", "^plain x", "'; drop table items; --"] {
        let found = searched(store, miss).await;
        assert!(!found.contains(&"q".to_owned()) || miss == "%", "{miss:?}: {found:?}");
    }
}

/// A change is found at once by its new words, and no more by its old ones.
pub async fn a_changed_item_is_found_by_its_new_words(store: &dyn Store) {
    let new = NewItem { tags: tags(&[("oldtag", "x")]), ..new_item(ItemType::Persona, "oldname", "oldtext") };
    let item = store.item_create(new).await.unwrap();
    let change = ItemChange {
        name: Some(item_name("newname")),
        text: Some(item_text("newtext")),
        tags: Some(tags(&[("newtag", "x")])),
        ..ItemChange::default()
    };
    let changed = store.item_update(item.id, item.revision, change, at(1)).await.unwrap();
    for old in ["oldname", "oldtext", "oldtag"] {
        assert!(searched(store, old).await.is_empty(), "{old}");
    }
    for new in ["newname", "newtext", "newtag", "x"] {
        assert_eq!(searched(store, new).await, ["newname"], "{new}");
    }
    store.item_delete_many(&[changed.id]).await.unwrap();
    assert!(searched(store, "newname").await.is_empty());
    persona(store, "next").await;
    assert!(searched(store, "newtext").await.is_empty(), "nothing is left of a deleted item");
}

/// A tag filter wants every tag with exactly its value.
pub async fn a_tag_filter_wants_every_tag_with_its_value(store: &dyn Store) {
    tagged(store, "both", tags(&[("team", "red"), ("lang", "de")])).await;
    tagged(store, "one", tags(&[("team", "red")])).await;
    tagged(store, "other", tags(&[("team", "Red"), ("lang", "")])).await;
    let by = async |wanted: &[(&str, &str)]| {
        found(store, ItemQuery { tags: tags(wanted), ..ItemQuery::default() }).await
    };
    assert_eq!(by(&[("team", "red")]).await, ["both", "one"]);
    assert_eq!(by(&[("lang", "de"), ("team", "red")]).await, ["both"]);
    assert_eq!(by(&[("lang", "")]).await, ["other"]);
    assert!(by(&[("red", "team")]).await.is_empty());
    assert!(by(&[("team", "re")]).await.is_empty());
}

/// Type, exact name, words and tags narrow a search together.
pub async fn all_filters_of_a_search_hold_together(store: &dyn Store) {
    let new = |item_type, name, text, team| NewItem {
        tags: tags(&[("team", team)]),
        ..new_item(item_type, name, text)
    };
    for new in [
        new(ItemType::Persona, "tutor", "patient", "red"),
        new(ItemType::SystemPrompt, "tutor", "patient", "red"),
        new(ItemType::Persona, "tutor two", "patient", "red"),
        new(ItemType::Persona, "Tutor", "hasty", "red"),
        new(ItemType::Persona, "clerk", "patient", "blue"),
    ] {
        store.item_create(new).await.unwrap();
    }
    let mut query = ItemQuery { text: "pat".to_owned(), ..ItemQuery::default() };
    assert_eq!(found(store, query.clone()).await, ["clerk", "tutor", "tutor", "tutor two"]);
    query.tags = tags(&[("team", "red")]);
    assert_eq!(found(store, query.clone()).await, ["tutor", "tutor", "tutor two"]);
    query.item_type = Some(ItemType::Persona);
    assert_eq!(found(store, query.clone()).await, ["tutor", "tutor two"]);
    query.name = Some(item_name("tutor"));
    assert_eq!(found(store, query.clone()).await, ["tutor"]);
    query.name = Some(item_name("Tutor"));
    assert!(found(store, query).await.is_empty());
}

/// A word of any length is found by its beginning.
pub async fn a_very_long_word_is_found_by_its_beginning(store: &dyn Store) {
    let word = "x".repeat(200_000);
    prompt(store, "p", &format!("short {word}y")).await;
    prompt(store, "q", "xxxz").await;
    assert_eq!(searched(store, "xxx").await, ["p", "q"]);
    assert_eq!(searched(store, &word[..64]).await, ["p"]);
    assert_eq!(searched(store, "short").await, ["p"]);
    // Beyond the length that counts, all words with this beginning are the same.
    assert_eq!(searched(store, &format!("{word}z")).await, ["p"]);
}

//! Pages: from either end, of every size, while rows come and go.

use futures_util::future::join_all;
use maestro_core::{
    ErrorKind, Id, Result, Store,
    auth::{AuthQuery, AuthType},
    conversations::{NewSession, Session, SessionQuery, ThreadHead},
    page::{Cursor, CursorKey, Direction, PAGE_LIMIT_MAX, Page, PageRequest},
    supplied_context::{Item, ItemChange, ItemOrder, ItemQuery, ItemType, NewItem},
};

use super::given::{
    api_key, at, auth_name, conversation, first, new_item, new_session, persona, refused, said, say, sign_in,
    talk,
};

/// Walks over all pages of this size. Each but the last is full and names the next; each counts the same total.
async fn walk<T>(size: u16, read: impl AsyncFn(PageRequest) -> Result<Page<T>>) -> Vec<T> {
    let mut request = first(size).counted();
    let mut seen = Vec::new();
    loop {
        let page = read(request.clone()).await.unwrap();
        let total = page.total;
        assert!(page.items.len() == usize::from(size) || page.next.is_none(), "a page in between is full");
        seen.extend(page.items);
        match page.next {
            // Through its text, as a program that shows pages to people does.
            Some(next) => request = request.after(next.to_string().parse().unwrap()),
            None => {
                assert_eq!(total, Some(seen.len() as u64));
                return seen;
            }
        }
    }
}

fn orders() -> impl Iterator<Item = (ItemOrder, Direction)> {
    [ItemOrder::Name, ItemOrder::UpdatedAt, ItemOrder::InsertedAt]
        .into_iter()
        .flat_map(|order| [Direction::Ascending, Direction::Descending].map(|direction| (order, direction)))
}

/// Items in the order that the query promises, sorted here.
fn sorted(mut items: Vec<Item>, order: ItemOrder, direction: Direction) -> Vec<Item> {
    items.sort_by(|a, b| {
        let key = match order {
            ItemOrder::Name => a.name.as_str().as_bytes().cmp(b.name.as_str().as_bytes()),
            ItemOrder::UpdatedAt => a.updated_at.cmp(&b.updated_at),
            ItemOrder::InsertedAt => a.inserted_at.cmp(&b.inserted_at),
        };
        key.then(a.id.cmp(&b.id))
    });
    if direction == Direction::Descending {
        items.reverse();
    }
    items
}

/// Items whose names, times of creation and times of change come in different orders, with equals in each.
async fn shelf(store: &dyn Store) -> Vec<Item> {
    let names = ["b", "B", "a", "ä", "z", "Z", "_", "東", "b b", "aa"];
    let mut items = Vec::new();
    for (name, number) in names.into_iter().zip(0_i64..) {
        for item_type in [ItemType::Persona, ItemType::SystemPrompt] {
            let new = NewItem { now: at(number % 3), ..new_item(item_type, name, "x") };
            let item = store.item_create(new).await.unwrap();
            let changed = at(10 + number % 4);
            items.push(
                store.item_update(item.id, item.revision, ItemChange::default(), changed).await.unwrap(),
            );
        }
    }
    items
}

/// In every order and from both ends all items come once, equals by id, whatever the size of the pages.
pub async fn items_come_in_every_order_from_both_ends(store: &dyn Store) {
    let items = shelf(store).await;
    for (order, direction) in orders() {
        let query = ItemQuery { order, direction, ..ItemQuery::default() };
        let expected = sorted(items.clone(), order, direction);
        for size in [1, 3, 19, 20, 21] {
            let seen = walk(size, async |request| store.item_search(&query, request).await).await;
            assert_eq!(seen, expected, "{order:?}, {direction:?}, {size} a page");
        }
    }
}

/// Sessions come by last use, the latest first, equals by id, the greatest first, over any pages.
pub async fn sessions_come_by_last_use_over_pages(store: &dyn Store) {
    let mut sessions = Vec::new();
    for number in 0..7 {
        let new = NewSession { now: at(number % 3), ..new_session("talk") };
        sessions.push(store.session_create(new).await.unwrap());
    }
    sessions.sort_by_key(|session| std::cmp::Reverse((session.last_used_at, session.id)));
    for size in [1, 2, 7, 8] {
        let query = SessionQuery::default();
        let seen = walk(size, async |request| store.session_list(&query, request).await).await;
        assert_eq!(seen, sessions, "{size} a page");
    }
}

/// Authentications come by name, equals by id, over any pages, filtered or not.
pub async fn authentications_come_by_name_over_pages(store: &dyn Store) {
    let mut rows = Vec::new();
    for name in ["one", "two", "One", "ten", "o-e"] {
        rows.push(api_key(store, name).await);
        rows.push(sign_in(store, name, None).await);
    }
    rows.sort_by(|a, b| (a.name.as_str(), a.id).cmp(&(b.name.as_str(), b.id)));
    for size in [1, 3, 10, 11] {
        let all = AuthQuery::default();
        let seen = walk(size, async |request| store.auth_list(&all, request).await).await;
        assert_eq!(seen, rows, "{size} a page");
        let signed = AuthQuery { auth_type: Some(AuthType::OAuth), ..AuthQuery::default() };
        let seen = walk(size, async |request| store.auth_list(&signed, request).await).await;
        assert!(seen.len() == 5 && seen.iter().all(|row| rows.contains(row)));
    }
}

/// A page that was not asked to count does not, and a page of nothing is the last.
pub async fn a_total_is_told_when_it_is_asked_for(store: &dyn Store) {
    let nothing = store.item_search(&ItemQuery::default(), first(5)).await.unwrap();
    assert_eq!((nothing.items.len(), nothing.next, nothing.total), (0, None, None));
    persona(store, "one").await;
    persona(store, "two").await;
    let counted = store.item_search(&ItemQuery::default(), first(1).counted()).await.unwrap();
    assert_eq!((counted.items.len(), counted.total), (1, Some(2)));
    let next = first(1).after(counted.next.unwrap());
    let uncounted = store.item_search(&ItemQuery::default(), next).await.unwrap();
    assert_eq!((uncounted.items.len(), uncounted.next, uncounted.total), (1, None, None));
}

/// The total counts what the query matches, on a later page too, and not what the page before has shown.
pub async fn a_total_is_the_same_on_every_page(store: &dyn Store) {
    for name in ["wanted a", "wanted b", "wanted c", "other"] {
        persona(store, name).await;
    }
    let query = ItemQuery { text: "wanted".to_owned(), ..ItemQuery::default() };
    let seen = walk(1, async |request| {
        let page = store.item_search(&query, request).await?;
        assert_eq!(page.total, Some(3));
        Ok(page)
    });
    assert_eq!(seen.await.len(), 3);
}

/// Rows that come before the cursor are not seen, those behind it are; none comes twice, none is left out.
pub async fn a_cursor_stays_good_while_rows_are_added(store: &dyn Store) {
    for name in ["b", "d", "f"] {
        persona(store, name).await;
    }
    for (direction, expected) in
        [(Direction::Ascending, ["d", "e", "f"]), (Direction::Descending, ["d", "c", "b"])]
    {
        let query = ItemQuery { direction, ..ItemQuery::default() };
        let page = store.item_search(&query, first(1)).await.unwrap();
        let mut added = Vec::new();
        for name in ["a", "c", "e", "g"] {
            added.push(persona(store, name).await.id);
        }
        let rest = store.item_search(&query, first(9).after(page.next.unwrap())).await.unwrap();
        let names: Vec<_> = rest.items.iter().map(|item| item.name.as_str().to_owned()).collect();
        let from = names.iter().position(|name| name == "d").unwrap();
        assert!(expected.iter().all(|name| names.contains(&(*name).to_owned())), "{names:?}");
        assert_eq!(names[from], "d");
        assert!(!names.contains(&page.items[0].name.to_string()), "what was seen does not come again");
        store.item_delete_many(&added).await.unwrap();
    }
}

/// The row that a page ended with may go: the next page begins behind its place.
pub async fn a_cursor_outlives_its_row(store: &dyn Store) {
    for name in ["a", "b", "c", "d"] {
        persona(store, name).await;
    }
    for (order, direction) in orders() {
        let query = ItemQuery { order, direction, ..ItemQuery::default() };
        let all = store.item_search(&query, first(9)).await.unwrap().items;
        let page = store.item_search(&query, first(2)).await.unwrap();
        let gone = page.items[1].clone();
        store.item_delete_many(&[gone.id]).await.unwrap();
        let rest = store.item_search(&query, first(9).after(page.next.unwrap())).await.unwrap();
        assert_eq!(rest.items, all[2..], "{order:?}, {direction:?}");
        let again = new_item(gone.item_type, gone.name.as_str(), gone.text.as_str());
        store.item_create(again).await.unwrap();
    }
}

/// The same holds for sessions and authentications.
pub async fn every_cursor_outlives_its_row(store: &dyn Store) {
    let mut sessions: Vec<Session> = Vec::new();
    for _ in 0..3 {
        sessions.push(super::given::session(store).await);
    }
    let query = SessionQuery::default();
    let page = store.session_list(&query, first(2)).await.unwrap();
    store.session_delete(page.items[1].id).await.unwrap();
    let rest = store.session_list(&query, first(2).after(page.next.unwrap())).await.unwrap();
    assert_eq!(rest.items, sessions[..1]);

    for name in ["one", "six", "two"] {
        api_key(store, name).await;
    }
    let query = AuthQuery::default();
    let page = store.auth_list(&query, first(2)).await.unwrap();
    store.auth_delete(page.items[1].id).await.unwrap();
    let rest = store.auth_list(&query, first(2).after(page.next.unwrap())).await.unwrap();
    assert_eq!(rest.items.iter().map(|row| row.name.clone()).collect::<Vec<_>>(), [auth_name("two")]);
}

/// Pages of a conversation stay in place while it grows and while its end is taken away.
pub async fn a_conversation_may_grow_and_shrink_between_pages(store: &dyn Store) {
    let (session, entries) = conversation(store, 4).await;
    let thread = session.root_thread_id;
    let page = store.entry_page(thread, Direction::Ascending, first(2)).await.unwrap();
    let back = store.entry_page(thread, Direction::Descending, first(1)).await.unwrap();
    say(store, thread, "5").await;
    let rest = store
        .entry_page(thread, Direction::Ascending, first(9).after(page.next.clone().unwrap()))
        .await
        .unwrap();
    assert_eq!(super::given::texts(&rest.items), ["3", "4", "5"]);
    for _ in 0..3 {
        let head = store.thread_get(thread).await.unwrap().head();
        store.entry_delete(head).await.unwrap();
    }
    let rest =
        store.entry_page(thread, Direction::Descending, first(9).after(back.next.unwrap())).await.unwrap();
    assert_eq!(rest.items, [entries[1].clone(), entries[0].clone()]);
    let rest =
        store.entry_page(thread, Direction::Ascending, first(9).after(page.next.unwrap())).await.unwrap();
    assert_eq!((rest.items.len(), rest.next), (0, None));
}

/// A cursor by text is refused where numbers are sorted by, and the other way round; the field is named.
pub async fn a_cursor_of_another_order_is_refused(store: &dyn Store) {
    let (session, _) = conversation(store, 2).await;
    persona(store, "a").await;
    let text = first(1).after(Cursor::at(CursorKey::Text("a".to_owned()), Id::<Item>::new().uuid()));
    let number = first(1).after(Cursor::at(CursorKey::Number(1), Id::<Item>::new().uuid()));
    let by = |order| ItemQuery { order, ..ItemQuery::default() };
    let refusals = [
        refused(store.auth_list(&AuthQuery::default(), number.clone()).await, ErrorKind::Invalid),
        refused(store.session_list(&SessionQuery::default(), text.clone()).await, ErrorKind::Invalid),
        refused(store.item_search(&by(ItemOrder::Name), number.clone()).await, ErrorKind::Invalid),
        refused(store.item_search(&by(ItemOrder::UpdatedAt), text.clone()).await, ErrorKind::Invalid),
        refused(store.item_search(&by(ItemOrder::InsertedAt), text.clone()).await, ErrorKind::Invalid),
        refused(
            store.entry_page(session.root_thread_id, Direction::Ascending, text).await,
            ErrorKind::Invalid,
        ),
    ];
    for error in refusals {
        assert_eq!(error.fields()[0].field, "after");
    }
    store.item_search(&by(ItemOrder::InsertedAt), number).await.unwrap();
}

/// Cursors at the ends of what numbers and texts there are give an empty page or all, and never an error.
pub async fn a_cursor_may_be_anywhere(store: &dyn Store) {
    let (session, entries) = conversation(store, 3).await;
    let thread = session.root_thread_id;
    let behind = |number| first(9).after(Cursor::at(CursorKey::Number(number), Id::<Item>::new().uuid()));
    for (number, ascending, descending) in
        [(i64::MIN, 3, 0), (-1, 3, 0), (0, 3, 0), (2, 1, 1), (4, 0, 3), (1 << 40, 0, 3), (i64::MAX, 0, 3)]
    {
        let up = store.entry_page(thread, Direction::Ascending, behind(number)).await.unwrap();
        let down = store.entry_page(thread, Direction::Descending, behind(number)).await.unwrap();
        assert_eq!((up.items.len(), down.items.len()), (ascending, descending), "behind {number}");
    }
    let count = async |number| {
        store.session_list(&SessionQuery::default(), behind(number)).await.unwrap().items.len()
    };
    assert_eq!((count(i64::MIN).await, count(i64::MAX).await), (0, 1));
    assert_eq!(store.entry_get(entries[0].id).await.unwrap(), entries[0]);
    persona(store, "a").await;
    let behind =
        |text: &str| first(9).after(Cursor::at(CursorKey::Text(text.to_owned()), Id::<Item>::new().uuid()));
    for (text, items) in [("", 1), ("\0", 1), ("b", 0), ("\u{10ffff}", 0)] {
        let page = store.item_search(&ItemQuery::default(), behind(text)).await.unwrap();
        assert_eq!(page.items.len(), items, "behind {text:?}");
    }
}

/// The largest page is full when there is more, and a page of one is one.
pub async fn a_page_holds_up_to_its_limit(store: &dyn Store) {
    let more = usize::from(PAGE_LIMIT_MAX) + 1;
    let created = join_all((0..more).map(|_| store.session_create(new_session("many")))).await;
    assert!(created.iter().all(Result::is_ok));
    let query = SessionQuery::default();
    let page = store.session_list(&query, first(PAGE_LIMIT_MAX).counted()).await.unwrap();
    assert_eq!((page.items.len(), page.total), (usize::from(PAGE_LIMIT_MAX), Some(more as u64)));
    let rest = store.session_list(&query, first(1).after(page.next.unwrap())).await.unwrap();
    assert_eq!((rest.items.len(), rest.next), (1, None));
    let all = page.items.iter().chain(&rest.items).map(|session| session.id);
    assert_eq!(all.collect::<std::collections::BTreeSet<_>>().len(), more);
}

/// Using a session between two pages moves it to the front, where a reader that is past it does not meet it again.
pub async fn a_session_used_between_pages_moves_to_the_front(store: &dyn Store) {
    let mut sessions = Vec::new();
    for number in 0..4 {
        let new = NewSession { now: at(-10 - number), ..new_session("talk") };
        sessions.push(store.session_create(new).await.unwrap());
    }
    let query = SessionQuery::default();
    let page = store.session_list(&query, first(2)).await.unwrap();
    let head = ThreadHead { thread_id: sessions[2].root_thread_id, entry_id: None };
    store.entry_append(head, said("used")).await.unwrap();
    talk(store, sessions[0].root_thread_id, 1).await;
    let rest = store.session_list(&query, first(9).after(page.next.unwrap())).await.unwrap();
    assert_eq!(rest.items, sessions[3..]);
}

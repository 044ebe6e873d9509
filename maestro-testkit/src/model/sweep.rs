//! The whole state of a store, read in every way that there is.

use std::num::NonZeroU32;

use maestro_core::{
    auth::AuthType,
    conversations::{LineageRange, TurnIndex},
    page::Direction,
    supplied_context::{ItemOrder, ItemType},
};

use super::{
    field::{Called, Mentioned, PageOf, Provider, Search, Tag, Title, When},
    names::{A, E, I, S, T},
    op::{Op, Program},
};

/// Where the cursors of the sweep's own pages are put. When nothing is there, the page before was the last.
pub(super) const PLACE: u8 = 200;

/// The reads that show everything that a program can have left behind, and one of each kind of thing that never was.
pub(super) fn sweep(program: &Program) -> Vec<Op> {
    let mut named = Mentioned::default();
    program.0.iter().for_each(|op| op.mention(&mut named));
    let mut reads = Vec::new();
    auths(&named, &mut reads);
    sessions(&named, &mut reads);
    for &thread in named.threads.iter().chain([&T(0)]) {
        reads.push(Op::ThreadGet { thread });
        let ranges = [
            LineageRange::All,
            LineageRange::Last(NonZeroU32::MIN.saturating_add(1)),
            LineageRange::UpTo(TurnIndex::new(2)),
        ];
        reads.extend(ranges.map(|range| Op::Lineage { thread, range }));
        for direction in [Direction::Ascending, Direction::Descending] {
            walk(2, |page| reads.push(Op::EntryPage { thread, direction, page }));
        }
    }
    for &entry in named.entries.iter().chain([&E(0)]) {
        reads.extend([Op::EntryGet { entry }, Op::EntryJournal { entry }]);
    }
    items(&named, &mut reads);
    reads
}

fn auths(named: &Mentioned, reads: &mut Vec<Op>) {
    reads.extend(named.auths.iter().chain([&A(0)]).map(|&auth| Op::AuthGet { auth }));
    if named.auths.is_empty() {
        return;
    }
    for name in Called::LIST.iter().copied().map(Called) {
        let provider = Provider(Provider::LIST[0]);
        reads.push(Op::AuthFind { provider, auth_type: AuthType::ApiKey, name });
    }
    walk(3, |page| reads.push(Op::AuthList { provider: None, auth_type: None, name: None, page }));
    reads.push(Op::AuthDue { before: When(u8::MAX), limit: 100 });
}

fn sessions(named: &Mentioned, reads: &mut Vec<Op>) {
    for &session in named.sessions.iter().chain([&S(0)]) {
        let everything =
            [Op::SessionGet { session }, Op::SessionOpen { session }, Op::ThreadList { session }];
        reads.extend(everything);
    }
    walk(3, |page| reads.push(Op::SessionList { name: None, auth: None, page }));
    let all = PageOf { limit: 1_000, after: None, count: true, keep: None };
    let titles = Title::LIST.iter().copied().map(Title);
    reads.extend(titles.map(|name| Op::SessionList { name: Some(name), auth: None, page: all }));
    let auths = named.auths.iter().copied();
    reads.extend(auths.map(|auth| Op::SessionList { name: None, auth: Some(auth), page: all }));
}

fn items(named: &Mentioned, reads: &mut Vec<Op>) {
    for &item in named.items.iter().chain([&I(0)]) {
        reads.extend([Op::ItemGet { item }, Op::ItemVersions { item }]);
    }
    if named.items.is_empty() {
        return;
    }
    let search = |text, order, direction, page| Op::ItemSearch {
        item_type: None,
        name: None,
        text: Search(text),
        tag: None,
        order,
        direction,
        page,
    };
    for order in [ItemOrder::Name, ItemOrder::UpdatedAt, ItemOrder::InsertedAt] {
        for direction in [Direction::Ascending, Direction::Descending] {
            walk(2, |page| reads.push(search("", order, direction, page)));
        }
    }
    let all = PageOf { limit: 1_000, after: None, count: true, keep: None };
    // One text in three, others with other programs: there are many, and each is a search.
    let texts = Search::LIST.iter().skip(named.items.len() % 3).step_by(3);
    reads.extend(texts.map(|text| search(text, ItemOrder::Name, Direction::Ascending, all)));
    for tag in Tag::LIST.iter().copied().map(Tag) {
        reads.push(Op::ItemSearch {
            item_type: Some(ItemType::Persona),
            name: None,
            text: Search(""),
            tag: Some(tag),
            order: ItemOrder::Name,
            direction: Direction::Ascending,
            page: all,
        });
    }
}

/// The first pages of a listing, each from where the one before ended.
fn walk(limit: u16, mut read: impl FnMut(PageOf)) {
    for number in 0..4 {
        read(PageOf { limit, after: (number > 0).then_some(PLACE), count: true, keep: Some(PLACE) });
    }
}

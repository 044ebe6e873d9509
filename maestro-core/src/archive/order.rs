//! The order in which the threads of a session can be written.

use std::collections::BTreeMap;

use super::{SessionRecord, ThreadRecord};

impl SessionRecord {
    /// Its threads, each behind the one from which it goes on; among others, in the order of the record.
    ///
    /// The order of a record is that of creation by the clock, which may have been put back meanwhile. A thread whose
    /// parent is not there, or that goes on from itself, is left out: a record that is valid has none.
    pub fn threads_parents_first(&self) -> Vec<&ThreadRecord> {
        let mut children: BTreeMap<_, Vec<&ThreadRecord>> = BTreeMap::new();
        let mut ordered = Vec::with_capacity(self.threads.len());
        for record in &self.threads {
            match record.thread.parent_thread_id {
                Some(parent) => children.entry(parent).or_default().push(record),
                None => ordered.push(record),
            }
        }
        let mut next = 0;
        while let Some(record) = ordered.get(next) {
            // Taken out, so that each thread comes once even where two have the same id.
            if let Some(found) = children.remove(&record.thread.id) {
                ordered.extend(found);
            }
            next += 1;
        }
        ordered
    }
}

#[cfg(test)]
mod tests {
    use crate::archive::fixture::session;

    #[test]
    fn a_thread_comes_behind_the_one_from_which_it_goes_on() {
        let record = session();
        let [fork, root, edit] = &*record.threads else { panic!("three threads") };
        assert_eq!(record.threads_parents_first(), [root, edit, fork]);
    }

    #[test]
    fn threads_that_lead_nowhere_are_left_out_and_no_circle_is_endless() {
        let mut record = session();
        let (fork, edit) = (record.threads[0].thread.id, record.threads[2].thread.id);
        record.threads[0].thread.parent_thread_id = Some(edit);
        record.threads[2].thread.parent_thread_id = Some(fork);
        assert_eq!(record.threads_parents_first(), [&record.threads[1]]);
    }
}

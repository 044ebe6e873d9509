//! Programs as a strategy of proptest: drawn from a seed, shrunk by leaving operations out and saying less in the rest.
//!
//! Any list of operations is a program, because a store answers each in every state, if only with a refusal. So nothing
//! has to be checked while one shrinks: first runs of operations go, half of them, a quarter, and so on down to single
//! ones, then fields get plain values.

use std::mem;

use proptest::{
    strategy::{NewTree, Strategy, ValueTree},
    test_runner::TestRunner,
};
use rand::Rng as _;

use super::{
    draw::program,
    op::{Op, Program},
};

/// All programs, or the one of a seed.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) seed: Option<u64>,
}

impl Strategy for Programs {
    type Tree = Shrinking;
    type Value = Seeded;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let seed = self.seed.unwrap_or_else(|| runner.rng().next_u64());
        Ok(Shrinking::new(seed, program(seed)))
    }
}

/// A program and the seed that it was drawn from.
#[derive(Debug, Clone)]
pub(super) struct Seeded {
    pub(super) seed: u64,
    pub(super) program: Program,
}

/// A program that fails, and the smaller one that is tried.
pub(super) struct Shrinking {
    seed: u64,
    failing: Vec<Op>,
    tried: Vec<Op>,
    next: Move,
    /// Whether this round has made it smaller; then there is another one.
    smaller: bool,
}

/// What is tried next.
#[derive(Clone, Copy)]
enum Move {
    /// To leave out `length` operations from `at` on.
    Cut { at: usize, length: usize },
    /// To take the simpler form `form` of the operation `at`.
    Simplify { at: usize, form: usize },
    /// Nothing is left to try.
    Done,
}

const SINGLES: Move = Move::Cut { at: 0, length: 1 };

impl Shrinking {
    fn new(seed: u64, program: Program) -> Self {
        let length = program.0.len().div_ceil(2);
        let next = Move::Cut { at: 0, length };
        Self { seed, failing: program.0.clone(), tried: program.0, next, smaller: false }
    }

    /// Sets the next smaller program up, if there is one.
    fn try_next(&mut self) -> bool {
        loop {
            match self.next {
                Move::Cut { at, length } if at < self.failing.len() => {
                    let end = (at + length).min(self.failing.len());
                    self.tried = [&self.failing[..at], &self.failing[end..]].concat();
                    return true;
                }
                // What was needed by something that is gone by now may go as well.
                Move::Cut { length: 0 | 1, .. } if mem::take(&mut self.smaller) => self.next = SINGLES,
                Move::Cut { length: 0 | 1, .. } => self.next = Move::Simplify { at: 0, form: 0 },
                Move::Cut { length, .. } => self.next = Move::Cut { at: 0, length: length / 2 },
                Move::Simplify { at, form } if at < self.failing.len() => {
                    if let Some(op) = self.failing[at].simpler().into_iter().nth(form) {
                        self.tried = self.failing.clone();
                        self.tried[at] = op;
                        return true;
                    }
                    self.next = Move::Simplify { at: at + 1, form: 0 };
                }
                Move::Simplify { .. } if mem::take(&mut self.smaller) => self.next = SINGLES,
                Move::Simplify { .. } | Move::Done => {
                    self.next = Move::Done;
                    return false;
                }
            }
        }
    }
}

impl ValueTree for Shrinking {
    type Value = Seeded;

    fn current(&self) -> Seeded {
        Seeded { seed: self.seed, program: Program(self.tried.clone()) }
    }

    /// What was tried fails too: it goes on from there.
    fn simplify(&mut self) -> bool {
        if self.tried != self.failing {
            self.failing.clone_from(&self.tried);
            self.smaller = true;
        }
        self.try_next()
    }

    /// What was tried does not fail: the next one.
    fn complicate(&mut self) -> bool {
        self.next = match self.next {
            Move::Cut { at, length } => Move::Cut { at: at + length, length },
            Move::Simplify { at, form } => Move::Simplify { at, form: form + 1 },
            Move::Done => Move::Done,
        };
        if self.try_next() {
            return true;
        }
        self.tried.clone_from(&self.failing);
        false
    }
}

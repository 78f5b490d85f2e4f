//! Turns: a flat list, sorted anew whenever somebody looks.

use std::cmp::Reverse;
use std::collections::HashMap;

use fastrand::Rng;

use crate::state::queue::priority_queue::PriorityQueue;
use rustyray_testkit::seeds;

/// Items by priority, then by the owner whose last turn was over longest ago, then in the order in which they came.
#[derive(Default)]
pub struct Line {
    items: Vec<Item>,
    /// When an owner came, or had its last turn, at each priority.
    served: HashMap<(i32, u64), u64>,
    /// How many of its items were taken in the turn that it has.
    taken: HashMap<(i32, u64), u32>,
    steps: u64,
}

#[derive(Clone, Copy)]
struct Item {
    name: usize,
    priority: i32,
    owner: u64,
    came: u64,
}

impl Line {
    pub fn push(&mut self, priority: i32, owner: u64, name: usize) {
        let came = self.step();
        if !self.items.iter().any(|item| (item.priority, item.owner) == (priority, owner)) {
            self.served.insert((priority, owner), came);
            self.taken.remove(&(priority, owner));
        }
        self.items.push(Item { name, priority, owner, came });
    }

    /// Whose turn it is, one after the other.
    pub fn order(&self) -> Vec<usize> {
        let mut items = self.items.clone();
        items.sort_by_key(|item| (Reverse(item.priority), self.served[&(item.priority, item.owner)], item.came));
        items.iter().map(|item| item.name).collect()
    }

    /// The item leaves. With so many as its owner's weight that has had its turn, if there are others.
    pub fn take(&mut self, name: usize, weight: u32) {
        let at = self.items.iter().position(|item| item.name == name).expect("it is there");
        let item = self.items.remove(at);
        let now = self.step();
        let place = (item.priority, item.owner);
        let is_alone = !self.items.iter().any(|other| other.priority == item.priority && other.owner != item.owner);
        let taken = self.taken.get(&place).copied().unwrap_or(0) + 1;
        if is_alone {
            self.taken.remove(&place);
        } else if taken >= weight {
            self.taken.remove(&place);
            self.served.insert(place, now);
        } else {
            self.taken.insert(place, taken);
        }
    }

    /// The items leave, and nobody had a turn.
    pub fn lose(&mut self, lost: impl Fn(usize) -> bool) {
        self.items.retain(|item| !lost(item.name));
    }

    fn owner(&self, name: usize) -> u64 {
        self.items.iter().find(|item| item.name == name).expect("it is there").owner
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    fn step(&mut self) -> u64 {
        self.steps += 1;
        self.steps
    }
}

#[test]
fn levels_take_turns_as_a_sorted_list_does() {
    seeds::each(200, |seed| {
        let mut rng = Rng::with_seed(seed);
        let (mut levels, mut line) = (PriorityQueue::default(), Line::default());
        for name in 0..500 {
            if rng.u8(..20) < 12 {
                let (priority, owner) = (rng.i32(-1..=1), rng.u64(..4));
                levels.push(priority, owner, name);
                line.push(priority, owner, name);
            } else {
                let first = line.order().first().copied();
                let weight = |owner: u64| [1, 1, 3, 2][owner as usize];
                let owner = first.map_or(0, |first| line.owner(first));
                assert_eq!(levels.pop(weight), first);
                first.into_iter().for_each(|first| line.take(first, weight(owner)));
            }
            assert_eq!(levels.first().map(|(_, item)| *item), line.order().first().copied());
            assert_eq!(levels.is_empty(), line.len() == 0);
        }
        let order = line.order();
        assert_eq!(std::iter::from_fn(|| levels.pop(|_| 1)).count(), order.len());
    });
}

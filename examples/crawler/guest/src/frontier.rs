//! What was found so far.

use std::collections::{BTreeMap, VecDeque};

use rustyray::prelude::*;

use crate::fetching::{Page, State};

/// Pages of a crawl. More are left alone.
const PAGES_MAX: usize = 500;

/// A page on the map.
#[derive(Clone, Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
pub struct Place {
    pub link: String,
    pub title: String,
    pub state: State,
    /// Links to follow from the start, by the shortest way.
    pub distance: usize,
    /// Where it leads, as numbers of places.
    pub leads_to: Vec<usize>,
}

/// What was found, the nearest first.
#[derive(Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
pub struct Site {
    pub pages: Vec<Place>,
}

/// Remembers every link that was ever met, and what was behind it.
#[rustyray::actor]
pub struct Frontier {
    /// `None` while a task is on its way there.
    pages: BTreeMap<String, Option<Page>>,
}

#[rustyray::actor_methods]
impl Frontier {
    pub fn new() -> Self {
        Frontier { pages: BTreeMap::new() }
    }

    /// Enters what is behind a link, and gives those of its own links that are new. Whoever gets them follows them:
    /// nobody else will.
    pub fn enter(&mut self, link: String, page: Page) -> Vec<String> {
        let links = page.links.clone();
        self.pages.insert(link, Some(page));
        let mut new = Vec::new();
        for link in links {
            if self.pages.len() < PAGES_MAX && !self.pages.contains_key(&link) {
                self.pages.insert(link.clone(), None);
                new.push(link);
            }
        }
        new
    }

    /// All that can be reached from `start`, with links of that site without their host, and those of others after
    /// them.
    pub fn site(&self, start: String) -> Site {
        let local = |link: &str| link.strip_prefix(&start).map_or_else(|| link.to_owned(), |path| format!("/{path}"));
        let distances = self.distances(&start);
        let mut order: Vec<_> = distances.iter().map(|(link, distance)| (*distance, local(link), *link)).collect();
        order.sort();
        let numbers: BTreeMap<_, _> = order.iter().enumerate().map(|(number, (.., link))| (*link, number)).collect();
        let place = |(distance, local, link): &(usize, String, &String)| {
            let page = self.page(link)?;
            let leads_to = page.links.iter().filter_map(|link| numbers.get(link).copied()).collect();
            let (link, title) = (local.clone(), page.title.clone());
            Some(Place { link, title, state: page.state, distance: *distance, leads_to })
        };
        Site { pages: order.iter().filter_map(place).collect() }
    }
}

impl Frontier {
    fn page(&self, link: &str) -> Option<&Page> {
        self.pages.get(link)?.as_ref()
    }

    /// How far each page is from the start.
    fn distances<'a>(&'a self, start: &'a String) -> BTreeMap<&'a String, usize> {
        let mut distances = BTreeMap::from([(start, 0)]);
        let mut open = VecDeque::from([start]);
        while let Some(link) = open.pop_front() {
            let further = distances[link] + 1;
            for next in self.page(link).into_iter().flat_map(|page| &page.links) {
                if self.page(next).is_some() && !distances.contains_key(next) {
                    distances.insert(next, further);
                    open.push_back(next);
                }
            }
        }
        distances
    }
}

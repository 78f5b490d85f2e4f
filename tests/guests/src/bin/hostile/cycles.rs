//! Objects that refer to each other, so that nobody is the last to let go of them.

use rustyray::prelude::*;

#[derive(Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
struct Link {
    to: Vec<ObjectRef<Link>>,
    filling: Vec<u8>,
}

/// Gives each link what it is to refer to.
#[rustyray::actor]
struct Smith {
    ends: Vec<ObjectRef<Link>>,
}

#[rustyray::actor_methods]
impl Smith {
    fn new() -> Self {
        Smith { ends: Vec::new() }
    }

    fn keep(&mut self, ends: Vec<ObjectRef<Link>>) {
        self.ends = ends;
    }

    fn give(&mut self) -> Vec<ObjectRef<Link>> {
        std::mem::take(&mut self.ends)
    }
}

/// Refers to the next link, and the last one to the first.
#[rustyray::remote]
async fn link(smith: SmithHandle, next: Vec<ObjectRef<Link>>, bytes: usize) -> Result<Link> {
    let mut to = next;
    while to.is_empty() {
        to = smith.give().await?;
    }
    Ok(Link { to, filling: vec![7; bytes] })
}

/// Makes a chain of so many links, and gives the first one.
async fn forge(smith: &SmithHandle, links: u32, bytes: usize) -> Result<ObjectRef<Link>> {
    let last = link.remote(smith.clone(), Vec::new(), bytes);
    let mut first = last.clone();
    let mut all = vec![last];
    for _ in 1..links {
        first = link.remote(smith.clone(), vec![first], bytes);
        all.push(first.clone());
    }
    smith.keep(vec![first.clone()]).await?;
    rustyray::get_all(&all).await?;
    Ok(first)
}

/// So many chains, one after the other, each of so many links and of so many bytes a link. Gives the bytes that they had in all.
#[rustyray::remote]
async fn chains(count: u32, links: u32, bytes: usize) -> Result<u64> {
    let smith = Smith::remote();
    for _ in 0..count {
        forge(&smith, links, bytes).await?;
    }
    Ok(u64::from(count) * u64::from(links) * bytes as u64)
}

/// One such chain, of which the first link is given.
#[rustyray::remote]
async fn chain(links: u32, bytes: usize) -> Result<ObjectRef<Link>> {
    forge(&Smith::remote(), links, bytes).await
}

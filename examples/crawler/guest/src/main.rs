//! A crawler: each page is fetched by a task of its own, and an actor remembers what was found, so that none is fetched
//! twice.

mod fetching;
mod frontier;
mod links;
mod map;

use frontier::{Frontier, FrontierHandle};
use rustyray::prelude::*;

const MAP: &str = "/picture/map.svg";

/// Fetches a page, reports what it found, and gives the links that nobody has followed yet. It mostly waits, hence the
/// part of a CPU.
#[rustyray::remote(timeout = "10s", num_cpus = 0.1)]
async fn follow(link: String, frontier: FrontierHandle) -> Result<Vec<String>> {
    let page = fetching::fetch(&link)?;
    frontier.enter(link, page).await
}

#[rustyray::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [start] = arguments.as_slice() else { rustyray::bail!("usage: crawler URL") };
    let frontier = Frontier::remote();
    crawl(start, &frontier).await?;

    let site = frontier.site(start.clone()).await?;
    println!("{:>5}  {:<9}  {:<35}  title", "links", "answer", "page");
    for page in &site.pages {
        let line = format!("{:>5}  {:<9}  {:<35}  {}", page.distance, page.state.name(), page.link, page.title);
        println!("{}", line.trim_end());
    }
    std::fs::write(MAP, map::svg(&site)?)?;
    Ok(())
}

/// Follows each link once, in whatever order they are found. A task that fetches keeps the network, and no folder.
async fn crawl(start: &str, frontier: &FrontierHandle) -> Result<()> {
    let grants = rustyray::context().grants.into_iter().filter(|grant| grant.starts_with("net:"));
    let following = follow.options().grants(grants);
    let mut running = vec![following.clone().remote(start.to_owned(), frontier.clone())];
    while !running.is_empty() {
        let (ready, rest) = rustyray::wait(&running, 1, None).await?;
        running = rest;
        for link in rustyray::get_all(&ready).await?.into_iter().flatten() {
            running.push(following.clone().remote(link, frontier.clone()));
        }
    }
    Ok(())
}

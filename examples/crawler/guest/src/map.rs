//! A map of the site: a column for each distance from the start.

use std::fmt::Write;

use rustyray::prelude::*;

use crate::fetching::State;
use crate::frontier::{Place, Site};

/// A page's box, and the room between boxes.
const BOX: (usize, usize) = (190, 34);
const GAP: (usize, usize) = (70, 18);
const MARGIN: usize = 24;

/// Draws it as an SVG.
pub fn svg(site: &Site) -> Result<String> {
    let columns = 1 + site.pages.iter().map(|place| place.distance).max().unwrap_or_default();
    let rows = |distance: usize| site.pages.iter().filter(|place| place.distance == distance).count();
    let most = (0..columns).map(rows).max().unwrap_or_default();
    let (width, height) = (corner(columns, most).0 - GAP.0 + MARGIN, corner(columns, most).1 - GAP.1 + MARGIN);
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"
font-family="sans-serif" font-size="12">
<rect width="{width}" height="{height}" rx="8" fill="#fff"/>
"##
    );
    let mut met = vec![0; columns];
    let mut corners = Vec::new();
    for place in &site.pages {
        // Shorter columns are in the middle.
        let (x, y) = corner(place.distance, met[place.distance]);
        corners.push((x, y + (most - rows(place.distance)) * (BOX.1 + GAP.1) / 2));
        met[place.distance] += 1;
    }
    for (place, from) in site.pages.iter().zip(&corners) {
        for to in place.leads_to.iter().filter(|to| site.pages[**to].distance > place.distance) {
            draw_link(&mut svg, *from, corners[*to])?;
        }
    }
    for (place, corner) in site.pages.iter().zip(&corners) {
        draw_page(&mut svg, place, *corner)?;
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn corner(column: usize, row: usize) -> (usize, usize) {
    (MARGIN + column * (BOX.0 + GAP.0), MARGIN + row * (BOX.1 + GAP.1))
}

/// A curve from a box's right side to another's left one.
fn draw_link(svg: &mut String, from: (usize, usize), to: (usize, usize)) -> Result<()> {
    let (x, y, end) = (from.0 + BOX.0, from.1 + BOX.1 / 2, (to.0, to.1 + BOX.1 / 2));
    let middle = usize::midpoint(x, end.0);
    let path = format!("M{x} {y}C{middle} {y} {middle} {} {} {}", end.1, end.0, end.1);
    Ok(writeln!(svg, r##"<path d="{path}" fill="none" stroke="#9ab"/>"##)?)
}

fn draw_page(svg: &mut String, place: &Place, (x, y): (usize, usize)) -> Result<()> {
    let (colour, line) = match place.state {
        State::Answered(200) => ("#e8f0fd", r##"stroke="#2f6fde""##),
        State::Refused => ("#fdeaea", r##"stroke="#d33" stroke-width="2" stroke-dasharray="5 4""##),
        State::Answered(_) | State::Unreachable => ("#f2f2f2", r##"stroke="#999""##),
    };
    let text = match place.state {
        State::Answered(200) => place.title.clone(),
        other => format!("{}: {}", other.name(), without_port(&place.link)),
    };
    let (width, height) = BOX;
    writeln!(svg, r##"<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="{colour}" {line}/>"##)?;
    let (x, y) = (x + width / 2, y + height / 2 + 4);
    Ok(writeln!(svg, r##"<text x="{x}" y="{y}" text-anchor="middle" fill="#222">{}</text>"##, escaped(&text))?)
}

/// The host and the path: ports are others each time.
fn without_port(link: &str) -> String {
    let (host, path) = link.trim_start_matches("http://").split_once('/').unwrap_or((link, ""));
    format!("{}/{path}", host.split(':').next().unwrap_or_default())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

//! The plot: how the price settles, and how sure it is, over the number of paths.

use std::fmt::Write;
use std::fs;

use rustyray::prelude::*;

use crate::estimate::Point;

/// Of the whole plot, and of the area within its axes.
const SIZE: (f64, f64) = (720.0, 400.0);
const AREA: (f64, f64, f64, f64) = (70.0, 50.0, 690.0, 350.0);

/// Writes the curve as an SVG.
pub fn write(path: &str, curve: &[Point]) -> Result<()> {
    let missing =
        |error| Error::msg(format!("cannot write {path} ({error}): grant a folder with `--dir HOST::/picture`"));
    fs::write(path, svg(curve)?).map_err(missing)
}

/// From paths and prices to places. Paths are on a logarithmic axis: the error halves with each fourfold of them.
struct Axes {
    paths: (f64, f64),
    prices: (f64, f64),
}

impl Axes {
    fn x(&self, paths: f64) -> f64 {
        let (from, to) = self.paths;
        AREA.0 + (paths / from).ln() / (to / from).ln() * (AREA.2 - AREA.0)
    }

    fn y(&self, price: f64) -> f64 {
        let (from, to) = self.prices;
        AREA.3 - (price.clamp(from, to) - from) / (to - from) * (AREA.3 - AREA.1)
    }

    fn line(&self, points: impl Iterator<Item = (u64, f64)>) -> String {
        points.map(|(paths, price)| format!("{:.1},{:.1} ", self.x(paths as f64), self.y(price))).collect()
    }
}

fn svg(curve: &[Point]) -> Result<String> {
    let (Some(first), Some(last)) = (curve.first(), curve.last()) else { rustyray::bail!("there is nothing to plot") };
    let around = (1.25 * first.range).max(0.01);
    let axes = Axes {
        paths: (first.paths as f64, (last.paths as f64).max(first.paths as f64 * 2.0)),
        prices: (last.price - around, last.price + around),
    };
    let (width, height) = SIZE;
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"
font-family="sans-serif" font-size="13" fill="#444">
<rect width="{width}" height="{height}" rx="8" fill="#fff"/>
<text x="{}" y="30" font-size="16" fill="#222">An Asian option's price: {:.4} ± {:.4} after {} paths</text>
"##,
        AREA.0, last.price, last.range, last.paths
    );
    grid(&mut svg, &axes)?;
    let upper = axes.line(curve.iter().map(|point| (point.paths, point.price + point.range)));
    let lower = axes.line(curve.iter().rev().map(|point| (point.paths, point.price - point.range)));
    let price = axes.line(curve.iter().map(|point| (point.paths, point.price)));
    writeln!(svg, r##"<polygon points="{upper}{lower}" fill="#2f6fde" fill-opacity="0.18"/>"##)?;
    writeln!(svg, r##"<polyline points="{price}" fill="none" stroke="#2f6fde" stroke-width="2"/>"##)?;
    svg.push_str("</svg>\n");
    Ok(svg)
}

/// A line for each step of a price, and for each doubling of paths.
fn grid(svg: &mut String, axes: &Axes) -> Result<()> {
    let (left, top, right, bottom) = AREA;
    let step =
        [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0].into_iter().find(|step| (axes.prices.1 - axes.prices.0) / step < 9.0);
    let step = step.unwrap_or(2.0);
    let mut price = (axes.prices.0 / step).ceil() * step;
    while price <= axes.prices.1 {
        let y = axes.y(price);
        writeln!(svg, r##"<path d="M{left} {y:.1}H{right}" stroke="#ddd"/>"##)?;
        writeln!(svg, r##"<text x="{}" y="{:.1}" text-anchor="end">{price:.2}</text>"##, left - 8.0, y + 4.5)?;
        price += step;
    }
    let mut paths = axes.paths.0;
    while paths <= axes.paths.1 {
        let x = axes.x(paths);
        writeln!(svg, r##"<path d="M{x:.1} {top}V{bottom}" stroke="#eee"/>"##)?;
        writeln!(svg, r##"<text x="{x:.1}" y="{}" text-anchor="middle">{}k</text>"##, bottom + 20.0, paths / 1e3)?;
        paths *= 2.0;
    }
    writeln!(
        svg,
        r##"<text x="{right}" y="{}" text-anchor="end">paths, and the price within its 95 % range</text>"##,
        bottom + 40.0
    )?;
    Ok(())
}

//! The plot: the losses, round by round.

use std::fmt::Write;
use std::fs;

use rustyray::prelude::*;

/// After a round.
pub struct Point {
    pub loss: f64,
    pub test_loss: f64,
    /// The part of the test's digits that was read right.
    pub right: f64,
}

/// Of the whole plot, and of the area within its axes.
const SIZE: (f64, f64) = (720.0, 400.0);
const AREA: (f64, f64, f64, f64) = (60.0, 50.0, 690.0, 350.0);

/// The loss at the top: a network that knows nothing has one of 2.3.
const LOSS_MAX: f64 = 2.5;

/// Writes the curves as an SVG.
pub fn write(path: &str, curve: &[Point]) -> Result<()> {
    let missing =
        |error| Error::msg(format!("cannot write {path} ({error}): grant a folder with `--dir HOST::/picture`"));
    fs::write(path, svg(curve)?).map_err(missing)
}

/// From rounds and losses to places.
struct Axes {
    rounds: usize,
}

impl Axes {
    fn x(&self, round: usize) -> f64 {
        AREA.0 + (AREA.2 - AREA.0) * round as f64 / self.rounds.max(1) as f64
    }

    fn y(&self, loss: f64) -> f64 {
        AREA.3 - (AREA.3 - AREA.1) * loss.min(LOSS_MAX) / LOSS_MAX
    }

    fn line(&self, losses: impl Iterator<Item = f64>) -> String {
        losses.enumerate().map(|(round, loss)| format!("{:.1},{:.1} ", self.x(round), self.y(loss))).collect()
    }
}

fn svg(curve: &[Point]) -> Result<String> {
    let Some(last) = curve.last() else { rustyray::bail!("there is nothing to plot") };
    let (axes, (width, height)) = (Axes { rounds: curve.len() - 1 }, SIZE);
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"
font-family="sans-serif" font-size="13" fill="#444">
<rect width="{width}" height="{height}" rx="8" fill="#fff"/>
<text x="{}" y="30" font-size="16" fill="#222">Reading digits: {:.1} % of the test's right after {} rounds</text>
"##,
        AREA.0,
        last.right * 100.0,
        axes.rounds
    );
    grid(&mut svg, &axes)?;
    let test = axes.line(curve.iter().map(|point| point.test_loss));
    let learnt = axes.line(curve.iter().map(|point| point.loss));
    draw(&mut svg, &test, AREA.1 + 25.0, ("#e0762f", "loss on the test's digits"))?;
    draw(&mut svg, &learnt, AREA.1 + 47.0, ("#2f6fde", "loss on those learnt from"))?;
    svg.push_str("</svg>\n");
    Ok(svg)
}

/// Five steps of losses and of rounds.
fn grid(svg: &mut String, axes: &Axes) -> Result<()> {
    let (left, _, right, bottom) = AREA;
    for step in 0..=5 {
        let (loss, round) = (LOSS_MAX * step as f64 / 5.0, axes.rounds * step / 5);
        let (x, y) = (axes.x(round), axes.y(loss));
        writeln!(svg, r##"<path d="M{left} {y:.1}H{right}" stroke="#ddd"/>"##)?;
        writeln!(svg, r##"<text x="{}" y="{:.1}" text-anchor="end">{loss:.1}</text>"##, left - 8.0, y + 4.5)?;
        writeln!(svg, r##"<text x="{x:.1}" y="{}" text-anchor="middle">{round}</text>"##, bottom + 20.0)?;
    }
    writeln!(svg, r##"<text x="{right}" y="{}" text-anchor="end">rounds</text>"##, bottom + 40.0)?;
    Ok(())
}

/// A curve, and at `y` what it is.
fn draw(svg: &mut String, points: &str, y: f64, (colour, name): (&str, &str)) -> Result<()> {
    let right = AREA.2;
    writeln!(svg, r##"<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>"##)?;
    writeln!(svg, r##"<path d="M{} {y}h28" stroke="{colour}" stroke-width="2"/>"##, right - 230.0)?;
    writeln!(svg, r##"<text x="{}" y="{}">{name}</text>"##, right - 192.0, y + 4.5)?;
    Ok(())
}

//! A picture of the Mandelbrot set: each tile is a task, in a sandbox of its own, and the driver puts them together as
//! they come.

mod canvas;

use canvas::{Canvas, Tile};
use rustyray::prelude::*;

/// Pixels of the picture.
const WIDTH: usize = 800;
const HEIGHT: usize = 600;

/// Pixels along a tile's side. Where the set is a tile takes far longer than elsewhere, so many small ones share out
/// better.
const TILE: usize = 50;

const PICTURE: &str = "/picture/mandelbrot.png";

/// The part of the plane that is shown: its left upper corner, and the side of a pixel.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
struct View {
    left: f64,
    top: f64,
    pixel: f64,
}

impl View {
    /// The part of this width around `(x, y)`.
    fn around(x: f64, y: f64, width: f64) -> Self {
        let pixel = width / WIDTH as f64;
        View { left: x - pixel * WIDTH as f64 / 2.0, top: y + pixel * HEIGHT as f64 / 2.0, pixel }
    }
}

/// Paints a tile. Pure: what comes out depends on its arguments alone.
#[rustyray::remote(pure, memory = "8MiB")]
fn paint(view: View, column: usize, row: usize) -> Tile {
    let places = (row..row + TILE).flat_map(|row| (column..column + TILE).map(move |column| (column, row)));
    let colour = |(column, row)| {
        fractal::pixel(view.left + column as f64 * view.pixel, view.top - row as f64 * view.pixel, view.pixel)
    };
    Tile { column, row, side: TILE, pixels: places.flat_map(colour).collect() }
}

#[rustyray::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let view = match arguments.as_slice() {
        [] => View::around(-0.68, 0.0, 2.9),
        [x, y, width] => View::around(number(x)?, number(y)?, number(width)?),
        _ => rustyray::bail!("usage: mandelbrot [X Y WIDTH]"),
    };
    let canvas = painted(view).await?;
    print!("{}", canvas.preview());
    let bytes = canvas.save(PICTURE)?;
    let tiles = (WIDTH / TILE) * (HEIGHT / TILE);
    println!("{tiles} tiles, a task each: {WIDTH} x {HEIGHT} pixels, {} KiB in {PICTURE}", bytes >> 10);
    Ok(())
}

fn number(text: &str) -> Result<f64> {
    text.parse().map_err(|_| Error::msg(format!("'{text}' is no number")))
}

/// Starts all tiles, and puts each in its place as soon as it is there, whichever that is.
async fn painted(view: View) -> Result<Canvas> {
    let rows = (0..HEIGHT).step_by(TILE);
    let places = rows.flat_map(|row| (0..WIDTH).step_by(TILE).map(move |column| (column, row)));
    let mut missing: Vec<_> = places.map(|(column, row)| paint.remote(view, column, row)).collect();
    let mut canvas = Canvas::new(WIDTH, HEIGHT);
    while !missing.is_empty() {
        let (ready, rest) = rustyray::wait(&missing, 1, None).await?;
        for tile in rustyray::get_all(&ready).await? {
            canvas.put(&tile);
        }
        missing = rest;
    }
    Ok(canvas)
}

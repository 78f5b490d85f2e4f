//! The picture that is put together.

use std::fs::File;
use std::io::BufWriter;

use rustyray::prelude::*;

/// Bytes of a pixel: red, green, blue.
const BYTES: usize = 3;

/// Pixels that become one character of the preview, which is twice as high as it is wide.
const LETTER: (usize, usize) = (10, 20);

/// Characters from dark to bright.
const SHADES: &[u8] = b"  .:-=+*#%@";

/// A square of the picture: its left upper corner, its side, and its colours row by row.
#[derive(Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
pub struct Tile {
    pub column: usize,
    pub row: usize,
    pub side: usize,
    pub pixels: Vec<u8>,
}

/// Pixels, row by row.
pub struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    pub fn new(width: usize, height: usize) -> Self {
        Canvas { width, height, pixels: vec![0; width * height * BYTES] }
    }

    pub fn put(&mut self, tile: &Tile) {
        for (line, colours) in tile.pixels.chunks_exact(tile.side * BYTES).enumerate() {
            let start = ((tile.row + line) * self.width + tile.column) * BYTES;
            self.pixels[start..start + colours.len()].copy_from_slice(colours);
        }
    }

    /// Writes it as a PNG, and says how many bytes that takes.
    pub fn save(&self, path: &str) -> Result<u64> {
        let missing =
            |error| Error::msg(format!("cannot write {path} ({error}): grant a folder with `--dir HOST::/picture`"));
        let file = File::create(path).map_err(missing)?;
        let mut encoder = png::Encoder::new(BufWriter::new(&file), self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.pixels)?;
        writer.finish()?;
        Ok(file.metadata()?.len())
    }

    /// What it looks like from afar, in characters.
    pub fn preview(&self) -> String {
        let mut preview = String::new();
        for row in (0..self.height).step_by(LETTER.1) {
            let line: String = (0..self.width).step_by(LETTER.0).map(|column| self.letter(column, row)).collect();
            preview.push_str(line.trim_end());
            preview.push('\n');
        }
        preview
    }

    /// The mean brightness of a letter's pixels.
    fn letter(&self, column: usize, row: usize) -> char {
        let rows = row..self.height.min(row + LETTER.1);
        let line = |row: usize| &self.pixels[(row * self.width + column) * BYTES..][..LETTER.0 * BYTES];
        let sum: usize = rows.clone().flat_map(line).map(|part| usize::from(*part)).sum();
        let brightness = sum / (rows.len() * LETTER.0 * BYTES);
        SHADES[brightness * SHADES.len() / 256].into()
    }
}

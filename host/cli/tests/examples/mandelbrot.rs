//! The picture, pixel by pixel, beside one that was worked out here.

use std::fs;
use std::path::Path;

use crate::{Readme, printed, rustyray_host};

const WIDTH: usize = 800;
const HEIGHT: usize = 600;

/// Red, green and blue of each pixel.
fn pixels(path: &Path) -> Vec<u8> {
    let png = fs::read(path).expect("the picture is there");
    let (data, header) = png
        .split_at_checked(8)
        .map(|(signature, chunks)| {
            assert_eq!(signature, b"\x89PNG\r\n\x1a\n");
            (of_kind(chunks, b"IDAT"), of_kind(chunks, b"IHDR"))
        })
        .expect("it is a PNG");
    // Eight bits each of red, green and blue, rows from top to bottom.
    let size = [WIDTH, HEIGHT].map(|side| (side as u32).to_be_bytes()).concat();
    assert_eq!(header, [&size[..], &[8, 2, 0, 0, 0]].concat());
    unfiltered(&miniz_oxide::inflate::decompress_to_vec_zlib(&data).expect("it is whole"))
}

/// The data of a PNG's chunks of this kind, one after the other.
fn of_kind(mut chunks: &[u8], kind: &[u8; 4]) -> Vec<u8> {
    let mut found = Vec::new();
    while let Some((head, rest)) = chunks.split_at_checked(8) {
        let length = u32::from_be_bytes(head[..4].try_into().expect("four")) as usize;
        if head[4..] == *kind {
            found.extend_from_slice(&rest[..length]);
        }
        // A checksum follows.
        chunks = &rest[length + 4..];
    }
    found
}

/// The rows, each of which begins with how its bytes were foretold from those to the left and above.
fn unfiltered(data: &[u8]) -> Vec<u8> {
    let mut above = vec![0u8; WIDTH * 3];
    let mut pixels = Vec::new();
    for line in data.chunks_exact(1 + WIDTH * 3) {
        assert!(line[0] <= 4, "there is no filter {}", line[0]);
        let mut row = vec![0u8; WIDTH * 3];
        for (place, byte) in line[1..].iter().enumerate() {
            let before = |row: &[u8]| place.checked_sub(3).map_or(0, |left| i32::from(row[left]));
            let (left, up, corner) = (before(&row), i32::from(above[place]), before(&above));
            let foretold = match line[0] {
                0 => 0,
                1 => left,
                2 => up,
                3 => (left + up) / 2,
                _ => [left, up, corner].into_iter().min_by_key(|near| (left + up - corner - near).abs()).unwrap_or(0),
            };
            row[place] = byte.wrapping_add(foretold as u8);
        }
        pixels.extend_from_slice(&row);
        above = row;
    }
    pixels
}

/// The same without the guest, but for one in a colour: logarithms and cosines may differ in the last place from one
/// system to another. The places are added up as the guest does: near the set another last place is another colour.
fn assert_shows(picture: &[u8], (x, y): (f64, f64), width: f64) {
    let size = width / WIDTH as f64;
    let (left, top) = (x - size * WIDTH as f64 / 2.0, y + size * HEIGHT as f64 / 2.0);
    for (place, shown) in picture.chunks_exact(3).enumerate() {
        let (column, row) = (place % WIDTH, place / WIDTH);
        // What the guest calls for each of its pixels, on this machine and in one go: no tiles, no sandbox.
        let expected = fractal::pixel(left + column as f64 * size, top - row as f64 * size, size);
        let near = shown.iter().zip(expected).all(|(shown, expected)| shown.abs_diff(expected) <= 1);
        assert!(near, "at {column}, {row} there is {shown:?}, not {expected:?}");
    }
}

#[test]
fn mandelbrot_paints_each_pixel_in_its_place() {
    let (readme, folder) = (Readme::of("mandelbrot"), tempfile::tempdir().expect("a folder"));
    assert_eq!(printed(&readme.run_in(folder.path(), &[])), readme.output());
    let picture = pixels(&folder.path().join("picture/mandelbrot.png"));
    assert_shows(&picture, (-0.68, 0.0), 2.9);
    // The middle of the set's largest part, of the next, and a point outside.
    let at = |x: f64, y: f64| {
        let pixels = |distance: f64| distance * WIDTH as f64 / 2.9;
        let (column, row) = (WIDTH as f64 / 2.0 + pixels(x + 0.68), HEIGHT as f64 / 2.0 - pixels(y));
        let place = row as usize * WIDTH + column as usize;
        <[u8; 3]>::try_from(&picture[place * 3..][..3]).expect("three")
    };
    assert_eq!((at(-0.1, 0.1), at(-1.0, 0.1)), ([0; 3], [0; 3]));
    assert_ne!(at(0.5, 0.8), [0; 3]);
}

#[test]
fn mandelbrot_shows_the_part_that_is_asked_for_and_needs_a_folder() {
    let (readme, folder) = (Readme::of("mandelbrot"), tempfile::tempdir().expect("a folder"));
    printed(&readme.run_in(folder.path(), &["-0.25", "0.85", "0.6"]));
    assert_shows(&pixels(&folder.path().join("picture/mandelbrot.png")), (-0.25, 0.85), 0.6);

    let guest = rustyray_testkit::guest("mandelbrot").display().to_string();
    let refused = rustyray_host(["run", &guest]);
    let error = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && error.contains("grant a folder with `--dir HOST::/picture`"), "{error}");
}

//! Sizes, times, fuel and counts, as they are written on the command line.

use std::time::Duration;

use rustyray_host::limits::MEMORY_BYTES_MAX;

const UNITS: &[(&str, u64)] = &[
    ("", 1),
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// `64MiB`, `0.5GB`, or bytes.
pub fn size(text: &str) -> Result<u64, String> {
    let wanted = "expected bytes, or a number and KB, MB, GB, KiB, MiB or GiB, such as 64MiB";
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (_, scale) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim())).ok_or(wanted)?;
    let number = number.replace('_', "");
    let bytes = match number.parse::<u64>() {
        Ok(whole) => whole.checked_mul(*scale),
        Err(_) => number.parse::<f64>().ok().and_then(|part| rounded(part * *scale as f64)),
    };
    bytes.ok_or_else(|| wanted.to_owned())
}

/// A size that says what it counts: a file is read long after it was written.
pub fn with_unit(text: &str) -> Result<(), String> {
    match text.trim().ends_with(|c: char| c.is_ascii_digit() || c == '.') {
        true => Err(format!("{text} of what? Say the unit, such as {text}MiB, or {text}B for bytes")),
        false => Ok(()),
    }
}

fn rounded(bytes: f64) -> Option<u64> {
    (bytes < u64::MAX as f64).then(|| bytes.round() as u64)
}

/// A size that a guest's memory can have.
pub fn memory(text: &str) -> Result<u64, String> {
    match size(text)? {
        0 => Err("a guest needs some memory, at least 64KiB".to_owned()),
        bytes if bytes > MEMORY_BYTES_MAX => Err("a guest has 32-bit addresses: at most 4GiB".to_owned()),
        bytes => Ok(bytes),
    }
}

/// A size of what several guests have together.
pub fn memory_of_all(text: &str) -> Result<u64, String> {
    match size(text)? {
        0 => Err("guests need some memory, at least 64KiB each".to_owned()),
        bytes => Ok(bytes),
    }
}

/// `5s`, `1m 30s`, `500ms`.
pub fn time(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "expected a number and ms, s, m or h, such as 5s or 1m30s".to_owned())
}

/// The same, of what nobody can do in no time.
pub fn time_limit(text: &str) -> Result<Duration, String> {
    match time(text)? {
        Duration::ZERO => Err("expected more than no time at all, such as 5s or 1m30s".to_owned()),
        time => Ok(time),
    }
}

/// `1_000_000`.
pub fn fuel(text: &str) -> Result<u64, String> {
    whole(text)
        .filter(|fuel| *fuel > 0)
        .ok_or_else(|| "expected a whole number above 0 (about one unit an instruction), such as 50_000_000".to_owned())
}

/// A count of something.
pub fn count(text: &str) -> Result<u64, String> {
    whole(text).filter(|count| *count > 0).ok_or_else(|| "expected a whole number above 0".to_owned())
}

/// A count of instances.
pub fn instances(text: &str) -> Result<u32, String> {
    whole(text)
        .and_then(|count| u32::try_from(count).ok())
        .filter(|count| *count > 0)
        .ok_or_else(|| "expected a whole number above 0".to_owned())
}

/// `2`, `0.5`.
pub fn cpus(text: &str) -> Result<f64, String> {
    amount(text).filter(|count| *count >= 0.001).ok_or_else(|| "expected a number above 0, such as 2 or 0.5".to_owned())
}

/// `gpu=1`.
pub fn resource(text: &str) -> Result<(String, f64), String> {
    text.split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .and_then(|(name, count)| Some((name.to_owned(), amount(count)?)))
        .filter(|(_, count)| *count == 0.0 || *count >= 0.001)
        .ok_or_else(|| "expected NAME=NUMBER, to three decimals, such as gpu=1".to_owned())
}

/// A number of digits; `_` may group them.
fn whole(text: &str) -> Option<u64> {
    text.starts_with(|c: char| c.is_ascii_digit()).then(|| text.replace('_', "").parse().ok())?
}

fn amount(text: &str) -> Option<f64> {
    let amount = text.parse::<f64>().ok()?;
    (0.0..=1e9).contains(&amount).then_some(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("64MiB", 64 << 20),
            ("1 KB", 1000),
            ("4096", 4096),
            ("0.5GiB", 1 << 29),
            ("1_000b", 1000),
            ("2gib", 2 << 30),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "-1", "1TB", "1.2.3MB", ".", "99999999999GiB", "1e3", "inf"] {
            assert!(size(text).is_err(), "{text}");
        }
        assert!(with_unit("64MiB").is_ok() && with_unit("64 B").is_ok());
        assert!(with_unit("64").is_err() && with_unit("6.").is_err());
        assert!(memory("4GiB").is_ok() && memory("5GiB").is_err() && memory("0").is_err());
    }

    #[test]
    fn numbers_are_what_they_seem() {
        assert_eq!(fuel("1_000_000"), Ok(1_000_000));
        for text in ["", "0", "-1", "1.5", "_1", "x", "18446744073709551616"] {
            assert!(fuel(text).is_err(), "{text}");
        }
        assert_eq!(resource("gpu=0.5"), Ok(("gpu".to_owned(), 0.5)));
        for text in ["gpu", "=1", "gpu=", "gpu=NaN", "gpu=-1", "gpu=inf"] {
            assert!(resource(text).is_err(), "{text}");
        }
        assert!(cpus("0").is_err() && cpus("0.5").is_ok());
    }

    #[test]
    fn times_have_units() {
        assert_eq!(time("1m30s"), Ok(Duration::from_secs(90)));
        for text in ["5", "", "-1s", "s", "99999999999999999999s"] {
            assert!(time(text).is_err(), "{text}");
        }
        assert!(time("0s").is_ok() && time_limit("0s").is_err() && time_limit("1ns").is_ok());
    }
}

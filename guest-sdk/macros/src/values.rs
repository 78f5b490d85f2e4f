//! The values that attributes may have, read at compile time.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, Lit, Result};

/// Names are at most this long at the boundary between guest and host.
const NAME_BYTES_MAX: usize = 256;

const TIMES: &[(&str, u64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

const SIZES: &[(&str, u64)] = &[
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// `5`, of the type that the option has.
pub fn integer<T>(value: &Expr) -> Result<T>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let text = number_text(value).filter(|text| !text.contains('.'));
    let text = text.ok_or_else(|| Error::new(value.span(), "an integer is wanted, such as 3"))?;
    let wrong = |error| Error::new(value.span(), format!("{text} is not a `{}`: {error}", std::any::type_name::<T>()));
    text.parse().map_err(wrong)
}

/// `true` or `false`.
pub fn boolean(value: &Expr) -> Result<bool> {
    match literal(value) {
        Some(Lit::Bool(answer)) => Ok(answer.value),
        _ => Err(Error::new(value.span(), "`true` or `false` is wanted")),
    }
}

/// `"text"`.
pub fn text(value: &Expr) -> Result<String> {
    match literal(value) {
        Some(Lit::Str(text)) => Ok(text.value()),
        _ => Err(Error::new(value.span(), "a text is wanted, in quotes")),
    }
}

/// `"text"` that the host takes as a name.
pub fn name(value: &Expr) -> Result<String> {
    let name = text(value)?;
    check_name(&name, value.span())?;
    Ok(name)
}

fn check_name(name: &str, span: Span) -> Result<()> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(Error::new(span, "a name has 1 to 256 bytes and no control characters"));
    }
    Ok(())
}

/// `"5s"` in nanoseconds.
pub fn time_ns(value: &Expr) -> Result<u64> {
    let wanted = "a time is wanted: a number and ns, us, ms, s, m or h, such as \"5s\"";
    let text = text(value).map_err(|_| Error::new(value.span(), wanted))?;
    amount(&text, TIMES).ok_or_else(|| Error::new(value.span(), wanted))
}

/// `"64MiB"`, or a number of bytes.
pub fn size_bytes(value: &Expr) -> Result<u64> {
    if let Ok(bytes) = integer(value) {
        return Ok(bytes);
    }
    let wanted = "a size is wanted: bytes, or a number and B, KB, MB, GB, KiB, MiB or GiB, such as \"64MiB\"";
    let text = text(value).map_err(|_| Error::new(value.span(), wanted))?;
    amount(&text, SIZES).ok_or_else(|| Error::new(value.span(), wanted))
}

/// `1` or `0.5` in thousandths.
pub fn thousandths(value: &Expr) -> Result<u32> {
    let parsed = number_text(value).and_then(|text| scaled(&text, 1000)).and_then(|milli| u32::try_from(milli).ok());
    parsed.ok_or_else(|| Error::new(value.span(), "an amount is wanted, to three decimals, such as 1 or 0.5"))
}

/// `"gpu=1, disk=0.5"`, each in thousandths.
pub fn resources(value: &Expr) -> Result<Vec<(String, u32)>> {
    let wanted = || Error::new(value.span(), "names and amounts are wanted, such as \"gpu=1, disk=0.5\"");
    let text = text(value).map_err(|_| wanted())?;
    let resource = |part: &str| {
        let (name, amount) = part.split_once('=').ok_or_else(wanted)?;
        check_name(name.trim(), value.span())?;
        let milli = scaled(amount.trim(), 1000).and_then(|milli| u32::try_from(milli).ok()).ok_or_else(wanted)?;
        Ok((name.trim().to_owned(), milli))
    };
    let resources: Vec<(String, u32)> = text.split(',').map(resource).collect::<Result<_>>()?;
    each_once(&resources, value)?;
    Ok(resources)
}

/// `"io=2, compute=1"`, each name once and each number from 1 to `max`.
pub fn counts(value: &Expr, max: u32) -> Result<Vec<(String, u32)>> {
    let wanted = || {
        let text = format!("names and numbers from 1 to {max} are wanted, such as \"io=2, compute=1\"");
        Error::new(value.span(), text)
    };
    let text = text(value).map_err(|_| wanted())?;
    let mut counts: Vec<(String, u32)> = Vec::new();
    for part in text.split(',') {
        let (name, count) = part.split_once('=').ok_or_else(wanted)?;
        let (name, count) = (name.trim(), count.trim().parse().ok().filter(|count| (1..=max).contains(count)));
        check_name(name, value.span())?;
        counts.push((name.to_owned(), count.ok_or_else(wanted)?));
    }
    each_once(&counts, value)?;
    Ok(counts)
}

fn each_once(named: &[(String, u32)], value: &Expr) -> Result<()> {
    let twice =
        named.iter().enumerate().find(|(place, (name, _))| named[..*place].iter().any(|(other, _)| other == name));
    match twice {
        Some((_, (name, _))) => Err(Error::new(value.span(), format!("`{name}` is said twice"))),
        None => Ok(()),
    }
}

/// `["dir:/data:ro", "clock"]`.
pub fn names(value: &Expr) -> Result<Vec<String>> {
    match value {
        Expr::Array(array) => array.elems.iter().map(name).collect(),
        _ => Err(Error::new(value.span(), "a list of names is wanted, such as [\"dir:/data:ro\"]")),
    }
}

fn literal(value: &Expr) -> Option<&Lit> {
    match value {
        Expr::Lit(ExprLit { lit, .. }) => Some(lit),
        Expr::Group(group) => literal(&group.expr),
        _ => None,
    }
}

/// The digits of a number, with its sign, without what groups them.
fn number_text(value: &Expr) -> Option<String> {
    if let Expr::Unary(syn::ExprUnary { op: syn::UnOp::Neg(_), expr, .. }) = value {
        return number_text(expr).map(|digits| format!("-{digits}"));
    }
    match literal(value)? {
        Lit::Int(number) if number.suffix().is_empty() => Some(number.base10_digits().to_owned()),
        Lit::Float(number) if number.suffix().is_empty() => Some(number.base10_digits().to_owned()),
        _ => None,
    }
}

fn amount(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_')?;
    let (number, unit) = text.split_at(end);
    let (_, scale) = units.iter().find(|(name, _)| *name == unit.trim())?;
    scaled(&number.replace('_', ""), *scale)
}

/// A decimal number times `scale`, where that is an integer.
fn scaled(text: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || text.ends_with('.') {
        return None;
    }
    let whole = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    let denominator = 10u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let numerator = if fraction.is_empty() { 0 } else { fraction.parse::<u64>().ok()?.checked_mul(scale)? };
    if numerator % denominator != 0 {
        return None;
    }
    whole.checked_add(numerator / denominator)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expr(text: &str) -> Expr {
        syn::parse_str(text).unwrap()
    }

    fn refusal<T: std::fmt::Debug>(result: Result<T>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn times() {
        let cases = [
            (r#""5s""#, 5_000_000_000),
            (r#""1.5 ms""#, 1_500_000),
            (r#""2h""#, 7_200_000_000_000),
            (r#""10m""#, 600_000_000_000),
            (r#""7us""#, 7000),
            (r#""1_000ns""#, 1000),
        ];
        for (text, ns) in cases {
            assert_eq!(time_ns(&expr(text)).unwrap(), ns, "{text}");
        }
        for text in [r#""5""#, r#""s""#, r#""5 days""#, "5", r#""-1s""#, r#""1.5ns""#, r#""99999999999999h""#] {
            assert!(refusal(time_ns(&expr(text))).starts_with("a time is wanted"), "{text}");
        }
    }

    #[test]
    fn sizes() {
        let cases =
            [(r#""64MiB""#, 64 << 20), (r#""1 KB""#, 1000), ("4096", 4096), (r#""0.5GiB""#, 1 << 29), (r#""7B""#, 7)];
        for (text, bytes) in cases {
            assert_eq!(size_bytes(&expr(text)).unwrap(), bytes, "{text}");
        }
        for text in [r#""64""#, r#""64mb""#, "-1", "1.5", r#""""#] {
            assert!(refusal(size_bytes(&expr(text))).starts_with("a size is wanted"), "{text}");
        }
    }

    #[test]
    fn amounts() {
        for (text, milli) in [("1", 1000), ("0.5", 500), ("0.125", 125), ("16", 16000), ("0", 0)] {
            assert_eq!(thousandths(&expr(text)).unwrap(), milli, "{text}");
        }
        for text in ["-1", "0.0001", "\"1\"", "1f64", "99999999"] {
            assert!(refusal(thousandths(&expr(text))).starts_with("an amount is wanted"), "{text}");
        }
    }

    #[test]
    fn integers() {
        assert_eq!(integer::<u64>(&expr("50_000_000")).unwrap(), 50_000_000);
        assert_eq!(integer::<i32>(&expr("-5")).unwrap(), -5);
        assert!(refusal(integer::<u32>(&expr("-5"))).contains("invalid digit"));
        assert!(refusal(integer::<u32>(&expr("5000000000"))).contains("too large"));
        assert!(refusal(integer::<u32>(&expr("x"))).starts_with("an integer is wanted"));
        assert!(refusal(integer::<u32>(&expr("1.5"))).starts_with("an integer is wanted"));
    }

    #[test]
    fn lists() {
        let both = resources(&expr(r#""gpu=1, disk = 0.5""#)).unwrap();
        assert_eq!(both, [("gpu".to_owned(), 1000), ("disk".to_owned(), 500)]);
        assert!(refusal(resources(&expr(r#""gpu""#))).starts_with("names and amounts"));
        assert_eq!(refusal(resources(&expr(r#""gpu=1, gpu=2""#))), "`gpu` is said twice");
        for wrong in ["gpu=-1", "gpu=NaN", "gpu=0.0001"] {
            assert!(refusal(resources(&expr(&format!("{wrong:?}")))).starts_with("names and amounts"), "{wrong}");
        }
        assert_eq!(names(&expr(r#"["clock", "env:A"]"#)).unwrap(), ["clock", "env:A"]);
        assert!(refusal(names(&expr(r#""clock""#))).starts_with("a list of names"));
        assert!(refusal(name(&expr("\"a\\nb\""))).contains("control characters"));
    }
}

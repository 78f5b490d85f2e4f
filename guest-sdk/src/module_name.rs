//! Names of another module's: `MODULE:NAME`.

/// The module of `MODULE:TYPE`, divided at the first ':' that stands alone: paths of types have two.
pub(crate) fn module_of(name: &str) -> Option<&str> {
    let mut from = 0;
    loop {
        let colon = from + name[from..].find(':')?;
        match name[colon + 1..].starts_with(':') {
            true => from = colon + 2,
            false => return Some(&name[..colon]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::module_of;

    #[test]
    fn the_first_single_colon_divides() {
        for (name, module) in [("calc:Counter", "calc"), ("calc:a::B", "calc"), (":B", ""), ("a::b:C", "a::b")] {
            assert_eq!(module_of(name), Some(module), "{name}");
        }
        for own in ["", "Counter", "a::B", "a::b::C", "::"] {
            assert_eq!(module_of(own), None, "{own}");
        }
    }
}

//! How much of what modules share each of them gets.

use super::limits::WEIGHT_MAX;

/// A number that is no weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no weight for a module: a weight is a whole number from 1 to {WEIGHT_MAX}")]
pub struct WeightError(pub u32);

/// Checks the weight of a module.
///
/// # Errors
/// It is 0, or more than [`WEIGHT_MAX`].
pub fn check_weight(weight: u32) -> Result<u32, WeightError> {
    match weight {
        1..=WEIGHT_MAX => Ok(weight),
        _ => Err(WeightError(weight)),
    }
}

/// The part of `whole` that is due to one of this weight, where those who share it weigh `all` together.
pub fn part(whole: u64, weight: u32, all: u32) -> u64 {
    // A part of it is no more than it is.
    (u128::from(whole) * u128::from(weight) / u128::from(all.max(weight).max(1))) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_have_bounds() {
        assert_eq!((check_weight(1), check_weight(WEIGHT_MAX)), (Ok(1), Ok(100)));
        for wrong in [0, WEIGHT_MAX + 1, u32::MAX] {
            let text = check_weight(wrong).unwrap_err().to_string();
            assert!(text.contains("from 1 to 100") && text.starts_with(&wrong.to_string()), "{text}");
        }
    }

    #[test]
    fn parts_are_in_proportion() {
        assert_eq!((part(4000, 3, 4), part(4000, 1, 4), part(10, 1, 3)), (3000, 1000, 3));
        assert_eq!((part(u64::MAX, 1, 1), part(7, 1, 0)), (u64::MAX, 7));
    }
}

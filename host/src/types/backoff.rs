//! How long a task rests between two attempts.

use std::time::Duration;

use super::limits::{RETRY_BACKOFF_MAX, RETRY_JITTER_PERCENT};

/// Time from the failure of an attempt (1 for the first) to the next one: `base`, doubled with each attempt, at most
/// [`RETRY_BACKOFF_MAX`], and shortened by up to [`RETRY_JITTER_PERCENT`], as `random` has it. Without a base there is none.
pub fn backoff(base: Duration, attempt: u32, random: u64) -> Duration {
    let doubled = 2u32.checked_pow(attempt.saturating_sub(1)).and_then(|times| base.checked_mul(times));
    let longest = match doubled {
        Some(doubled) => doubled.min(RETRY_BACKOFF_MAX),
        None if base.is_zero() => Duration::ZERO,
        None => RETRY_BACKOFF_MAX,
    };
    let share = random % u64::from(RETRY_JITTER_PERCENT + 1);
    longest * (100 - share as u32) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Duration = Duration::from_millis(100);

    #[test]
    fn it_doubles_up_to_the_longest() {
        let rests: Vec<_> = (1..=4).map(|attempt| backoff(BASE, attempt, 0)).collect();
        assert_eq!(rests, [1, 2, 4, 8].map(|times| BASE * times));
        for attempt in [20, 32, 33, u32::MAX] {
            assert_eq!(backoff(BASE, attempt, 0), RETRY_BACKOFF_MAX);
        }
        assert_eq!(backoff(Duration::MAX, 1, 0), RETRY_BACKOFF_MAX);
    }

    #[test]
    fn no_base_is_no_rest() {
        assert!([0, 1, 2, 40, u32::MAX].iter().all(|attempt| backoff(Duration::ZERO, *attempt, 7).is_zero()));
    }

    #[test]
    fn jitter_shortens_and_never_lengthens() {
        let rests: Vec<_> = (0..1000).map(|random| backoff(BASE, 1, random * 7919)).collect();
        let least = BASE * (100 - RETRY_JITTER_PERCENT) / 100;
        assert!(rests.iter().all(|rest| (least..=BASE).contains(rest)));
        assert!(rests.contains(&least) && rests.contains(&BASE));
    }
}

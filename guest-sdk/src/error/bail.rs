//! Returning early with an error.

/// Returns early with an error made from a format string.
///
/// ```
/// fn half(n: u32) -> rustyray::Result<u32> {
///     if n % 2 == 1 {
///         rustyray::bail!("{n} is odd");
///     }
///     Ok(n / 2)
/// }
/// assert_eq!(half(3).unwrap_err().to_string(), "3 is odd");
/// ```
#[macro_export]
macro_rules! bail {
    ($($message:tt)+) => {
        return ::core::result::Result::Err(::core::convert::Into::into($crate::Error::msg(::std::format!($($message)+))))
    };
}

/// Returns early with an error made from a format string, unless the condition holds.
///
/// ```
/// fn half(n: u32) -> rustyray::Result<u32> {
///     rustyray::ensure!(n % 2 == 0, "{n} is odd");
///     Ok(n / 2)
/// }
/// assert_eq!(half(4).unwrap(), 2);
/// ```
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            $crate::bail!($($message)+);
        }
    };
}

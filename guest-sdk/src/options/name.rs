//! Names, as the host takes them.

/// Names are at most this long at the boundary; a longer one would end the guest.
const NAME_BYTES_MAX: usize = 256;

/// Whether the host takes it as a name; it ends a guest that gives it another.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    if name.len() > NAME_BYTES_MAX {
        return Err(format!("a name of {} bytes: at most {NAME_BYTES_MAX} are allowed", name.len()));
    }
    if name.chars().any(char::is_control) {
        return Err(format!("the name {name:?} contains control characters"));
    }
    Ok(())
}

//! The names and descriptions of errnos.

use nix::errno::Errno;

/// The name of an errno: `errno_name(libc::EPERM)` is `"EPERM"`.
pub fn errno_name(errno: i32) -> String {
    match Errno::from_raw(errno) {
        Errno::UnknownErrno => format!("errno {errno}"),
        known => format!("{known:?}"),
    }
}

/// An errno in words and by name: `connection refused (ECONNREFUSED)`.
pub fn describe_errno(errno: i32) -> String {
    let words = Errno::from_raw(errno).desc();
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    format!(
        "{}{} ({})",
        first.unwrap_or_default(),
        letters.as_str(),
        errno_name(errno)
    )
}

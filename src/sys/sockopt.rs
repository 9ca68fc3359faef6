//! `getsockopt(2)` and `setsockopt(2)` by number: the catalogue names more options than any crate
//! has a method for.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Reads option `name` of `level` into `value`; returns how many bytes the kernel wrote.
pub(crate) fn get(
    fd: BorrowedFd<'_>,
    level: i32,
    name: i32,
    value: &mut [u8],
) -> io::Result<usize> {
    let mut length = value.len() as libc::socklen_t;
    // SAFETY: getsockopt(2) demands that optval points to optlen writable bytes: `value` is that
    // slice, exclusively borrowed, and `length` its length (cut to socklen_t, never more).
    let result = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            level,
            name,
            value.as_mut_ptr().cast(),
            &mut length,
        )
    };
    match result {
        0 => Ok((length as usize).min(value.len())),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sets option `name` of `level` to the bytes of `value`.
pub(crate) fn set(fd: BorrowedFd<'_>, level: i32, name: i32, value: &[u8]) -> io::Result<()> {
    let length = value.len() as libc::socklen_t;
    // SAFETY: setsockopt(2) demands that optval points to optlen readable bytes: `value` is that
    // slice. Options whose bytes hold pointers (SO_ATTACH_FILTER) are not set through here.
    let result =
        unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, value.as_ptr().cast(), length) };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

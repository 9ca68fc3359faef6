//! Renames that replace nothing: nix has renameat2(2) for glibc alone.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Renames a file of a folder, unless the new name is taken (EEXIST); EINVAL if the file system cannot.
pub(crate) fn rename_no_replace(folder: BorrowedFd<'_>, from: &CStr, to: &CStr) -> io::Result<()> {
    let folder = folder.as_raw_fd();
    // SAFETY: renameat2(2) takes a descriptor and a name that ends with 0, twice, and flags.
    let result = unsafe {
        libc::syscall(
            libc::SYS_renameat2,
            folder,
            from.as_ptr(),
            folder,
            to.as_ptr(),
            libc::RENAME_NOREPLACE,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

//! `pread(2)` and `read(2)` into the unused capacity of a `Vec`, which std offers only for nightly
//! (`Read::read_buf`) and nix not at all: a buffer of 256 KiB need not be zeroed before it is read into.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;

/// Appends at most `max` bytes of a file from `offset` on, and no more than the capacity allows.
/// Returns how many; 0 at the end of the file.
///
/// # Errors
/// The errors of pread(2).
pub(crate) fn pread(
    fd: BorrowedFd<'_>,
    buffer: &mut Vec<u8>,
    max: usize,
    offset: u64,
) -> io::Result<usize> {
    let offset = i64::try_from(offset).map_err(|_| io::Error::from(Errno::EINVAL))?;
    let room = buffer.spare_capacity_mut();
    let length = room.len().min(max);
    // SAFETY: pread(2) demands memory for `length` bytes, which the capacity has.
    let read = unsafe { libc::pread(fd.as_raw_fd(), room.as_mut_ptr().cast(), length, offset) };
    filled(buffer, Errno::result(read)?, length)
}

/// As [`pread`], from where the descriptor is: for pipes.
///
/// # Errors
/// The errors of read(2).
pub(crate) fn read(fd: BorrowedFd<'_>, buffer: &mut Vec<u8>, max: usize) -> io::Result<usize> {
    let room = buffer.spare_capacity_mut();
    let length = room.len().min(max);
    // SAFETY: read(2) demands memory for `length` bytes, which the capacity has.
    let read = unsafe { libc::read(fd.as_raw_fd(), room.as_mut_ptr().cast(), length) };
    filled(buffer, Errno::result(read)?, length)
}

fn filled(buffer: &mut Vec<u8>, read: isize, length: usize) -> io::Result<usize> {
    let read = usize::try_from(read).unwrap_or(0).min(length);
    let end = buffer.len() + read;
    // SAFETY: the kernel wrote that many bytes after the old length, within the capacity.
    unsafe { buffer.set_len(end) };
    Ok(read)
}

//! Other processes' file descriptors: reading their links, and duplicating them (proc(5),
//! pidfd_getfd(2)).

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Reads the symbolic link `name` of a directory into `buffer`; returns its length. A longer link is
/// truncated.
///
/// nix's `readlinkat` allocates 4 KiB per link; a search for a socket reads thousands.
pub(crate) fn read_link_at(
    folder: BorrowedFd<'_>,
    name: &CStr,
    buffer: &mut [u8],
) -> io::Result<usize> {
    // SAFETY: readlink(2) demands a string that ends in NUL, which `name` is, and bufsiz writable
    // bytes at buf: `buffer` is that slice, exclusively borrowed.
    let length = unsafe {
        libc::readlinkat(
            folder.as_raw_fd(),
            name.as_ptr(),
            buffer.as_mut_ptr().cast(),
            buffer.len(),
        )
    };
    match usize::try_from(length) {
        Ok(length) => Ok(length.min(buffer.len())),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

/// Opens a file descriptor that refers to a process (Linux 5.3).
pub(crate) fn open(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open(2) takes a number and flags, and touches no memory of ours.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    owned(fd)
}

/// Duplicates another process's file descriptor (Linux 5.6): EPERM without permission to trace it.
pub(crate) fn copy_fd(process: BorrowedFd<'_>, fd: u32) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_getfd(2) takes two numbers and flags, and touches no memory of ours.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), fd, 0) };
    owned(fd)
}

/// The result of a call that creates a file descriptor.
fn owned(fd: libc::c_long) -> io::Result<OwnedFd> {
    match i32::try_from(fd) {
        // SAFETY: OwnedFd demands an open descriptor that nothing else closes: the kernel has just
        // created it, close-on-exec, and nothing else knows it.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::fd::AsFd;

    #[test]
    fn a_link_is_read_and_cut() {
        let folder = File::open("/proc/self").unwrap();
        let mut buffer = [0; 4];
        let length = read_link_at(folder.as_fd(), c"exe", &mut buffer).unwrap();
        assert_eq!((length, buffer[0]), (4, b'/'));
        let error = read_link_at(folder.as_fd(), c"stat", &mut buffer).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
    }

    #[test]
    fn a_copy_is_of_the_same_file() {
        use std::os::unix::fs::MetadataExt;
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let process = match open(std::process::id()) {
            Ok(process) => process,
            Err(error) => return assert_eq!(error.raw_os_error(), Some(libc::ENOSYS)),
        };
        let copy = copy_fd(process.as_fd(), socket.as_raw_fd().cast_unsigned());
        let inode = |file: File| file.metadata().unwrap().ino();
        let own = socket.as_fd().try_clone_to_owned().unwrap();
        assert_eq!(inode(copy.unwrap().into()), inode(own.into()));
        let error = copy_fd(process.as_fd(), 1 << 20).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EBADF));
    }
}

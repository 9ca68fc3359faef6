//! `recvfrom(2)` and `recvmsg(2)` into uninitialized memory.
//!
//! `recvfrom` is socket2's. `recvmsg` is libc's, since socket2 does not hand out `MSG_CTRUNC` and
//! nix wants the buffer zeroed first.

use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsRawFd, BorrowedFd};

use socket2::{SockAddr, SockAddrStorage, SockRef};

/// Memory for one datagram and its control messages, and what the last receive left in it.
pub(crate) struct Buffer {
    data: Box<[MaybeUninit<u8>]>,
    control: Box<[MaybeUninit<u8>]>,
    source: SockAddr,
    /// What the last call returned: under `MSG_TRUNC`, the datagram's true length.
    length: usize,
    /// How many bytes of `data` the kernel wrote. Never above what it did write.
    data_filled: usize,
    /// How many bytes of `control` the kernel wrote. Never above what it did write.
    control_filled: usize,
    flags: i32,
}

impl Buffer {
    /// A buffer for datagrams of up to `capacity` bytes; nothing is zeroed.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            data: Box::new_uninit_slice(capacity),
            control: Box::default(),
            source: SockAddr::from(std::net::SocketAddr::from(([0, 0, 0, 0], 0))),
            length: 0,
            data_filled: 0,
            control_filled: 0,
            flags: 0,
        }
    }

    /// One `recvfrom`, without control messages.
    pub(crate) fn receive_from(&mut self, fd: BorrowedFd<'_>, flags: i32) -> io::Result<()> {
        // Nothing counts as filled while the kernel may be writing.
        (self.data_filled, self.control_filled) = (0, 0);
        let (length, source) = SockRef::from(&fd).recv_from_with_flags(&mut self.data, flags)?;
        self.source = source;
        self.length = length;
        self.data_filled = length.min(self.data.len());
        self.flags = if length > self.data.len() {
            libc::MSG_TRUNC
        } else {
            0
        };
        Ok(())
    }

    /// One `recvmsg`, with room for `control` bytes of control messages.
    pub(crate) fn receive_message(
        &mut self,
        fd: BorrowedFd<'_>,
        flags: i32,
        control: usize,
    ) -> io::Result<()> {
        (self.data_filled, self.control_filled) = (0, 0);
        if self.control.len() != control {
            self.control = Box::new_uninit_slice(control);
        }
        let mut vector = libc::iovec {
            iov_base: self.data.as_mut_ptr().cast(),
            iov_len: self.data.len(),
        };
        // SAFETY: msghdr is a C struct of integers and pointers, for which all zeroes are valid.
        let mut header: libc::msghdr = unsafe { mem::zeroed() };
        header.msg_iov = &mut vector;
        header.msg_iovlen = 1;
        header.msg_control = self.control.as_mut_ptr().cast();
        header.msg_controllen = self.control.len() as _;
        let call = |storage: *mut SockAddrStorage, storage_length: *mut libc::socklen_t| {
            header.msg_name = storage.cast();
            let room = size_of::<SockAddrStorage>() as libc::socklen_t;
            header.msg_namelen = room;
            // SAFETY: recvmsg(2) demands that msg_name, msg_iov and msg_control point to writable
            // memory of the lengths given: the storage is socket2's, the others are `self`'s,
            // which is borrowed exclusively.
            let returned = unsafe { libc::recvmsg(fd.as_raw_fd(), &mut header, flags) };
            let length = usize::try_from(returned).map_err(|_| io::Error::last_os_error())?;
            // SAFETY: try_init hands a valid pointer to the length that it reads afterwards.
            unsafe { *storage_length = header.msg_namelen.min(room) };
            Ok(length)
        };
        // SAFETY: on success recvmsg(2) has written msg_namelen bytes of address; the rest of the
        // storage was zeroed by socket2.
        let (length, source) = unsafe { SockAddr::try_init(call) }?;
        self.source = source;
        self.length = length;
        self.data_filled = length.min(self.data.len());
        self.control_filled = (header.msg_controllen as usize).min(self.control.len());
        self.flags = header.msg_flags;
        Ok(())
    }

    /// How large a datagram fits.
    pub(crate) fn capacity(&self) -> usize {
        self.data.len()
    }

    /// The datagram, or the part of it that fitted.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the kernel wrote `data_filled` bytes: recvfrom(2) and recvmsg(2) return that
        // number, or under MSG_TRUNC the true length, of which they write as much as fits.
        unsafe { filled(&self.data, self.data_filled) }
    }

    /// The control messages, to be read with [`super::control::messages`].
    pub(crate) fn control(&self) -> &[u8] {
        // SAFETY: on return from recvmsg(2) msg_controllen is the length of what was written.
        unsafe { filled(&self.control, self.control_filled) }
    }

    /// Who sent it, as the kernel wrote it.
    pub(crate) fn source(&self) -> &SockAddr {
        &self.source
    }

    /// What the last call returned; above [`Self::capacity`] where a datagram was cut under `MSG_TRUNC`.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// `msg_flags`: `MSG_TRUNC`, `MSG_CTRUNC`, `MSG_ERRQUEUE`.
    pub(crate) fn flags(&self) -> i32 {
        self.flags
    }
}

/// The first `length` bytes of `memory`.
///
/// # Safety
/// They must be initialized, and `length` at most `memory.len()`.
unsafe fn filled(memory: &[MaybeUninit<u8>], length: usize) -> &[u8] {
    // SAFETY: `MaybeUninit<u8>` has the layout of `u8`, the result keeps the borrow of `memory`,
    // and the rest is the caller's promise.
    unsafe { std::slice::from_raw_parts(memory.as_ptr().cast::<u8>(), length) }
}

//! `recvfrom(2)` and `recvmsg(2)` into uninitialized memory.
//!
//! `recvfrom` is socket2's. `recvmsg` is libc's, since socket2 does not return `MSG_CTRUNC` and nix
//! requires a zeroed buffer.

use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsRawFd, BorrowedFd};

use socket2::{SockAddr, SockAddrStorage, SockRef};

/// Memory for one datagram and its control messages, and the result of the last receive.
pub(crate) struct Buffer {
    data: Box<[MaybeUninit<u8>]>,
    /// Zeroed, since the kernel does not write the padding between messages.
    control: Box<[u8]>,
    source: SockAddr,
    /// The return value of the last call: under `MSG_TRUNC`, the datagram's true length.
    length: usize,
    /// The number of bytes of `data` that the kernel wrote, never more.
    data_filled: usize,
    /// The number of bytes of `control` that are the last call's messages and their padding.
    control_filled: usize,
    flags: i32,
}

impl Buffer {
    /// A buffer for datagrams of up to `capacity` bytes, which are not zeroed.
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

    /// Makes one `recvfrom`, without control messages.
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

    /// Makes one `recvmsg`, with room for `control` bytes of control messages.
    pub(crate) fn receive_message(
        &mut self,
        fd: BorrowedFd<'_>,
        flags: i32,
        control: usize,
    ) -> io::Result<()> {
        (self.data_filled, self.control_filled) = (0, 0);
        if self.control.len() < control {
            self.control = vec![0; control].into();
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
        header.msg_controllen = control as _;
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
        self.control_filled = (header.msg_controllen as usize).min(control);
        self.flags = header.msg_flags;
        Ok(())
    }

    /// The size of the largest datagram that fits.
    pub(crate) fn capacity(&self) -> usize {
        self.data.len()
    }

    /// The datagram, or the part of it that fit.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the kernel wrote `data_filled` bytes: recvfrom(2) and recvmsg(2) return that
        // number, or under MSG_TRUNC the true length, of which they write as much as fits.
        unsafe { filled(&self.data, self.data_filled) }
    }

    /// The control messages, for [`super::control::messages`].
    pub(crate) fn control(&self) -> &[u8] {
        &self.control[..self.control_filled]
    }

    /// The sender, as the kernel wrote it.
    pub(crate) fn source(&self) -> &SockAddr {
        &self.source
    }

    /// The return value of the last call; above [`Self::capacity`] if a datagram was truncated under
    /// `MSG_TRUNC`.
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

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    use super::super::control::{self, space};
    use super::super::mmsg::ReceiveArena;
    use super::*;

    /// One `int` per datagram, and four bytes of padding.
    const SPACE: usize = space(size_of::<i32>());

    fn to_itself() -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for option in [libc::IP_RECVTTL, libc::IP_RECVTOS] {
            let on = 1_i32.to_ne_bytes();
            super::super::sockopt::set(socket.as_fd(), libc::IPPROTO_IP, option, &on).unwrap();
        }
        socket.connect(socket.local_addr().unwrap()).unwrap();
        socket
    }

    /// Leaves ones in the memory that the next allocations of these sizes get.
    fn dirty(sizes: &[usize]) {
        for &size in sizes {
            drop(std::hint::black_box(vec![vec![0xff_u8; size]; 16]));
        }
    }

    fn assert_padding_is_zero(bytes: &[u8]) {
        let ttl = control::messages(bytes).find(|message| message.kind == libc::IP_TTL);
        assert_eq!(ttl.unwrap().int(), Some(64));
        // The TTL's int ends at 20, and the TOS's byte at 41.
        let written = [0..20, 24..41];
        for (at, byte) in bytes.iter().enumerate() {
            let is_written = written.iter().any(|range| range.contains(&at));
            assert!(is_written || *byte == 0, "byte {at} is {byte:#x}");
        }
    }

    #[test]
    fn the_padding_behind_a_control_message_is_initialized() {
        let socket = to_itself();
        let control = 2 * SPACE;
        for _ in 0..8 {
            dirty(&[control]);
            let mut buffer = Buffer::new(16);
            socket.send(b"x").unwrap();
            buffer.receive_message(socket.as_fd(), 0, control).unwrap();
            assert_eq!(buffer.bytes(), b"x");
            assert_eq!(buffer.control().len(), control);
            assert_padding_is_zero(buffer.control());
            dirty(&[4 * control]);
            let mut arena = ReceiveArena::new(4, 16, control);
            socket.send(b"y").unwrap();
            assert_eq!(
                arena
                    .receive(socket.as_fd(), 4, libc::MSG_WAITFORONE)
                    .unwrap(),
                1
            );
            assert_padding_is_zero(arena.slot(0).unwrap().control);
        }
    }

    #[test]
    fn a_buffer_for_more_control_messages_serves_for_fewer() {
        let socket = to_itself();
        let mut buffer = Buffer::new(16);
        for control in [2 * SPACE, SPACE, 0, 3 * SPACE] {
            socket.send(b"x").unwrap();
            buffer.receive_message(socket.as_fd(), 0, control).unwrap();
            let is_cut = buffer.flags() & libc::MSG_CTRUNC != 0;
            assert_eq!(is_cut, control < 2 * SPACE);
            assert!(buffer.control().len() <= control);
            let count = control::messages(buffer.control()).count();
            assert_eq!(count, (control / SPACE).min(2));
        }
    }
}

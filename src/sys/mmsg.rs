//! `recvmmsg(2)` and `sendmmsg(2)`: many datagrams per call, with arrays that are laid out once.
//!
//! nix has both, but requires zeroed buffers, does not return `MSG_CTRUNC`, and builds the headers
//! again for each call.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::{self, MaybeUninit};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use super::arena::PinnedSlice;
use super::control::Outgoing;
use super::name::Name;

/// Memory for `slots` datagrams with their senders and control messages.
pub(crate) struct ReceiveArena {
    headers: PinnedSlice<libc::mmsghdr>,
    names: PinnedSlice<Name>,
    /// Zeroed, since the kernel does not write the padding between messages.
    control: PinnedSlice<u8>,
    data: PinnedSlice<MaybeUninit<u8>>,
    /// The headers lead to these, which lead to `data` except during a call into buffers that are lent.
    vectors: PinnedSlice<libc::iovec>,
    /// Whether the last call was one into buffers that were lent.
    is_lent: bool,
    capacity: usize,
    /// The distance from one datagram's memory to the next.
    stride: usize,
    control_space: usize,
    /// The number of slots that the last call filled.
    filled: usize,
}

/// Checks whether the two calls are available: a call without a descriptor returns EBADF and has no
/// effect.
///
/// # Errors
/// ENOSYS if the kernel lacks them, EPERM or ENOSYS if a seccomp filter forbids them.
pub(crate) fn probe() -> io::Result<()> {
    // SAFETY: recvmmsg(2) demands vlen valid headers at msgvec; vlen is 0.
    let received = unsafe { libc::recvmmsg(-1, ptr::null_mut(), 0, 0, ptr::null_mut()) };
    check(received)?;
    // SAFETY: sendmmsg(2) demands vlen valid headers at msgvec; vlen is 0.
    let sent = unsafe { libc::sendmmsg(-1, ptr::null_mut(), 0, 0) };
    check(sent)
}

fn check(returned: i32) -> io::Result<()> {
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        _ if returned >= 0 => Ok(()),
        Some(libc::EBADF) => Ok(()),
        _ => Err(error),
    }
}

/// The content of one slot after a receive.
pub(crate) struct Slot<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) control: &'a [u8],
    pub(crate) source: SocketAddr,
    /// Under `MSG_TRUNC`, the true length.
    pub(crate) length: usize,
    pub(crate) flags: i32,
}

impl ReceiveArena {
    /// Makes `slots` slots of `capacity` bytes each, with `control_space` bytes for control messages.
    pub(crate) fn new(slots: usize, capacity: usize, control_space: usize) -> Self {
        // One cache line more than a power of two, so that the slots' first lines, where small
        // datagrams live, do not all compete for the same cache set.
        let stride = capacity.next_multiple_of(64) + 64;
        let names = PinnedSlice::new(vec![Name::EMPTY; slots]);
        let control = PinnedSlice::new(vec![0; slots * control_space]);
        let data: PinnedSlice<MaybeUninit<u8>> =
            PinnedSlice::new(Box::new_uninit_slice(slots * stride));
        let vector = |slot| libc::iovec {
            iov_base: data.address(slot * stride).cast(),
            iov_len: capacity,
        };
        let vectors = PinnedSlice::new((0..slots).map(vector).collect::<Vec<_>>());
        let header = |slot| {
            let mut header = empty_header();
            header.msg_hdr.msg_iov = vectors.address(slot);
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_name = names.address(slot).cast();
            header.msg_hdr.msg_namelen = Name::CAPACITY as libc::socklen_t;
            header.msg_hdr.msg_control = control.address(slot * control_space).cast();
            header.msg_hdr.msg_controllen = control_space as _;
            header
        };
        Self {
            headers: PinnedSlice::new((0..slots).map(header).collect::<Vec<_>>()),
            names,
            control,
            data,
            vectors,
            is_lent: false,
            capacity,
            stride,
            control_space,
            filled: 0,
        }
    }

    /// The number of slots.
    pub(crate) fn slots(&self) -> usize {
        self.headers.len()
    }

    /// Makes one `recvmmsg` for up to `most` datagrams; returns the number received.
    pub(crate) fn receive(
        &mut self,
        fd: BorrowedFd<'_>,
        most: usize,
        flags: i32,
    ) -> io::Result<usize> {
        self.is_lent = false;
        self.call(fd, most, flags)
    }

    /// One `recvmmsg` for up to a datagram for each of `buffers`; returns how many came. They are read
    /// by [`Self::lent_slot`].
    pub(crate) fn receive_into(
        &mut self,
        fd: BorrowedFd<'_>,
        buffers: &mut [IoSliceMut<'_>],
        flags: i32,
    ) -> io::Result<usize> {
        let most = buffers.len().min(self.slots());
        for (vector, buffer) in self.vectors.slice_mut().iter_mut().zip(buffers) {
            vector.iov_base = buffer.as_mut_ptr().cast();
            vector.iov_len = buffer.len();
        }
        self.is_lent = true;
        let received = self.call(fd, most, flags);
        for slot in 0..most {
            self.vectors.slice_mut()[slot] = libc::iovec {
                iov_base: self.data.address(slot * self.stride).cast(),
                iov_len: self.capacity,
            };
        }
        received
    }

    fn call(&mut self, fd: BorrowedFd<'_>, most: usize, flags: i32) -> io::Result<usize> {
        let control_space = self.control_space;
        for header in &mut self.headers.slice_mut()[..self.filled] {
            header.msg_hdr.msg_namelen = Name::CAPACITY as libc::socklen_t;
            header.msg_hdr.msg_controllen = control_space as _;
        }
        self.filled = 0;
        let most = most.min(self.slots());
        if most == 1 {
            return self.call_for_one(fd, flags);
        }
        // SAFETY: recvmmsg(2) demands an array of vlen headers whose pointers lead to writable
        // memory of the lengths given: `new` laid them out in memory that does not move (or
        // `receive_into` in buffers that it borrows exclusively, for longer than the call), the two
        // lengths that the kernel changes were set back above, and `self` is borrowed exclusively.
        let returned = unsafe {
            libc::recvmmsg(
                fd.as_raw_fd(),
                self.headers.address(0),
                most as libc::c_uint,
                flags as _,
                ptr::null_mut(),
            )
        };
        self.filled = usize::try_from(returned)
            .map_err(|_| io::Error::last_os_error())?
            .min(most);
        Ok(self.filled)
    }

    /// For one datagram `recvmsg` does the same, and takes a fifteenth less time than `recvmmsg`.
    fn call_for_one(&mut self, fd: BorrowedFd<'_>, flags: i32) -> io::Result<usize> {
        let header = &mut self.headers.slice_mut()[0];
        // SAFETY: recvmsg(2) demands a header whose pointers lead to writable memory of the lengths
        // given: as in `call`.
        let returned = unsafe {
            libc::recvmsg(
                fd.as_raw_fd(),
                &raw mut header.msg_hdr,
                flags & !libc::MSG_WAITFORONE,
            )
        };
        let length = u32::try_from(returned).map_err(|_| io::Error::last_os_error())?;
        header.msg_len = length;
        self.filled = 1;
        Ok(1)
    }

    /// What the last receive left in a slot; `None` past what it filled, and after
    /// [`Self::receive_into`].
    pub(crate) fn slot(&self, index: usize) -> Option<Slot<'_>> {
        if self.is_lent {
            return None;
        }
        let header = self.headers.slice()[..self.filled].get(index)?;
        let length = header.msg_len as usize;
        let data = &self.data.slice()[index * self.stride..][..length.min(self.capacity)];
        // SAFETY: recvmmsg(2) wrote msg_len bytes, or under MSG_TRUNC as many as fitted.
        let bytes = unsafe { initialized(data) };
        Some(self.describe(index, header, bytes))
    }

    /// What the last [`Self::receive_into`] left in the buffer of that index, which is `buffer`.
    pub(crate) fn lent_slot<'a>(&'a self, index: usize, buffer: &'a [u8]) -> Option<Slot<'a>> {
        let header = self.headers.slice()[..self.filled].get(index)?;
        let length = (header.msg_len as usize).min(buffer.len());
        Some(self.describe(index, header, &buffer[..length]))
    }

    fn describe<'a>(&'a self, index: usize, header: &libc::mmsghdr, bytes: &'a [u8]) -> Slot<'a> {
        // The C libraries differ in its type.
        let control: usize = header.msg_hdr.msg_controllen as _;
        let control = control.min(self.control_space);
        Slot {
            bytes,
            control: &self.control.slice()[index * self.control_space..][..control],
            source: self.names.slice()[index].read(header.msg_hdr.msg_namelen as usize),
            length: header.msg_len as usize,
            flags: header.msg_hdr.msg_flags,
        }
    }
}

/// # Safety
/// The bytes must be initialized.
unsafe fn initialized(memory: &[MaybeUninit<u8>]) -> &[u8] {
    // SAFETY: `MaybeUninit<u8>` has the layout of `u8`; the rest is the caller's promise.
    unsafe { std::slice::from_raw_parts(memory.as_ptr().cast::<u8>(), memory.len()) }
}

fn empty_header() -> libc::mmsghdr {
    // SAFETY: mmsghdr is a C struct of integers and pointers, for which all zeroes are valid.
    unsafe { mem::zeroed() }
}

/// Headers for up to `slots` messages per call.
pub(crate) struct SendArena {
    headers: PinnedSlice<libc::mmsghdr>,
    vectors: PinnedSlice<libc::iovec>,
    names: PinnedSlice<Name>,
    controls: PinnedSlice<Outgoing>,
}

/// Sends one message whose bytes lie in several places (sendmsg(2)).
pub(crate) fn send_parts(
    fd: BorrowedFd<'_>,
    destination: Option<SocketAddr>,
    parts: &[IoSlice<'_>],
    control: &Outgoing,
) -> io::Result<()> {
    let name = destination.map(Name::from);
    let mut header = empty_header().msg_hdr;
    // An IoSlice has the layout of an iovec, as its docs promise.
    header.msg_iov = parts.as_ptr().cast_mut().cast();
    header.msg_iovlen = parts.len() as _;
    if let (Some(name), Some(destination)) = (&name, destination) {
        header.msg_name = ptr::from_ref(name).cast_mut().cast();
        header.msg_namelen = Name::length(destination) as libc::socklen_t;
    }
    let control = control.bytes();
    header.msg_control = control.as_ptr().cast_mut().cast();
    header.msg_controllen = control.len() as _;
    // SAFETY: sendmsg(2) demands a header whose pointers lead to readable memory of the lengths
    // given: all of it is borrowed for longer than the call.
    let sent = unsafe { libc::sendmsg(fd.as_raw_fd(), &raw const header, 0) };
    if sent < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// One message: its destination (none on a connected socket), and its bytes.
pub(crate) type Piece<'a> = (Option<SocketAddr>, &'a [u8]);

impl SendArena {
    pub(crate) fn new(slots: usize) -> Self {
        let vector = libc::iovec {
            iov_base: ptr::null_mut(),
            iov_len: 0,
        };
        Self {
            headers: PinnedSlice::new(vec![empty_header(); slots]),
            vectors: PinnedSlice::new(vec![vector; slots]),
            names: PinnedSlice::new(vec![Name::EMPTY; slots]),
            controls: PinnedSlice::new((0..slots).map(|_| Outgoing::new()).collect::<Vec<_>>()),
        }
    }

    /// The maximum number of messages per call.
    pub(crate) fn slots(&self) -> usize {
        self.headers.len()
    }

    /// Sends up to `count` messages with the cheapest suitable call: `sendto` for one without control
    /// messages, `sendmsg` for one with them, `sendmmsg` for several. Returns the number sent.
    ///
    /// `compose` returns each message in turn, and writes its control messages. `flags` are those of
    /// the call, such as `MSG_DONTWAIT`.
    pub(crate) fn send<'a>(
        &mut self,
        fd: BorrowedFd<'_>,
        count: usize,
        flags: i32,
        mut compose: impl FnMut(usize, &mut Outgoing) -> Piece<'a>,
    ) -> io::Result<usize> {
        let count = count.min(self.slots());
        for slot in 0..count {
            self.fill(slot, &mut compose);
        }
        let returned = match count {
            0 => 0,
            1 => self.send_first(fd, flags)?,
            _ => {
                // SAFETY: sendmmsg(2) demands an array of vlen headers whose pointers lead to
                // readable memory of the lengths given: `fill` set them, to memory that does not
                // move and to the bytes that `compose` lent for longer than this call.
                let sent = unsafe {
                    libc::sendmmsg(
                        fd.as_raw_fd(),
                        self.headers.address(0),
                        count as libc::c_uint,
                        flags as _,
                    )
                };
                usize::try_from(sent).map_err(|_| io::Error::last_os_error())?
            }
        };
        Ok(returned.min(count))
    }

    /// Writes the header of message `slot`; it points to the bytes that `compose` lends.
    pub(super) fn fill<'a>(
        &mut self,
        slot: usize,
        compose: &mut impl FnMut(usize, &mut Outgoing) -> Piece<'a>,
    ) -> *const libc::msghdr {
        let control = &mut self.controls.slice_mut()[slot];
        control.clear();
        let (destination, bytes) = compose(slot, control);
        let control_length = control.bytes().len();
        self.vectors.slice_mut()[slot] = libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        };
        let name_length = destination.map_or(0, |destination| {
            self.names.slice_mut()[slot] = Name::from(destination);
            Name::length(destination)
        });
        let (name, vector) = (self.names.address(slot), self.vectors.address(slot));
        let control = self.controls.address(slot);
        let header = &mut self.headers.slice_mut()[slot].msg_hdr;
        header.msg_iov = vector;
        header.msg_iovlen = 1;
        header.msg_name = match name_length {
            0 => ptr::null_mut(),
            _ => name.cast(),
        };
        header.msg_namelen = name_length as libc::socklen_t;
        // The bytes are an Outgoing's first field.
        header.msg_control = match control_length {
            0 => ptr::null_mut(),
            _ => control.cast(),
        };
        header.msg_controllen = control_length as _;
        header
    }

    fn send_first(&mut self, fd: BorrowedFd<'_>, flags: i32) -> io::Result<usize> {
        let header = &self.headers.slice()[0].msg_hdr;
        let returned = if header.msg_controllen == 0 {
            let vector = self.vectors.slice()[0];
            // SAFETY: sendto(2) demands len readable bytes at buf and addrlen at dest_addr: `send`
            // set both, and what they lead to is borrowed until it returns.
            unsafe {
                libc::sendto(
                    fd.as_raw_fd(),
                    vector.iov_base,
                    vector.iov_len,
                    flags,
                    header.msg_name.cast(),
                    header.msg_namelen,
                )
            }
        } else {
            // SAFETY: sendmsg(2) demands a header whose pointers lead to readable memory of the
            // lengths given: `send` set it, and what it leads to is borrowed until it returns.
            unsafe { libc::sendmsg(fd.as_raw_fd(), header, flags) }
        };
        if returned < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(1)
    }
}

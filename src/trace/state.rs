//! Updates the tables for each call: entries kept until they return, new and closed sockets.

use std::net::SocketAddr;

use super::call::{Call, Kind, Returned};
use super::calls::{self, Shape, Spec};
use super::decode::{self, Context};
use super::event::{Found, Note};
use super::memory::{Memory, Process as Remote};
use super::sockets::{self, Socket};
use super::tracee::{self, Entry, Mode};
use super::tracer::{Tracer, UNTRACED, now};
use crate::sys::inject::{self, Injected};
use crate::sys::ptrace::{self, Info};
use crate::sys::seccomp;

/// The memory of a process that has ended.
struct Nothing;

impl Memory for Nothing {
    fn read(&self, _: u64, _: &mut [u8]) -> usize {
        0
    }
}

impl Tracer {
    /// A call begins.
    pub(super) fn entered(&mut self, thread: i32, arch: u32, number: u64, arguments: [u64; 6]) {
        let Some(tracee) = self.tracees.threads.get_mut(&thread) else {
            return;
        };
        tracee.entry = None;
        if seccomp::OTHER_SOCKETS.contains(&(arch, number as u32)) {
            let process = tracee.process;
            return self.found_mixed(process);
        }
        if arch != seccomp::NATIVE {
            return;
        }
        if is_untraced_clone(number, &arguments) {
            self.clear_flag(thread);
            return;
        }
        if is_confining(number, &arguments) {
            let process = tracee.process;
            return self.look_at_every(process, thread);
        }
        let (Some(spec), Some(process)) = (
            calls::find(number),
            self.tracees.processes.get(&tracee.process),
        ) else {
            return;
        };
        if !process.is_started || !is_about_sockets(spec, &arguments, &process.table, thread) {
            return;
        }
        tracee.entry = Some(Entry {
            spec,
            arguments,
            snapshot: decode::snapshot(spec.shape, &Remote(thread), &arguments),
            began: now(),
            is_reported: false,
        });
        self.begin_line(thread);
    }

    /// Clears CLONE_UNTRACED of a clone(2), so that the child is traced: it inherits the filter, and
    /// without a tracer its socket calls would fail. The flag is restored after the call.
    fn clear_flag(&mut self, thread: i32) {
        if let Some(tracee) = self.tracees.threads.get_mut(&thread)
            && self.session.has_filter
            && tracee.is_started
            && inject::change_first_argument(thread, |flags| flags & !UNTRACED).is_ok()
        {
            tracee.is_untraced = true;
        }
    }

    /// Does the same for a thread that is no longer examined; returns whether it makes such a call.
    pub(super) fn follow_untraced(&mut self, thread: i32) -> bool {
        if let Ok(Info::Entry {
            arch,
            number,
            arguments,
        }) = ptrace::syscall_info(thread)
            && arch == seccomp::NATIVE
            && is_untraced_clone(number, &arguments)
        {
            self.clear_flag(thread);
        }
        self.tracees
            .threads
            .get(&thread)
            .is_some_and(|t| t.is_untraced)
    }

    /// A call has returned.
    pub(super) fn returned(&mut self, thread: i32, returned: Returned) -> Option<Found> {
        self.restore_flag(thread);
        let tracee = self.tracees.threads.get_mut(&thread)?;
        let entry = tracee.entry.take()?;
        let process = tracee.process;
        self.end_line(thread);
        self.write(thread, process, &entry, returned, &Remote(thread));
        self.note_way(process);
        self.settle(process, &entry);
        self.cover(process, thread);
        Some(Found::Call)
    }

    /// A thread ended; returns whether it was in a call, which is then reported.
    pub(super) fn never_returned(&mut self, thread: i32) -> bool {
        let Some(tracee) = self.tracees.threads.get_mut(&thread) else {
            return false;
        };
        let Some(entry) = tracee.entry.take() else {
            return false;
        };
        let process = tracee.process;
        self.end_line(thread);
        self.write(thread, process, &entry, Returned::Never, &Nothing);
        true
    }

    pub(super) fn write<M: Memory>(
        &mut self,
        thread: i32,
        process: i32,
        entry: &Entry,
        returned: Returned,
        memory: &M,
    ) {
        let call = &mut self.call;
        call.clear();
        call.thread = thread;
        call.process = process;
        call.name = entry.spec.name;
        call.began = entry.began;
        call.took = now().saturating_sub(entry.began);
        call.returned = returned;
        let socket = self
            .tracees
            .processes
            .get(&process)
            .and_then(|process| process.table.inode(entry.arguments[0] as i32))
            .filter(|_| entry.spec.shape.begins_with_fd())
            .and_then(|inode| Some((inode, *self.tracees.sockets.get(inode)?)));
        if let Some((inode, socket)) = socket {
            call.facts.kind = Some(socket.kind);
            call.facts.socket = Some(inode);
            call.facts.local = socket.local;
            call.facts.connected = socket.connected;
            call.facts.is_nonblocking = socket.is_nonblocking;
        }
        let context = Context {
            memory,
            arguments: entry.arguments,
            snapshot: &entry.snapshot,
            bytes: self.config.bytes,
        };
        decode::decode(call, entry.spec.shape, &context);
        call.is_resumed = entry.is_reported;
        let is_other = call.facts.kind.is_some_and(|kind| !kind.is_udp());
        if self.config.only_udp && is_other {
            call.shorten();
        }
    }

    /// Applies the effects of the call in `self.call`.
    fn settle(&mut self, id: i32, entry: &Entry) {
        let tracees = &mut self.tracees;
        let Some(process) = tracees.processes.get_mut(&id) else {
            return;
        };
        let table = &mut process.table;
        let call = &mut self.call;
        let thread = call.thread;
        // /proc shows no files of a first thread that has ended, only those of the others.
        let at = || {
            if thread == id || !tracee::is_dead(id) {
                id
            } else {
                thread
            }
        };
        let [first, second, third, ..] = entry.arguments;
        let Returned::Value(value) = call.returned else {
            return;
        };
        let fd = first as i32;
        match entry.spec.shape {
            Shape::Socket | Shape::Socketpair => {
                let kind = Kind {
                    domain: first as i32,
                    style: second as i32 & 0xf,
                    protocol: third as i32,
                };
                for fd in &call.facts.fds {
                    tracees.sockets.learn(table, at(), *fd, Some(kind));
                }
                call.facts.kind = Some(kind);
                let fd = call.facts.fds.first();
                call.facts.socket = fd.and_then(|fd| table.inode(*fd));
            }
            Shape::Accept | Shape::Accept4 => {
                tracees
                    .sockets
                    .learn(table, at(), value as i32, call.facts.kind);
            }
            Shape::Dup | Shape::Dup2 | Shape::Dup3 => match table.inode(fd) {
                Some(_) if value as i32 == fd => {}
                Some(inode) => tracees.sockets.hold(table, value as i32, inode),
                None => tracees.sockets.forget(table, value as i32),
            },
            Shape::Fcntl if matches!(second as i32, libc::F_DUPFD | libc::F_DUPFD_CLOEXEC) => {
                if let Some(inode) = table.inode(fd) {
                    tracees.sockets.hold(table, value as i32, inode);
                }
            }
            Shape::Fcntl | Shape::Ioctl => {
                tracees
                    .sockets
                    .set_mode(table, fd, call.nonblocking_from_now());
            }
            Shape::Close => tracees.sockets.forget(table, fd),
            // CLOSE_RANGE_CLOEXEC (4) closes nothing yet.
            Shape::CloseRange if third & 4 == 0 => {
                let high = i32::try_from(second).unwrap_or(i32::MAX);
                let gone: Vec<i32> = table.fds().filter(|at| (fd..=high).contains(at)).collect();
                gone.iter()
                    .for_each(|fd| tracees.sockets.forget(table, *fd));
            }
            Shape::ReceiveMessage => {
                for fd in &call.facts.fds {
                    tracees.sockets.learn(table, at(), *fd, None);
                }
            }
            Shape::EpollControl if table.has(third as i32) => table.watch(fd),
            Shape::UringSetup => {
                self.note(id, Note::Uring);
            }
            Shape::Address => {
                let local = self.config.ask.then(|| sockets::local_address(at(), fd));
                let inode = table.inode(fd);
                if let Some(socket) = inode.and_then(|inode| tracees.sockets.get_mut(inode)) {
                    addressed(call, socket, local.flatten());
                }
            }
            Shape::NameOut if entry.spec.name == "getsockname" => {
                let socket = table
                    .inode(fd)
                    .and_then(|inode| tracees.sockets.get_mut(inode));
                if let (Some(socket), Some(address)) = (socket, call.facts.address) {
                    socket.local = Some(address);
                }
            }
            Shape::SendTo | Shape::SendMessage | Shape::SendMessages if self.config.ask => {
                let inode = table.inode(fd);
                if let Some(socket) = inode.and_then(|inode| tracees.sockets.get_mut(inode))
                    && socket.kind.is_udp()
                    && !has_port(socket.local)
                {
                    socket.local = sockets::local_address(at(), fd).or(socket.local);
                    call.facts.is_port_picked = has_port(socket.local);
                    call.facts.local = socket.local;
                }
            }
            _ => {}
        }
    }

    /// A 64-bit program creates a socket by `int 0x80` or an x32 call: reported once.
    fn found_mixed(&mut self, id: i32) {
        let Some(process) = self.tracees.processes.get_mut(&id) else {
            return;
        };
        if process.is_32bit || std::mem::replace(&mut process.mixed_abi, true) {
            return;
        }
        self.note(id, Note::MixedAbi);
    }

    /// Ensures that the filter hands over calls on each of a process's sockets: `thread` is stopped at
    /// the end of a call, and adds what is missing to the filter.
    pub(super) fn cover(&mut self, id: i32, thread: i32) {
        let Some(process) = self.tracees.processes.get(&id) else {
            return;
        };
        if process.mode == Mode::Every {
            return;
        }
        let is_new = |fd: &i32| {
            let fd = fd.cast_unsigned();
            !process
                .covered
                .iter()
                .any(|(low, high)| (*low..=*high).contains(&fd))
        };
        let Some(first) = process.table.fds().find(is_new) else {
            return;
        };
        // A program with many sockets gets wider and wider ranges, so that filters stay few.
        let width = match process.covered.len() {
            few @ 0..8 => few as u32 / 8 + 1,
            many => 1 << (many - 4).min(30),
        };
        let low = first.cast_unsigned() & !(width - 1);
        let range = (low, low | (width - 1));
        let mut added = self.filter(&[range], !process.needs_socket);
        if process.needs_socket {
            added = self.filter_by_fd(range);
        }
        let done = inject::add_filter(thread, &added);
        let Some(process) = self.tracees.processes.get_mut(&id) else {
            return;
        };
        match done {
            Ok(Injected::Done) => {
                process.covered.push(range);
                process.needs_socket = true;
                self.cover(id, thread);
            }
            Ok(Injected::Gone(status)) => self.stops.queue(thread, status),
            Ok(Injected::Vanished) => self.vanished(thread),
            // Stopping at each call shows the same.
            Ok(Injected::Refused) | Err(_) => self.look_at_every(id, thread),
        }
    }
}

/// A socket was bound or connected, and has this address from now on.
fn addressed(call: &mut Call, socket: &mut Socket, local: Option<SocketAddr>) {
    let (had_port, is_connect) = (has_port(socket.local), call.name == "connect");
    let address = call.facts.address;
    if is_connect {
        socket.connected = address;
    }
    socket.local = local.or(socket.local);
    let asks_for_any = address.is_some_and(|address| address.port() == 0);
    let is_new = !had_port && has_port(socket.local);
    call.facts.is_port_picked = is_new && (is_connect || asks_for_any);
    call.facts.local = socket.local;
    call.facts.connected = socket.connected;
}

fn has_port(address: Option<SocketAddr>) -> bool {
    address.is_some_and(|address| address.port() != 0)
}

fn is_untraced_clone(number: u64, arguments: &[u64; 6]) -> bool {
    number.cast_signed() == libc::SYS_clone && arguments[0] & UNTRACED != 0
}

/// Whether a call installs a seccomp filter of the program's own: it may refuse calls before ours sees
/// them, and kill the program for a call that is made on its behalf.
fn is_confining(number: u64, arguments: &[u64; 6]) -> bool {
    match number.cast_signed() {
        libc::SYS_seccomp => arguments[0] <= u64::from(libc::SECCOMP_SET_MODE_FILTER),
        libc::SYS_prctl => arguments[0] as i32 == libc::PR_SET_SECCOMP,
        _ => false,
    }
}

/// Whether a call is worth its second stop.
fn is_about_sockets(
    spec: &Spec,
    arguments: &[u64; 6],
    table: &super::sockets::Table,
    thread: i32,
) -> bool {
    let fd = arguments[0] as i32;
    let second = arguments[1] as i32;
    match spec.shape {
        shape if shape.is_by_fd() => table.has(fd),
        Shape::Dup2 | Shape::Dup3 => table.has(fd) || table.has(second),
        Shape::CloseRange => table.has_any(fd, second.max(fd)),
        Shape::Splice => table.has(fd) || table.has(arguments[2] as i32),
        Shape::EpollControl => table.has(arguments[2] as i32) || table.is_epoll(fd),
        Shape::EpollWait | Shape::EpollPwait | Shape::EpollPwait2 => table.is_epoll(fd),
        Shape::Poll | Shape::Ppoll => {
            let bytes = Remote(thread).bytes(arguments[0], (arguments[1] as usize).min(1024) * 8);
            let bytes = bytes.unwrap_or_default();
            let fds = bytes.as_chunks::<8>().0.iter();
            fds.filter_map(|entry| entry.first_chunk())
                .any(|fd| table.has(i32::from_ne_bytes(*fd)))
        }
        Shape::Select | Shape::Pselect => table.fds().any(|wanted| {
            let at = (wanted.cast_unsigned() / 8) as u64;
            wanted < fd
                && arguments[1..4].iter().any(|set| {
                    let byte = Remote(thread).exact::<1>(set.wrapping_add(at));
                    *set != 0 && byte.is_some_and(|[byte]| byte >> (wanted % 8) & 1 == 1)
                })
        }),
        _ => true,
    }
}

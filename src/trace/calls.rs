//! The system calls that touch sockets, and how each is decoded.

/// How the arguments of a call are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Socket,
    Socketpair,
    /// The program passes an address: bind, connect.
    Address,
    /// The kernel returns an address: getsockname, getpeername.
    NameOut,
    Accept,
    Accept4,
    SetOption,
    GetOption,
    SendTo,
    ReceiveFrom,
    SendMessage,
    ReceiveMessage,
    SendMessages,
    ReceiveMessages,
    Read,
    Write,
    ReadVector,
    WriteVector,
    /// preadv, preadv2.
    ReadVectorAt,
    /// pwritev, pwritev2.
    WriteVectorAt,
    SendFile,
    Splice,
    Poll,
    Ppoll,
    /// aarch64 has only pselect6.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code))]
    Select,
    Pselect,
    /// aarch64 has only epoll_create1.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code))]
    EpollCreate,
    EpollCreate1,
    EpollControl,
    EpollWait,
    EpollPwait,
    EpollPwait2,
    Listen,
    Shutdown,
    Dup,
    /// aarch64 has only dup3.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code))]
    Dup2,
    Dup3,
    Fcntl,
    Ioctl,
    Close,
    CloseRange,
    UringSetup,
    UringEnter,
    UringRegister,
}

impl Shape {
    /// Whether the first argument is a file descriptor.
    pub(super) fn begins_with_fd(self) -> bool {
        !matches!(
            self,
            Self::Socket
                | Self::Socketpair
                | Self::Poll
                | Self::Ppoll
                | Self::Select
                | Self::Pselect
                | Self::EpollCreate
                | Self::EpollCreate1
                | Self::CloseRange
                | Self::UringSetup
        )
    }

    /// Whether the call sends.
    pub(super) fn is_send(self) -> bool {
        matches!(
            self,
            Self::SendTo
                | Self::SendMessage
                | Self::SendMessages
                | Self::Write
                | Self::WriteVector
                | Self::WriteVectorAt
                | Self::SendFile
        )
    }

    /// Whether the filter stops at the call from the start, on any descriptor.
    pub(super) fn is_always(self) -> bool {
        !self.is_by_fd() && !self.needs_socket()
    }

    /// Whether the filter stops at the call if the first argument is a socket.
    pub(super) fn is_by_fd(self) -> bool {
        matches!(
            self,
            Self::Read
                | Self::Write
                | Self::ReadVector
                | Self::WriteVector
                | Self::ReadVectorAt
                | Self::WriteVectorAt
                | Self::SendFile
                | Self::Dup
                | Self::Fcntl
                | Self::Ioctl
                | Self::Close
        )
    }

    /// Whether the filter stops at the call once the program has a socket.
    pub(super) fn needs_socket(self) -> bool {
        matches!(
            self,
            Self::Poll
                | Self::Ppoll
                | Self::Select
                | Self::Pselect
                | Self::EpollControl
                | Self::EpollWait
                | Self::EpollPwait
                | Self::EpollPwait2
                | Self::Splice
                | Self::Dup2
                | Self::Dup3
                | Self::CloseRange
        )
    }
}

/// A system call that may touch a socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spec {
    pub(super) name: &'static str,
    pub(super) number: i64,
    pub(super) shape: Shape,
}

macro_rules! calls {
    ($($(#[$gate:meta])? $number:ident $name:ident $shape:ident;)*) => {
        &[$($(#[$gate])? Spec {
            name: stringify!($name),
            number: libc::$number,
            shape: Shape::$shape,
        }),*]
    };
}

/// All of them.
pub(super) static CALLS: &[Spec] = calls! {
    SYS_socket socket Socket;
    SYS_socketpair socketpair Socketpair;
    SYS_bind bind Address;
    SYS_connect connect Address;
    SYS_listen listen Listen;
    SYS_accept accept Accept;
    SYS_accept4 accept4 Accept4;
    SYS_getsockname getsockname NameOut;
    SYS_getpeername getpeername NameOut;
    SYS_setsockopt setsockopt SetOption;
    SYS_getsockopt getsockopt GetOption;
    SYS_sendto sendto SendTo;
    SYS_recvfrom recvfrom ReceiveFrom;
    SYS_sendmsg sendmsg SendMessage;
    SYS_recvmsg recvmsg ReceiveMessage;
    SYS_sendmmsg sendmmsg SendMessages;
    SYS_recvmmsg recvmmsg ReceiveMessages;
    SYS_shutdown shutdown Shutdown;
    SYS_read read Read;
    SYS_write write Write;
    SYS_readv readv ReadVector;
    SYS_writev writev WriteVector;
    SYS_preadv preadv ReadVectorAt;
    SYS_pwritev pwritev WriteVectorAt;
    SYS_preadv2 preadv2 ReadVectorAt;
    SYS_pwritev2 pwritev2 WriteVectorAt;
    SYS_sendfile sendfile SendFile;
    SYS_splice splice Splice;
    #[cfg(target_arch = "x86_64")] SYS_poll poll Poll;
    SYS_ppoll ppoll Ppoll;
    #[cfg(target_arch = "x86_64")] SYS_select select Select;
    SYS_pselect6 pselect6 Pselect;
    #[cfg(target_arch = "x86_64")] SYS_epoll_create epoll_create EpollCreate;
    SYS_epoll_create1 epoll_create1 EpollCreate1;
    SYS_epoll_ctl epoll_ctl EpollControl;
    #[cfg(target_arch = "x86_64")] SYS_epoll_wait epoll_wait EpollWait;
    SYS_epoll_pwait epoll_pwait EpollPwait;
    SYS_epoll_pwait2 epoll_pwait2 EpollPwait2;
    SYS_dup dup Dup;
    #[cfg(target_arch = "x86_64")] SYS_dup2 dup2 Dup2;
    SYS_dup3 dup3 Dup3;
    SYS_fcntl fcntl Fcntl;
    SYS_ioctl ioctl Ioctl;
    SYS_close close Close;
    SYS_close_range close_range CloseRange;
    SYS_io_uring_setup io_uring_setup UringSetup;
    SYS_io_uring_enter io_uring_enter UringEnter;
    SYS_io_uring_register io_uring_register UringRegister;
};

/// The call with that number.
pub(super) fn find(number: u64) -> Option<&'static Spec> {
    /// Numbers of both architectures end below this.
    const NUMBERS: usize = 512;
    static TABLE: std::sync::LazyLock<[Option<&'static Spec>; NUMBERS]> =
        std::sync::LazyLock::new(|| {
            let mut table = [None; NUMBERS];
            for spec in CALLS {
                if let Some(place) = table.get_mut(spec.number as usize) {
                    *place = Some(spec);
                }
            }
            table
        });
    TABLE.get(usize::try_from(number).ok()?).copied().flatten()
}

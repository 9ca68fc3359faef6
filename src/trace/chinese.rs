//! Every sentence of the tracer, in Chinese.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::call::{Events, Kind};
use super::event::Note;
use super::statement::{Emptiness, Statement, Waited};
use crate::language::Language;
use crate::socket::options::{SocketOption, Value};

/// An address in words: `127.0.0.1 的端口 1060`.
struct Place(SocketAddr);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} 的端口 {}", self.0.ip(), self.0.port())
    }
}

/// A time in words: `0.25 秒`, `12 毫秒`, `80 微秒`.
struct InWords(Duration);

impl fmt::Display for InWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_micros() {
            micros @ ..1000 => write!(f, "{micros} 微秒"),
            micros @ ..1_000_000 => write!(f, "{} 毫秒", micros / 1000),
            _ => write!(f, "{} 秒", (self.0.as_secs_f64() * 100.0).round() / 100.0),
        }
    }
}

/// A statement whose `Display` is Chinese.
pub(super) struct Chinese<'a>(pub(super) &'a Statement);

impl fmt::Display for Chinese<'_> {
    #[rustfmt::skip]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Statement::NeverReturned => write!(f, "程序在这个调用中结束，或者 udpraw 停止了跟踪。"),
            Statement::NothingToReceive(why) => f.write_str(nothing(*why)),
            Statement::NobodyListens { peer: Some(peer) } => write!(f, "先前发出的数据报引来一个 ICMP 错误：{} 上没有程序在接收。", Place(*peer)),
            Statement::NobodyListens { peer: None } => write!(f, "先前发出的数据报引来一个 ICMP 错误：那里没有程序在接收。"),
            Statement::Interrupted => write!(f, "程序在这个调用中睡眠时收到了一个信号。"),
            Statement::AddressInUse { address: Some(address) } => write!(f, "另一个套接字已经占用了 {}。", Place(*address)),
            Statement::AddressInUse { address: None } => write!(f, "另一个套接字已经占用了这个地址。"),
            Statement::NoDestination => write!(f, "这个调用没有给出目标地址，套接字也没有连接到对端。"),
            Statement::TooLong => write!(f, "数据报超过了 UDP 允许的长度，或者路径不分片就无法承载。"),
            Statement::Connecting => write!(f, "连接正在后台建立。"),
            Statement::Refused { errno } => write!(f, "调用失败：{}。", Language::Chinese.errno(*errno)),
            Statement::MadeUdpSocket { fd, is_ipv6: true } => write!(f, "内核创建了一个 IPv6 的 UDP 套接字（SOCK_DGRAM），返回描述符 {fd}；从此程序用这个整数指代它。"),
            Statement::MadeUdpSocket { fd, is_ipv6: false } => write!(f, "内核创建了一个 IPv4 的 UDP 套接字（SOCK_DGRAM），返回描述符 {fd}；从此程序用这个整数指代它。"),
            Statement::MadeSocket { fd, kind } => write!(f, "内核创建了一个其他类型的套接字（{}），返回描述符 {fd}。", word(*kind)),
            Statement::MadePair => write!(f, "内核创建了一对彼此相连的套接字。"),
            Statement::BoundToPickedPort { port } => write!(f, "内核为这个套接字选了端口 {port}：端口 0 表示任选一个空闲端口。"),
            Statement::BoundToAnyPort => write!(f, "套接字绑定到一个本地地址；端口 0 让内核任选一个空闲端口。"),
            Statement::Bound { address: Some(address) } => write!(f, "套接字绑定到本地地址 {}。", Place(*address)),
            Statement::Bound { address: None } => write!(f, "套接字绑定到一个本地地址。"),
            Statement::Connected { peer } => write!(f, "从此这个套接字只与 {} 收发数据报。这一步没有发送任何东西。", Place(*peer)),
            Statement::Disconnected => write!(f, "套接字不再连接到某个对端。"),
            Statement::ConnectedOther { kind } => write!(f, "这个套接字（{}）已经连接。", word(*kind)),
            Statement::PortPicked { port } => write!(f, "这个套接字没有绑定，内核为它选了端口 {port}。"),
            Statement::Listening => write!(f, "从此套接字接受连接。"),
            Statement::Accepted { fd } => write!(f, "接受了一个连接，它的套接字是描述符 {fd}。"),
            Statement::OwnPort { address } => write!(f, "程序询问套接字的本地地址：{}。在选定路由之前，IP 地址还没有确定。", Place(*address)),
            Statement::OwnAddress { address: Some(address) } => write!(f, "程序询问套接字的本地地址：{}。", Place(*address)),
            Statement::OwnAddress { address: None } => write!(f, "程序询问套接字的本地地址，它不是 IP 地址。"),
            Statement::PeerAddress { address: Some(address) } => write!(f, "程序询问套接字的对端：{}。", Place(*address)),
            Statement::PeerAddress { address: None } => write!(f, "程序询问套接字的对端，它没有 IP 地址。"),
            Statement::AskedForDrops => write!(f, "程序询问内核在这个套接字上丢弃了多少数据报。"),
            Statement::OptionRead { option: Some(option), value } => option_read(f, option, value.as_ref()),
            Statement::OptionRead { option: None, .. } => write!(f, "程序读取一个套接字选项。"),
            Statement::OptionSet { option: Some(option), value } => option_set(f, option, value.as_ref()),
            Statement::OptionSet { option: None, .. } => write!(f, "程序设置一个套接字选项。"),
            Statement::Sent { bytes, peer: Some(peer) } => write!(f, "{bytes} 字节作为一个数据报发往 {}。UDP 不保证送达。", Place(*peer)),
            Statement::Sent { bytes, peer: None } => write!(f, "{bytes} 字节作为一个数据报发往已连接的对端。UDP 不保证送达。"),
            Statement::SentRun { bytes, datagrams, segment, peer: Some(peer) } => write!(f, "{bytes} 字节作为 {datagrams} 个数据报（每个最多 {segment} 字节）发往 {}，由内核切分（UDP_SEGMENT）。", Place(*peer)),
            Statement::SentRun { bytes, datagrams, segment, peer: None } => write!(f, "{bytes} 字节作为 {datagrams} 个数据报（每个最多 {segment} 字节）发往已连接的对端，由内核切分（UDP_SEGMENT）。"),
            Statement::SentMany { messages, peer: Some(peer) } => write!(f, "一次调用发送 {messages} 个数据报，第一个发往 {}。", Place(*peer)),
            Statement::SentMany { messages, peer: None } => write!(f, "一次调用发送 {messages} 个数据报，第一个发往已连接的对端。"),
            Statement::SentNothing => write!(f, "什么也没有发送。"),
            Statement::Wrote { bytes, kind } => write!(f, "向这个套接字（{}）写入 {bytes} 字节。", word(*kind)),
            Statement::Read { bytes, kind } => write!(f, "从这个套接字（{}）读取 {bytes} 字节。", word(*kind)),
            Statement::Received { wait, bytes, peer } => received(f, *wait, *bytes, *peer),
            Statement::ReceivedRun { datagrams, segment, peer: Some(peer) } => write!(f, "来自 {} 的 {datagrams} 个数据报（每个最多 {segment} 字节）合并成一个到达（UDP_GRO）。", Place(*peer)),
            Statement::ReceivedRun { datagrams, segment, peer: None } => write!(f, "{datagrams} 个数据报（每个最多 {segment} 字节）合并成一个到达（UDP_GRO）。"),
            Statement::ReceivedMany { messages, peer: Some(peer) } => write!(f, "一次调用接收 {messages} 个数据报，第一个来自 {}。", Place(*peer)),
            Statement::ReceivedMany { messages, peer: None } => write!(f, "一次调用接收 {messages} 个数据报。"),
            Statement::ReceivedNothing => write!(f, "什么也没有收到。"),
            Statement::ErrorReported { errno, peer, reporter } => reported(f, *errno, *peer, *reporter),
            Statement::NothingReady => write!(f, "没有就绪的事件，这个调用也不等待。"),
            Statement::TimedOut { limit: Some(limit) } => write!(f, "{} 之内什么也没有发生。", InWords(*limit)),
            Statement::TimedOut { limit: None } => write!(f, "什么也没有发生。"),
            Statement::Looked { ready } => write!(f, "程序只查看而不等待：{}。", events(*ready)),
            Statement::Slept { took, ready } => write!(f, "程序睡眠了 {}，醒来时{}。", InWords(*took), events(*ready)),
            Statement::WasReady { ready } => write!(f, "调用立刻或几乎立刻返回：{}。", events(*ready)),
            Statement::MadeEpoll { fd } => write!(f, "内核创建了 epoll 描述符 {fd}，它可以同时等待许多套接字。"),
            Statement::WatchChanged => write!(f, "程序选择 epoll 要报告某个套接字的哪些事件。"),
            Statement::Spliced { bytes } => write!(f, "{bytes} 字节在内核里从一个描述符移到另一个，不经过程序的内存。"),
            Statement::MadeUring => write!(f, "程序建立了 io_uring：通过它进行的操作不是系统调用，无法跟踪。"),
            Statement::UringSubmitted { requests } => write!(f, "内核从 io_uring 的队列取走 {requests} 个请求；这些操作无法跟踪。"),
            Statement::Duplicated { fd } => write!(f, "从此描述符 {fd} 也指代同一个套接字。"),
            Statement::ModeSet { is_nonblocking: true } => write!(f, "从此这个套接字上的调用立刻返回，不再等待。"),
            Statement::ModeSet { is_nonblocking: false } => write!(f, "从此这个套接字上的调用会一直等到可以进行为止。"),
            Statement::InheritanceSet => write!(f, "程序设置描述符在执行新程序（exec）时是否保持打开。"),
            Statement::AskedForMode => write!(f, "程序询问描述符的标志。"),
            Statement::OldRequest => write!(f, "程序用 ioctl(2) 读取或设置套接字的一个属性。"),
            Statement::ShutDown => write!(f, "套接字的一个或两个方向被关闭；描述符仍然打开。"),
            Statement::Closed { port: Some(port) } => write!(f, "程序关闭套接字；端口 {port} 重新空闲，除非另有描述符或套接字占用它。"),
            Statement::Closed { port: None } => write!(f, "程序关闭套接字。"),
            Statement::ClosedRange => write!(f, "程序关闭一段描述符，其中有套接字。"),
            Statement::Other { name } => write!(f, "程序调用 {name}(2)。"),
        }
    }
}

fn word(kind: Option<Kind>) -> &'static str {
    kind.map_or("socket", |kind| kind.word())
}

fn nothing(why: Emptiness) -> &'static str {
    match why {
        Emptiness::ErrorQueue => "错误队列是空的；读取它从不等待。",
        Emptiness::TimeOver => "在接收的时限（SO_RCVTIMEO）之内什么也没有到达。",
        Emptiness::NoWait => "还没有数据报到达，这个调用也不等待。",
        Emptiness::Unknown => "还没有数据报到达。",
    }
}

#[rustfmt::skip]
fn received(f: &mut fmt::Formatter<'_>, wait: Waited, bytes: usize, peer: Option<SocketAddr>) -> fmt::Result {
    match (wait, peer.map(Place)) {
        (Waited::Never, Some(peer)) => write!(f, "程序取走一个等候着的数据报：{bytes} 字节，来自 {peer}。"),
        (Waited::Never, None) => write!(f, "程序取走一个等候着的数据报：{bytes} 字节。"),
        (Waited::Long, Some(peer)) => write!(f, "程序在这个调用中睡眠，直到一个数据报到达：{bytes} 字节，来自 {peer}。"),
        (Waited::Long, None) => write!(f, "程序在这个调用中睡眠，直到一个数据报到达：{bytes} 字节。"),
        (Waited::Perhaps, Some(peer)) => write!(f, "一个数据报已在等候，或者立刻就到了：{bytes} 字节，来自 {peer}。"),
        (Waited::Perhaps, None) => write!(f, "一个数据报已在等候，或者立刻就到了：{bytes} 字节。"),
    }
}

#[rustfmt::skip]
fn reported(f: &mut fmt::Formatter<'_>, errno: i32, peer: Option<SocketAddr>, reporter: Option<IpAddr>) -> fmt::Result {
    let what = Language::Chinese.errno(errno);
    match (peer.map(Place), reporter) {
        (Some(peer), Some(by)) => write!(f, "错误队列里有一个错误，关于先前发往 {peer} 的数据报：{what}，由 {by} 报告。"),
        (Some(peer), None) => write!(f, "错误队列里有一个错误，关于先前发往 {peer} 的数据报：{what}。"),
        (None, Some(by)) => write!(f, "错误队列里有一个关于先前数据报的错误：{what}，由 {by} 报告。"),
        (None, None) => write!(f, "错误队列里有一个关于先前数据报的错误：{what}。"),
    }
}

/// The result of poll(2), select(2) or epoll_wait(2) as a clause.
fn events(ready: Events) -> &'static str {
    let [input, output, other] =
        [Events::INPUT, Events::OUTPUT, Events::OTHER].map(|event| ready.has(event));
    match (input, output, other) {
        (false, false, false) => "有事件就绪",
        (true, false, false) => "有数据可以接收",
        (false, true, false) => "有空间可以发送",
        (true, true, false) => "有数据可以接收，也有空间可以发送",
        (false, false, true) => "报告了错误或挂断",
        (true, false, true) => "有数据可以接收，并且报告了错误或挂断",
        (false, true, true) => "有空间可以发送，并且报告了错误或挂断",
        (true, true, true) => "有数据可以接收，也有空间可以发送，并且报告了错误或挂断",
    }
}

fn option_read(
    f: &mut fmt::Formatter<'_>,
    option: &SocketOption,
    value: Option<&Value>,
) -> fmt::Result {
    let (name, meaning) = (option.name, option.meaning_in(Language::Chinese));
    match value {
        Some(value) => write!(f, "{name} 的值是 {value}。这个选项的作用：{meaning}。"),
        None => write!(f, "程序读取 {name}。这个选项的作用：{meaning}。"),
    }
}

fn option_set(
    f: &mut fmt::Formatter<'_>,
    option: &SocketOption,
    value: Option<&Value>,
) -> fmt::Result {
    let (name, meaning) = (option.name, option.meaning_in(Language::Chinese));
    match value {
        Some(value) => write!(f, "程序把 {name} 设为 {value}。这个选项的作用：{meaning}。"),
        None => write!(f, "程序设置 {name}。这个选项的作用：{meaning}。"),
    }
}

/// A note in Chinese.
pub(super) fn note(note: &Note) -> String {
    match note {
        Note::MemoryByFile => {
            "这里禁止 process_vm_readv(2)：改从 /proc/PID/mem 读取程序的内存，速度较慢".into()
        }
        Note::MemoryByWords => {
            "这里禁止 process_vm_readv(2)：改用 PTRACE_PEEKDATA 逐字读取程序的内存，速度较慢".into()
        }
        Note::NoFilter { errno } => format!(
            "这里不能使用 seccomp(2)，{}：每个调用都让程序停两次，速度较慢",
            Language::Chinese.errno(*errno)
        ),
        Note::Uring => "程序建立了 io_uring：通过它进行的操作不是系统调用，无法跟踪".into(),
        Note::MixedAbi => {
            "程序用另一种架构的调用（int 0x80 或 x32）创建了套接字：这类调用的编号不同，不会显示"
                .into()
        }
        Note::Program32 { file } => {
            format!("{file} 是 32 位程序：它的调用编号不同，不会显示")
        }
    }
}

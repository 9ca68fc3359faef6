//! The exercises in Chinese.

use std::net::SocketAddr;
use std::time::Duration;

use udpraw::language::Language;

use super::Chinese;
use crate::cli::learn::text::{Exercises, Task};

fn errno(errno: i32) -> String {
    Language::Chinese.errno(errno)
}

/// What a program that ended said last, as a sentence behind another one.
fn said(last_line: &str) -> String {
    match last_line {
        "" => String::new(),
        line => format!("它的最后一行输出是：“{line}”"),
    }
}

#[rustfmt::skip]
impl Exercises for Chinese {
    fn exercises_title(&self) -> &'static str { "练习" }
    fn exported(&self, pages: usize, folder: &str) -> String { format!("已在 {folder} 写出 {pages} 个页面：从 index.html 开始。") }
    fn passed(&self, exercise: &str) -> String { format!("通过：{exercise}。") }
    fn not_yet(&self, exercise: &str) -> String { format!("还没有通过：{exercise}。") }
    fn hint(&self) -> &'static str { "提示" }
    fn its_calls(&self, left_out: usize) -> String {
        match left_out {
            0 => "你的程序做了什么".into(),
            more => format!("你的程序做了什么（更早的 {more} 个调用没有显示）"),
        }
    }
    fn written(&self, file: &str) -> String { format!("已写好 {file}。先读开头的说明，再修改它，直到通过练习。") }
    fn how_to_check(&self, command: &str) -> String { format!("检查命令：{command}") }
    fn exercises_progress(&self, done: usize, all: usize) -> String { format!("共 {all} 个练习，已通过 {done} 个。开始一个练习：udpraw learn start NAME") }
    fn cannot_run(&self, program: &str, reason: &str) -> String { format!("无法运行并观察 {program}：{reason}") }

    fn too_many_processes(&self, most: usize) -> String { format!("你的程序同时有超过 {most} 个进程和线程，已全部结束。它是不是启动了自己，或者在循环里 fork？") }
    fn too_many_calls(&self, most: usize) -> String { format!("你的程序做了超过 {most} 次套接字调用，已被结束。它是不是在不等待的循环里收发？") }
    fn uring(&self) -> String { "你的程序使用 io_uring。它的操作不是系统调用，无法观察：请用 sendto 和 recvfrom。".into() }
    fn speaks_tcp(&self) -> String { "你的程序创建的是 TCP 套接字（SOCK_STREAM）。这个练习是关于 UDP 的：请用 SOCK_DGRAM。".into() }
    fn no_socket(&self, seconds: u64) -> String { format!("你的程序在 {seconds} 秒内没有创建 UDP 套接字。它是不是在等别的东西，比如输入？") }
    fn no_socket_ended(&self, last_line: &str) -> String { format!("你的程序没有创建 UDP 套接字就结束了。{}", said(last_line)) }
    fn never_sent(&self, seconds: u64) -> String { format!("{seconds} 秒之内，你的程序没有向给定的端口（最后一个参数）发送数据报。") }
    fn never_bound(&self, port: u16) -> String { format!("你的程序没有绑定 UDP 套接字。服务器要调用 bind(('127.0.0.1', {port}))；端口是最后一个参数。") }
    fn other_port(&self, bound: SocketAddr, port: u16) -> String { format!("你的程序绑定了 {bound}，而要求的端口是 {port}：请从最后一个参数读取端口。") }
    fn port_taken(&self, number: i32) -> String { format!("bind 失败：{}。请用最后一个参数给的端口，不要写死。", errno(number)) }
    fn ended_early(&self, datagrams: usize, last_line: &str) -> String { format!("你的程序结束得太早，只收到了 {datagrams} 个数据报。{}", said(last_line)) }
    fn never_received(&self) -> String { "数据报已发给你的程序，但它没有调用 recvfrom 来接收。".into() }
    fn no_reply(&self, received: usize) -> String { format!("你的程序收到了 {received} 个数据报，但没有应答最后一个：请用 recvfrom 返回的地址调用 sendto。") }
    fn reply_elsewhere(&self, to: SocketAddr, client: SocketAddr) -> String { format!("请求来自 {client}，你的应答却发往 {to}。应答要发往这一次 recvfrom 返回的地址。") }
    fn reply_from_elsewhere(&self, from: SocketAddr, server: SocketAddr) -> String { format!("客户端问的是 {server}，你的应答却来自 {from}。请用收到请求的那个套接字应答，否则客户端不会理会。") }
    fn never_ends(&self, seconds: u64) -> String { format!("你的程序做完了事，{seconds} 秒之后还在运行：给每个 recvfrom 设超时，然后结束。") }
    fn ends_with_success(&self) -> String { "你的程序放弃了，退出状态却是 0，那表示成功。请用别的状态结束，例如 sys.exit(1)。".into() }

    fn server_task(&self) -> Task { Task { title: "会应答的服务器", task: "写一个服务器：绑定 127.0.0.1 和最后一个参数给出的端口。\n对每个数据报，都向发送者应答，内容不限。" } }

    fn unicode_task(&self) -> Task { Task { title: "经得起任何字节的服务器", task: "这是教科书的服务器，它按 ASCII 解码每个请求。\n让它经得起大于 127 的字节，并且应答之后的请求。" } }
    fn unicode_crashed(&self, byte: u8, last_line: &str) -> String { format!("一个含有字节 {byte} 的数据报就让你的服务器结束了：谁都能把它关掉。请捕获错误，或者用 errors=\"replace\" 解码。{}", said(last_line)) }

    fn forged_task(&self) -> Task { Task { title: "不理会伪造应答的客户端", task: "这是教科书的客户端（“Danger!”）。伪造者抢在服务器之前应答。\n让它不理会不是来自服务器的数据报，继续等待正确的应答。" } }
    fn forged_believed(&self, forger: SocketAddr, server: SocketAddr) -> String { format!("你问的是 {server}，却把 {forger} 的数据报当成了应答。请比较 recvfrom 返回的地址和服务器的地址，或者先 connect()。") }
    fn forged_same_host(&self, forger: SocketAddr, server: SocketAddr) -> String { format!("你把 {forger} 的数据报当成了 {server} 的应答。主机相同，端口不同：两者都要比较，那台主机上的任何程序都能发送。") }
    fn forged_gave_up(&self, forger: SocketAddr) -> String { format!("你的客户端发现 {forger} 不是服务器，就放弃了。这样陌生人就能让它停下：请忽略那个数据报，再接收一次。") }
    fn forged_printed(&self, text: &str) -> String { format!("你的客户端收到了正确的应答，但也打印了伪造的那个（“{text}”）。使用数据之前先检查发送者。") }

    fn retry_task(&self) -> Task { Task { title: "会重试、也会放弃的客户端", task: "没有人应答这个客户端，它会永远等下去。\n让它重发请求，每次等待的时间加倍（从大约 0.1 秒开始），\n一共至少 3 次，最多 10 次。然后以非 0 的退出状态结束。" } }
    fn retry_never(&self, seconds: u64) -> String { format!("你的客户端只发了一次请求，{seconds} 秒之后还在等。请求可能丢了：设一个超时（settimeout），再发一次。") }
    fn retry_too_few(&self, sends: usize) -> String { format!("你的客户端发了 {sends} 次请求就放弃了。丢包率 20% 时，每 25 个请求就有一个连丢两次：至少试 3 次。") }
    fn retry_not_doubled(&self, attempt: usize, before: Duration, after: Duration) -> String { format!("第 {attempt} 次发送在前一次之后 {:.1} 秒发出，第 {} 次又是 {:.1} 秒之后：每次等待都要加倍。", before.as_secs_f64(), attempt + 1, after.as_secs_f64()) }
    fn retry_never_gives_up(&self, sends: usize) -> String { format!("你的客户端已经发了 {sends} 次请求：到一定时候要放弃（最多 10 次）。") }

    fn refused_task(&self) -> Task { Task { title: "听得到“没有人在接收”的客户端", task: "那个端口没有程序在接收。内核通过 ICMP 立刻就知道了。\n让客户端得知这个错误（ECONNREFUSED），并立刻以非 0 的退出状态结束。" } }
    fn refused_not_connected(&self) -> String { "那个端口没有程序在接收，内核通过 ICMP 立刻就知道了。它只告诉已连接的套接字：先 connect()，再 send() 和 recv()。".into() }
    fn refused_not_listened(&self) -> String { "你的套接字已经连接，但程序没有再做调用，内核无从报告错误。请在 send() 之后调用 recv()。".into() }
    fn refused_went_on(&self, sends: usize) -> String { format!("有一个调用以 ECONNREFUSED 失败，程序却继续运行（发送了 {sends} 次）。没有人在接收：说明情况，然后结束。") }

    fn ids_task(&self) -> Task { Task { title: "每个请求只执行一次的服务器", task: "服务器有一个从 0 开始的计数器。请求的形式是“编号 add”，例如 \"7 add\"。\n计数器加 1，应答“编号 计数器”，例如 \"7 1\"。\n网络会重复：同一个客户端再次发来同一个编号时，不要再加，\n而是发送同样的应答。别的客户端用同一个编号，是另一个请求。" } }
    fn ids_wrong_form(&self, request: &str, reply: &str) -> String { format!("对“{request}”的应答是“{reply}”。应答必须是这个请求的编号、一个空格和计数器。") }
    fn ids_executed_twice(&self, request: &str, reply: &str) -> String { format!("同一个客户端的“{request}”到达了两次（网络会这样重复），第二次的应答是“{reply}”：请求被执行了两次。请按客户端和编号记住应答。") }
    fn ids_duplicate_unanswered(&self, request: &str) -> String { format!("“{request}”到达了两次，第二次没有应答。第一个应答可能丢了：请再发一次。") }
    fn ids_without_client(&self, request: &str, reply: &str) -> String { format!("另一个客户端发来“{request}”，得到的却是第一个客户端的应答（“{reply}”）。编号是客户端自己选的：请连同地址一起记住。") }

    fn large_task(&self) -> Task { Task { title: "超过 MTU 的消息", task: "发送一条 10000 字节的消息，其中第 i 个字节是 i 除以 251 的余数。\n每个数据报最多 1472 字节，这样正好放进 1500 字节的包。\n每个数据报开头是其数据的偏移：4 字节，大端序。发完就结束。" } }
    fn large_too_long(&self, bytes: usize, most: usize) -> String { format!("发出了一个 {bytes} 字节的数据报。在以太网上它会被分片，丢一片就全丢：每个最多发 {most} 字节。") }
    fn large_no_offset(&self, offset: u32, length: usize) -> String { format!("一个 {length} 字节的数据报以偏移 {offset} 开头，它不在消息之内。请在每个数据报开头放 4 字节大端序的偏移（struct.pack(\"!I\", offset)）。") }
    fn large_little_endian(&self, offset: u32) -> String { format!("偏移 {offset} 是按本机的字节序发送的。网络上先发最高位字节：struct.pack(\"!I\", offset)。") }
    fn large_wrong_data(&self, offset: u32) -> String { format!("偏移 {offset} 之后的数据不是消息在那里的内容。偏移是按字节算的吗，还是按块数？") }
    fn large_missing(&self, missing: usize, length: usize) -> String { format!("消息的 {length} 字节中有 {missing} 字节没有到达。是不是漏了较短的最后一块？") }

    fn share_task(&self) -> Task { Task { title: "两个程序共用一个端口", task: "另一个程序已经占用了端口，并且允许别人共用（SO_REUSEPORT）。\n让这个服务器与它共用端口，并应答分到的数据报。" } }
    fn share_no_option(&self, number: i32) -> String { format!("bind 失败：{}。两个程序都要在 bind 之前设置 SO_REUSEPORT。", errno(number)) }
    fn share_reuseaddr(&self, number: i32) -> String { format!("你的程序设了 SO_REUSEADDR，bind 还是失败：{}。那是另一个选项；端口的占用者设的是 SO_REUSEPORT。", errno(number)) }
    fn share_too_late(&self) -> String { "你的程序在 bind 失败之后才设置 SO_REUSEPORT。与 bind 有关的选项必须在它之前设置。".into() }
    fn share_silent(&self, flows: usize) -> String { format!("{flows} 个客户端向这个端口发送，大约一半分给了你的程序，它一个也没有应答。") }

    fn broadcast_task(&self) -> Task { Task { title: "向所有人提问", task: "向广播地址 127.255.255.255 和最后一个参数给出的端口发送一个数据报。\n会有两个程序应答。接收两个应答，然后结束（丢了一个也要结束）。" } }
    fn broadcast_no_permission(&self, number: i32) -> String { format!("sendto 失败：{}。发送之前必须先允许广播：setsockopt(SOL_SOCKET, SO_BROADCAST, 1)。", errno(number)) }
    fn broadcast_unicast(&self, to: SocketAddr) -> String { format!("你的问题发往 {to}，那只是一台主机。这个网络的广播地址是 127.255.255.255。") }
    fn broadcast_too_few(&self, received: usize, replies: usize) -> String { format!("{replies} 个程序应答了，你的程序只收到 {received} 个：反复调用 recvfrom，直到超时说明不再有。") }

    fn copy_task(&self) -> Task { Task { title: "经过丢包的网络复制文件", task: "用停止等待协议发送一个文件。参数是文件和端口。网络丢包 20%。\n每个数据报是一个编号（4 字节，大端序，从 0 开始）加最多 1024 字节数据。\n接收方用编号（4 字节）确认每个数据报。收到确认才发下一个；\n大约 0.1 秒没有确认，就重发同一个。\n最后发送一个没有数据的编号，同样等到确认为止（试 20 次就够）。" } }
    fn copy_wrong_form(&self, number: u32, expected: u32) -> String {
        match number {
            u32::MAX => "有一个数据报比编号还短；编号占 4 字节。".into(),
            _ => format!("应该是数据报 {expected} 的时候来了 {number}，或者数据超过 1024 字节。编号从 0 开始，4 字节，大端序。"),
        }
    }
    fn copy_did_not_wait(&self, number: u32) -> String { format!("数据报 {number} 在 {} 的确认到达之前就发出了：比较确认里的编号，等到它再发。", number - 1) }
    fn copy_no_retransmission(&self, number: u32, seconds: u64) -> String { format!("数据报 {number} 或它的确认丢了；{seconds} 秒之后还没有重发。设一个超时，重发同一个数据报。") }
    fn copy_incomplete(&self, bytes: usize, of: usize) -> String { format!("{of} 字节中到达了 {bytes} 字节，你的程序就结束了。") }
    fn copy_wrong_data(&self, number: u32) -> String { format!("数据报 {number} 的数据不是文件的内容。请用二进制方式打开，并从上一块结束的地方接着读。") }
    fn copy_no_end(&self) -> String { "数据都到了，但没有结尾：再发一个没有数据的编号，接收方才知道文件完整了。".into() }
}

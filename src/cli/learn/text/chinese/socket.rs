//! The chapter "The socket" in Chinese.

use std::net::SocketAddr;

use udpraw::language::Language;

use super::Chinese;
use crate::cli::learn::text::{Socket, Words};

#[rustfmt::skip]
impl Socket for Chinese {
    fn socket(&self) -> Words {
        Words {
            title: "套接字是通信端点，也是一个整数",
            claim: "套接字是一个通信端点。操作系统用整数标识它；地址族和类型决定它用 IPv4 和 UDP。",
            question: "程序打开一个套接字，得到描述符 3。再打开第二个，关闭第一个，然后打开第三个。第三个的号码是几？",
            choices: ["3", "4", "5"],
            attempt: "查看所有 UDP 套接字的描述符",
        }
    }
    fn socket_number(&self, descriptor: usize) -> String { format!("内核对 socket(2) 的回答是整数 {descriptor}。此后的调用都用它指代这个套接字。") }
    fn socket_again(&self, closed: usize, next: usize) -> String { format!("close({closed}) 之后，下一个套接字得到 {next}：最小的空闲号码。") }
    fn socket_kind(&self, family: &str, kind: &str, protocol: &str) -> String { format!("socket({family}, {kind}) 创建了一个 {protocol} 套接字。") }
    fn socket_endpoint(&self, address: SocketAddr) -> String { format!("绑定之后，它就是端点 {address}：别人可以向它发送。") }

    fn bind(&self) -> Words {
        Words {
            title: "bind 接受主机和端口",
            claim: "bind() 给套接字一个本地地址，包括 IP 地址和端口。端口已被占用时，它会失败。",
            question: "一个套接字绑定了 127.0.0.1 的某个端口，另一个程序也来绑定同一个端口。会怎样？",
            choices: ["两个都收到每个数据报", "第二个 bind 失败", "第一个套接字失去端口"],
            attempt: "查出谁占用着一个端口",
        }
    }
    fn bind_done(&self, address: SocketAddr) -> String { format!("bind 给了第一个套接字本地地址 {address}。") }
    fn bind_taken(&self, address: SocketAddr, errno: i32) -> String { format!("第二个程序也要 {address}：{}。在 Python 里这是 OSError 异常。", Language::Chinese.errno(errno)) }
    fn bind_holder(&self, port: u16, pid: u32, descriptor: u32) -> String { format!("端口 {port} 由进程 {pid} 占用，对应它的描述符 {descriptor}。") }
    fn bind_other_host(&self, address: SocketAddr) -> String { format!("同一个端口在另一个 IP 地址上是空闲的：{address}。bind 要的是主机加端口。") }

    fn waiting(&self) -> Words {
        Words {
            title: "recvfrom 会等待",
            claim: "没有请求的时候，recvfrom() 处于等待状态。",
            question: "服务器在 recvfrom 里等了一个小时，用去多少 CPU 时间？",
            choices: ["一个小时", "没有", "每秒一点点"],
            attempt: "观察一个等待中的服务器",
        }
    }
    fn waiting_asleep(&self, state: char) -> String { format!("什么也没有到达时，/proc 显示进程的状态是 {state}：它在调用里睡眠，不占用 CPU。") }
    fn waiting_woken(&self, millis: u64) -> String { format!("数据报唤醒了它。这个调用持续了 {millis} 毫秒。") }

    fn sendto(&self) -> Words {
        Words {
            title: "sendto 接受数据和地址，recvfrom 返回它们",
            claim: "sendto() 接受数据和目标地址；recvfrom() 返回两个值：数据和发送者的地址。",
            question: "客户端的套接字从未连接。服务器怎么知道该把应答发到哪里？",
            choices: ["recvfrom 返回了发送者的地址", "客户端把地址写在数据里", "它向内核询问客户端的名字"],
            attempt: "查看真正的服务器和客户端的这些调用",
        }
    }
    fn sendto_both(&self, bytes: usize, to: SocketAddr) -> String { format!("sendto 接受了 {bytes} 字节和目标 {to}。") }
    fn recvfrom_both(&self, bytes: usize, from: SocketAddr) -> String { format!("recvfrom 返回了这 {bytes} 字节和发送者 {from}。") }
    fn sendto_nowhere(&self, errno: i32) -> String { format!("没有目标的发送失败了：{}。", Language::Chinese.errno(errno)) }

    fn own_port(&self) -> Words {
        Words {
            title: "操作系统为客户端选端口",
            claim: "客户端没有指明端口时，由操作系统分配一个。",
            question: "客户端发出了第一个数据报，然后询问自己的地址。IP 地址是什么？",
            choices: ["127.0.0.1", "0.0.0.0", "服务器的地址"],
            attempt: "看看每个客户端得到哪个端口",
        }
    }
    fn own_port_before(&self) -> String { "第一次 sendto 之前套接字没有端口：getsockname 返回 0。".into() }
    fn own_port_picked(&self, port: u16, low: u16, high: u16) -> String { format!("第一次 sendto 时，内核从 ip_local_port_range 的 {low} 到 {high} 中选了端口 {port}。") }
    fn own_port_unspecified(&self, address: SocketAddr) -> String { format!("getsockname 返回 {address}。0.0.0.0 的意思是：还没有决定。每个数据报的源地址都由路由重新选择。") }
    fn own_port_routed(&self, address: SocketAddr) -> String { format!("连接到一个对端之后，路由已知，地址也就已知：{address}。") }

    fn text(&self) -> Words {
        Words {
            title: "套接字传送的是字节，不是文本",
            claim: "文本发送之前要编码成字节，收到之后要从字节解码。",
            question: "教科书的服务器按 ASCII 解码每个请求。客户端发来一个大于 127 的字节，会怎样？",
            choices: ["那个字节变成问号", "数据报不会送达", "服务器结束运行"],
            attempt: "把这样的字节发给一个经得起的服务器",
        }
    }
    fn text_ascii(&self, characters: usize, bytes: usize) -> String { format!("{characters} 个 ASCII 字符是 {bytes} 字节，服务器解码成功。") }
    fn text_utf8(&self, text: &str, characters: usize, bytes: usize) -> String { format!("“{text}”有 {characters} 个字符，按 UTF-8 编码是 {bytes} 字节。") }
    fn text_crashed(&self, byte: u8, position: usize) -> String { format!("位置 {position} 上的字节 {byte} 不是 ASCII。解码失败，异常没有人处理，服务器就结束了。") }
    fn text_refused(&self, errno: i32) -> String { format!("下一个客户端得到的是：{}。一个数据报就让服务停了。", Language::Chinese.errno(errno)) }

    fn size(&self) -> Words {
        Words {
            title: "要收 65535 字节，最多只有 65507",
            claim: "教科书用 MAX_BYTES = 65535 接收。IPv4 上没有这么长的数据报。",
            question: "IPv4 上的一个 UDP 数据报最多能装多少字节？",
            choices: ["65535", "65507", "1500"],
            attempt: "找出能到达一台主机的最大数据报",
        }
    }
    fn size_refused(&self, bytes: usize, errno: i32) -> String { format!("发送 {bytes} 字节失败：{}。", Language::Chinese.errno(errno)) }
    fn size_largest(&self, bytes: usize, asked: usize) -> String { format!("发送的 {bytes} 字节完整到达；接收方要的是最多 {asked} 字节。") }
    fn size_headers(&self) -> String { "IP 的长度字段最多表示 65535 字节：IP 首部 20，UDP 首部 8，剩下 65507 是数据。".into() }
    fn size_truncated(&self, bytes: usize, sent: usize) -> String { format!("只要 {bytes} 字节的接收方得到了 {sent} 字节中的 {bytes} 字节，其余的永远丢失。") }
}
